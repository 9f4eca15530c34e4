"""The plan by which a sweep is run: all that was settled before the first run, and kept as `plan.json`.

Law: written once. What is read back equals what was written, and its cells find their sound files beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lab.batch.plans.cells import Cell
from lab.batch.plans.plan_file import FORMAT, PlanFile, StoredCell, read
from lab.scenario.sweeping import Axis

SOUNDS = "sounds"
"""Folder beside plan.json with the sound files of its cells, each named by its hash."""


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
