"""Which labs the runs of a sweep need: for each scenario the one whose lab serves it.

Law: as few labs as sharing allows (`rig.sharing`). A lab is built for the scenario that needs the most of it, so that a
clean control does not need another one only because nobody disturbs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.rig.standing.sharing import Frame, extras, frame
from lab.scenario.model import Scenario


def hosts(scenarios: Sequence[Scenario]) -> tuple[int, ...]:
    """Return for each scenario the position of the one whose lab serves it, itself or another."""
    needs = [extras(scenario) for scenario in scenarios]
    found: dict[int, int] = {}
    built: dict[Frame, list[int]] = {}
    for place in sorted(range(len(scenarios)), key=lambda each: -len(needs[each])):
        labs = built.setdefault(frame(scenarios[place]), [])
        fit = [host for host in labs if needs[place] <= needs[host]]
        if not fit:
            labs.append(place)
        found[place] = fit[0] if fit else place
    return tuple(found[place] for place in range(len(scenarios)))
