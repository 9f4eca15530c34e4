"""What there is in a results folder, and in a sweep, a line each: values and their words.

Law: what cannot be read is a line that says why, never a line that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from lab.report.amounts import many
from lab.report.sweep_table import CONTROL
from lab.report.table import FIXED, Table
from lab.scenario.sweeping import Setting, shortest, spelled

FORMAT = 1
_NOBODY = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A run or a sweep. `outcome` and `owner` are empty where there is no verdict; `note` then says why.

    `done` of `planned` cells have a run that counts; None both for a run, and for a `sweep` that cannot be read.
    """

    id: str
    scenario: str
    folder: str
    sweep: bool = False
    outcome: str = ""
    owner: str = ""
    done: int | None = None
    planned: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ListedCell:
    """A cell of a sweep, `tried` so often; `run` is the folder that counts, empty where none does; `note` says why."""

    cell: str
    setting: Setting
    repetition: int
    control: bool
    tried: int
    outcome: str = ""
    owner: str = ""
    run: str = ""
    note: str = ""


def words(found: Sequence[Listed], where: str) -> Table:
    """Return runs and sweeps in words."""
    return Table(
        title=f"{where}   {many(sum(not each.sweep for each in found), 'run')}, "
        f"{many(sum(each.sweep for each in found), 'sweep')}",
        heads=("id", "scenario", "outcome", "owner"),
        rows=tuple((each.id, each.scenario, _state(each), each.owner or _NOBODY) for each in found),
    )


def words_of_cells(found: Sequence[ListedCell], sweep: str) -> Table:
    """Return the cells of a sweep in words, each run by the id that `lab show` takes."""
    keys = list(dict.fromkeys(key for each in found for key, _ in each.setting))
    names = dict(zip(keys, shortest(keys), strict=True))
    return Table(
        title=f"{sweep}   {many(len(found), 'cell')}, {sum(not each.run for each in found)} missing",
        heads=("cell", "setting", "repetition", "tried", "outcome", "owner", "run"),
        rows=tuple(
            (
                each.cell,
                CONTROL if each.control else spelled(tuple((names[key], value) for key, value in each.setting)),
                str(each.repetition),
                str(each.tried),
                each.outcome or f"missing: {each.note}",
                each.owner or _NOBODY,
                PurePath(each.run).name or _NOBODY,
            )
            for each in found
        ),
        right=frozenset(("repetition", "tried")),
    )


def to_json(kind: str, found: Sequence[Listed] | Sequence[ListedCell]) -> str:
    """Return `found` as one JSON document with a list called `kind`; what is not known is null."""
    lines = [{key: _plain(key, value) for key, value in asdict(each).items()} for each in found]
    return json.dumps({"format": FORMAT, kind: lines}, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _plain(key: str, value: Any) -> Any:
    return dict(value) if key == "setting" else None if value == "" else value


def _state(listed: Listed) -> str:
    if listed.planned is not None:
        return f"{listed.done}{FIXED}of{FIXED}{listed.planned}{FIXED}cells"
    return listed.outcome or listed.note
