"""The cells of a sweep, and the plan they are run by: `plan.json`, written once before the first run.

Law: a cell is what it does. Its id is made of the resolved scenario, the seed, the repetition, what its images are
made of and the format, and of nothing else, so that two plans agree about a cell exactly when they would run the same
thing, on whatever machine. Cells of one repetition share one seed: what differs between them is the setting.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.batch.plans.hosts import hosts
from lab.batch.plans.images import recipes_for
from lab.batch.plans.plan_file import FORMAT, PlanFile, StoredCell, read
from lab.batch.plans.trials import Trial, trials, with_controls
from lab.errors import UsageError
from lab.evidence.store import token, utc_stamp
from lab.scenario import sweeping
from lab.scenario.dump import dump, plain
from lab.scenario.known import meant
from lab.scenario.load import Draft, draft, loads
from lab.scenario.model import Scenario
from lab.scenario.sweeping import Axis, Setting, Sweep, shortest
from lab.scenario.written import ScenarioWritten

SOUNDS = "sounds"
"""Folder beside plan.json with the sound files of its cells, each named by its hash."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run to be made: `text` is its resolved scenario, `control` whether it is a clean one.

    `host` is the resolved scenario that its lab is built for; cells of equal `host` share a lab.
    `setting` is what a control's neighbour was asked to do; `repetition` counts from 1, for controls as well.
    """

    id: str
    setting: Setting
    repetition: int
    control: bool
    text: str
    host: str
    sounds: Mapping[str, Path] = field(default_factory=dict, compare=False, repr=False)
    """Where sound files are, by hash."""

    @property
    def label(self) -> str:
        """What a person calls it: its setting, each key as short as it goes, and which repetition it is."""
        names = shortest([key for key, _ in self.setting])
        setting = tuple((name, value) for name, (_, value) in zip(names, self.setting, strict=True))
        return f"{'clean control' if self.control else sweeping.spelled(setting)} #{self.repetition}"

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario in `text`, with its sound file found."""
        scenario = loads(self.text, source=f"cell {self.id}")
        sound = scenario.media.audio
        if sound is None or sound.sha256 not in self.sounds:
            return scenario
        found = replace(sound, path=self.sounds[sound.sha256])
        return replace(scenario, media=replace(scenario.media, audio=found))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep, settled: its cells in the order in which they are run, and what they are run on.

    `sweep` is its id (UTC stamp and four digits), `source` the file it came from, `images` name → recipe, as
    `recipes_for` has them.
    """

    sweep: str
    source: str
    name: str
    seed: int
    axes: tuple[Axis, ...]
    repeat: int
    cells: tuple[Cell, ...]
    images: Mapping[str, str]
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """A hash of what will be run, in which order: equal for plans that are parts of one sweep."""
        return hashlib.sha256("\n".join((str(self.format), *(cell.id for cell in self.cells))).encode()).hexdigest()

    @property
    def labs(self) -> int:
        """How many different labs the cells need."""
        return len({cell.host for cell in self.cells})

    @property
    def distinct(self) -> tuple[Cell, ...]:
        """One cell of each setting, controls beside: its repetitions need the same images."""
        return tuple({(cell.setting, cell.control): cell for cell in self.cells}.values())

    def dump(self) -> str:
        """Return plan.json."""
        hosts = tuple(dict.fromkeys(cell.host for cell in self.cells))
        places = {text: place for place, text in enumerate(hosts)}
        cells = tuple(StoredCell(**_shared(cell, StoredCell), host=places[cell.host]) for cell in self.cells)
        return PlanFile(**_shared(self, PlanFile), hosts=hosts, cells=cells).dump()


def load(path: Path) -> Plan:
    """Return the plan in `path`, a plan.json. EvidenceError where it is none, edited, or of a newer format."""
    stored = read(path)
    sounds = {file.stem: file for file in sorted((path.parent / SOUNDS).glob("*.wav"))}
    cells = (Cell(**_shared(each, Cell), host=stored.hosts[each.host], sounds=sounds) for each in stored.cells)
    return Plan(**_shared(stored, Plan), cells=tuple(cells))


def _shared(value: Cell | StoredCell | Plan | PlanFile, other: type) -> dict[str, Any]:
    """Return the fields of `value` that `other` has as they are."""
    return {each.name: getattr(value, each.name) for each in fields(other) if each.name in _SAME}


_SAME = {each.name for each in fields(PlanFile) + fields(StoredCell)} - {"hosts", "host", "cells"}


def plan(  # noqa: PLR0913 - each is an option of `lab sweep`
    path: Path,
    *,
    axes: Sequence[str] = (),
    zips: Sequence[Sequence[str]] = (),
    repeat: int | None = None,
    sets: Sequence[str] = (),
    seed: int | None = None,
    images_of: Callable[[Scenario], Mapping[str, str]] = recipes_for,
    controls: bool = True,
    clock: Callable[[], int] = time.time_ns,
    entropy: Callable[[], str] = token,
) -> Plan:
    """Return the plan of the sweep over the scenario file `path`; every cell is resolved and checked, nothing is run.

    `axes` (`KEY=a,b`), `zips` and `repeat` are the command line's, `sets` are laid over the file first;
    `images_of` says of what the images are made that a run needs. ScenarioError, UsageError.
    """
    file = draft(path, sets=sets)
    base = file.scenario(seed=seed)
    asked = swept(file, axes, zips, repeat)
    _check_known(asked, base)
    ordered = trials(file, asked, seed)
    cells = tuple(_cells(tuple(with_controls(ordered)) if controls else ordered, images_of))
    _check_different(cells)
    return Plan(
        sweep=f"{utc_stamp(clock())}-{entropy()}",
        source=str(path),
        name=base.name,
        seed=base.seed,
        axes=asked.axes,
        repeat=asked.repeat,
        cells=cells,
        images=dict(sorted(item for cell in cells for item in images_of(cell.scenario).items())),
    )


def swept(file: Draft, axes: Sequence[str], zips: Sequence[Sequence[str]], repeat: int | None) -> Sweep:
    """Return the sweep that is asked for: the command line's axes, or where it has none the file's. UsageError."""
    written = file.sweep or Sweep(axes=())
    asked = [sweeping.axis(each) for each in axes] or written.axes
    found = sweeping.sweep(asked, zips, written.repeat if repeat is None else repeat)
    if not found.axes and found.repeat == 1:
        raise UsageError(
            f"{file.tree.source}: nothing to sweep",
            fix="give axes such as links.publisher.up.loss=0%,5%, or --repeat, or write a sweep: section",
        )
    return found


def _check_known(asked: Sweep, base: Scenario) -> None:
    """Refuse a key that starts nowhere, with the fields that end in it; what is wrong further in, loading says."""
    for key in (key for axis in asked.axes for key in axis.keys):
        if key.partition(".")[0] in ScenarioWritten.model_fields:
            continue
        if names := meant(key, base):
            raise UsageError(f"axis {key}: unknown field", fix=f"did you mean {' or '.join(names)}?")


def _cells(trials: Sequence[Trial], images_of: Callable[[Scenario], Mapping[str, str]]) -> Iterator[Cell]:
    texts = [dump(trial.scenario) for trial in trials]
    for trial, text, host in zip(trials, texts, hosts([trial.scenario for trial in trials]), strict=True):
        sound = trial.scenario.media.audio
        cell = Cell(
            id=_identity(trial, images_of(trial.scenario)),
            setting=trial.setting,
            repetition=trial.repetition,
            control=trial.control,
            text=text,
            host=texts[host],
            sounds={sound.sha256: sound.path} if sound and sound.path else {},
        )
        vars(cell)["scenario"] = trial.scenario  # what was just resolved need not be read back
        yield cell


def _identity(trial: Trial, images: Mapping[str, str]) -> str:
    """Return the first 12 hexadecimal digits of a hash of everything that the trial does."""
    does = {key: value for key, value in plain(trial.scenario).items() if key not in ("name", "seed")}
    what = {
        "scenario": does,
        "seed": trial.scenario.seed,
        "repetition": trial.repetition,
        "control": trial.control,
        "images": dict(images),
        "format": FORMAT,
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def _check_different(cells: Sequence[Cell]) -> None:
    """Refuse settings that mean the same: they would be one cell under two names."""
    first: dict[str, Cell] = {}
    for cell in cells:
        if cell.id in first:
            same = f"{sweeping.spelled(first[cell.id].setting)} and {sweeping.spelled(cell.setting)}"
            raise UsageError(f"{same} mean the same", fix="leave one out; use --repeat to run the same again")
        first[cell.id] = cell
