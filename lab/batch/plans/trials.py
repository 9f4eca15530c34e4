"""The order of a sweep: every setting once per repetition in a random order, and clean controls in between.

Law: the order comes from the seed alone. Every cell of a repetition is begun before the next one, so that a sweep that
ends early has tried every setting about as often, and a machine that changes meanwhile changes it for all of them; a
cell that was void or failed comes back after all repetitions. A control is its neighbour with nothing done to it, so
that it needs no other lab.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.errors import ScenarioError, UsageError
from lab.scenario import expectations
from lab.scenario.load import Draft
from lab.scenario.model import Crowd, Impairment, Limits, Scenario
from lab.scenario.sweeping import Setting, Sweep, settings, spelled
from lab.scenario.tree import one_line

CONTROL_EVERY = 10
"""How many cells share a control; there is one before the first and one after the last."""
_MOST_TOLD = 10
"""So many complaints about values are told at once."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run to be made, not yet a cell: a setting, which time it is tried, and what that means."""

    setting: Setting
    repetition: int
    scenario: Scenario
    control: bool = False


def trials(file: Draft, sweep: Sweep, seed: int | None) -> tuple[Trial, ...]:
    """Return every trial of `sweep` over `file`, in the order in which they are run. ScenarioError, UsageError."""
    if seed is not None and any(key == "seed" for axis in sweep.axes for key in axis.keys):
        raise UsageError("--seed and the axis seed both say where randomness starts", fix="give one of them")
    once = _scenarios(file, sweep, seed)
    return tuple(
        Trial(setting=setting, repetition=again, scenario=replace(scenario, seed=_seed(scenario.seed, f"{again}")))
        for again in range(1, sweep.repeat + 1)
        for setting, scenario in sorted(once, key=lambda each: _lot(each[1].seed, again, each[0]))
    )


def _scenarios(file: Draft, sweep: Sweep, seed: int | None) -> list[tuple[Setting, Scenario]]:
    """Return what each setting of `sweep` makes of `file`. ScenarioError: each complaint once, with its first setting.

    A complaint may show far from the key that is to blame.
    """
    found, wrong, told = list[tuple[Setting, Scenario]](), dict[str, Setting](), set[str]()
    for setting in settings(sweep):
        try:
            found.append((setting, file.scenario(setting, seed=seed)))
        except ScenarioError as error:
            new = [line for line in str(error).splitlines() if line not in told]
            told.update(new)
            wrong.update({"\n".join(new): setting} if new else {})
    if wrong:
        raise ScenarioError("\n".join(_told(wrong)))
    return found


def _told(wrong: Mapping[str, Setting]) -> Iterator[str]:
    for complaint, setting in list(wrong.items())[:_MOST_TOLD]:
        yield f"{complaint}\n  in the cell {one_line(spelled(setting))}" if setting else complaint
    if len(wrong) > _MOST_TOLD:
        yield f"and {len(wrong) - _MOST_TOLD} more"


def with_controls(ordered: Sequence[Trial]) -> Iterator[Trial]:
    """Yield `ordered` with controls evenly in between, the first one first and the last one last."""
    count = 1 + math.ceil(len(ordered) / CONTROL_EVERY)
    places = [round(number * len(ordered) / (count - 1)) for number in range(count)]
    for place, trial in enumerate(ordered):
        if place in places:
            yield _control(trial, 1 + places.index(place))
        yield trial
    yield _control(ordered[-1], count)


def clean(scenario: Scenario) -> Scenario:
    """Return `scenario` with links that do nothing, no faults, no later limits, nobody else, and the default asked."""
    return replace(
        scenario,
        clients=tuple(replace(client, after_join=Limits()) for client in scenario.clients),
        links=tuple(replace(link, up=Impairment(), down=Impairment()) for link in scenario.links),
        timeline=(),
        impair="after_join",
        inject=(),
        server=replace(scenario.server, after_join=Limits(), crowd=Crowd()),
        expect=tuple(expectations.expectations(expectations.DEFAULT)),
    )


def _control(neighbour: Trial, number: int) -> Trial:
    scenario = clean(neighbour.scenario)
    seed = _seed(scenario.seed, f"control {number}")
    return Trial(setting=neighbour.setting, repetition=number, scenario=replace(scenario, seed=seed), control=True)


def _seed(seed: int, what: str) -> int:
    """Return the seed of a repetition or control: the first repetition keeps the sweep's own."""
    return seed if what == "1" else int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:4], "big")


def _lot(seed: int, repetition: int, setting: Setting) -> bytes:
    return hashlib.sha256(f"{seed} {repetition} {setting}".encode()).digest()
