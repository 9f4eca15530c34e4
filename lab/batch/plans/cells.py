"""The cells of a sweep: what each is, and what makes two of them the same.

Law: a cell is what it does. Its id is made of the resolved scenario but its name, the seed, the repetition, what its
images are made of and the format, and of nothing else, so that two plans that agree about a cell would run the same
thing, on whatever machine. The scenario's description is in it: with another one the same thing is another cell. That
stays so, for the ids of stored sweeps must not change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from lab.batch.plans.hosts import hosts
from lab.batch.plans.plan_file import FORMAT
from lab.batch.plans.trials import Trial
from lab.errors import UsageError
from lab.scenario import sweeping
from lab.scenario.dump import dump, plain
from lab.scenario.load import loads
from lab.scenario.model import Scenario
from lab.scenario.sweeping import Dice, Setting, shortest

ImagesOf = Callable[[Scenario], Mapping[str, str]]
"""Says which images a run of a scenario needs, and what each is made of, as `recipes_for` does."""


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
    def dice(self) -> Dice:
        """What cells share whose chance is the same."""
        return sweeping.dice(self.setting, self.repetition)

    @property
    def label(self) -> str:
        """What a person calls it: its setting, each key as short as it goes, and which repetition it is."""
        names = shortest([key for key, _ in self.setting])
        setting = tuple((name, value) for name, (_, value) in zip(names, self.setting, strict=True))
        return f"{'clean control' if self.control else sweeping.spelled(setting)} #{self.repetition}"

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario in `text`, with its sound file found."""
        scenario = loads(self.text, source=f"cell {self.id}", recorded=True)
        sound = scenario.media.audio
        if sound is None or sound.sha256 not in self.sounds:
            return scenario
        found = replace(sound, path=self.sounds[sound.sha256])
        return replace(scenario, media=replace(scenario.media, audio=found))


def cells_of(trials: Sequence[Trial], images_of: ImagesOf) -> tuple[Cell, ...]:
    """Return the cell of each of `trials`. UsageError where two settings mean the same."""
    found = tuple(_cells(trials, images_of))
    _check_different(found)
    return found


def _cells(trials: Sequence[Trial], images_of: ImagesOf) -> Iterator[Cell]:
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
    """Return the first 12 hexadecimal digits of a hash of everything that the trial does, and of its description."""
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
