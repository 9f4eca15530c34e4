"""What `--until-decided` can be asked of: checked before anything is started.

Law: a run may stop early only where stopping measures the same thing, which is a rate that is even over time. Whatever
happens at set moments of the media would be cut away with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.errors import UsageError
from lab.faults import Skip
from lab.scenario import units
from lab.scenario.model import Scenario

_DURATION = "media.duration"


def capped(sets: Sequence[str], at_most: str | None, *, until_decided: bool) -> tuple[str, ...]:
    """Return `sets` with the cap as the media's length. UsageError when the options contradict each other."""
    if at_most is None:
        return tuple(sets)
    if not until_decided:
        raise UsageError("--at-most caps a run that stops by itself", fix="add --until-decided")
    if any(each.partition("=")[0].strip() == _DURATION for each in sets):
        raise UsageError(f"--at-most and --set {_DURATION} both say how long the media is", fix="give one of them")
    try:
        cap_ms = units.duration(at_most)
    except ValueError as error:
        raise UsageError(f"--at-most {error}") from error
    _above_floor(f"--at-most {at_most}", cap_ms)
    return (*sets, f"{_DURATION}={at_most}")


def admit(scenario: Scenario) -> None:
    """Raise UsageError when `scenario` cannot stop by itself."""
    from lab.analysis.verdicts.enough import awaited  # nobody else waits for what it imports

    name = scenario.name
    if not awaited(scenario.expect):
        raise UsageError(
            f"{name}: nothing to decide: --until-decided waits for rates and quantiles with a limit of their own",
            fix='e.g. expect: {audio_loss: "<= 5%"}; counts, and limits relative to the network, are facts of any run',
        )
    if scenario.timeline:
        raise UsageError(f"{name}: its timeline would be cut short", fix="leave --until-decided out")
    if uneven := [fault for fault in scenario.inject if not isinstance(fault, Skip)]:
        words = f"{name}: its fault {type(uneven[0]).__name__} comes at set moments, which would be cut away"
        raise UsageError(words, fix="leave --until-decided out")
    _above_floor(
        f"{name}: its media lasts {units.format_duration(scenario.media.duration_ms)}, which",
        scenario.media.duration_ms,
    )


def _above_floor(subject: str, length_ms: float) -> None:
    from lab.analysis.verdicts.enough import FLOOR_MS

    if length_ms <= FLOOR_MS:
        floor = units.format_duration(FLOOR_MS)
        raise UsageError(f"{subject} leaves nothing to stop: less than {floor} is never enough", fix="give more")
