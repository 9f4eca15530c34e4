"""What a sweep adds up to when it ends: how many cells have no run that counts, and the exit code.

Law: what failed for any reason at all is no success. A run that failed is what a search for a limit looks for; a limit
that is not known is no answer, and one of which no run counts exits as its runs did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.analysis.values import Outcome
from lab.analysis.verdicts.verdict import CODES, exit_code
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import ERROR
from lab.batch.plans.cells import Cell
from lab.batch.sweeps import limit
from lab.batch.sweeps.selecting import Selection
from lab.errors import LabError, LeftoverError

_VOID = CODES[Outcome.VOID]


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep came to: its folder, how many of the cells asked for have no run that counts, the exit code."""

    folder: Path
    missing: int
    exit_code: int


def summary(folder: SweepFolder, selection: Selection, leftovers: int) -> Swept:
    """Sum up the sweep in `folder`, as far as it was asked for; `leftovers` is how often something was left behind."""
    cells = folder.cells if folder.search else selection.of(folder.plan)
    codes = _of_search(folder) if folder.search else [_code(folder, cell) for cell in cells]
    missing = sum(folder.valid(cell) is None for cell in cells)
    faults = [LeftoverError.exit_code] if leftovers else []
    return Swept(folder=folder.path, missing=missing, exit_code=exit_code((), [*codes, *faults]))


def _of_search(folder: SweepFolder) -> list[int]:
    """Return what each limit exits with, and why nothing was measured where nothing was."""
    found = limit.limits(folder)
    empty = {each.setting for each in found if not each.runs}
    vain = [cell for cell in folder.cells if not cell.control and limit.beside(cell, folder.search) in empty]
    return [*(0 if each.is_known else _VOID for each in found), *(_code(folder, cell) for cell in vain)]


def _code(folder: SweepFolder, cell: Cell) -> int:
    """Return what the cell alone would exit with; without an answer, as the last attempt that failed, else as void."""
    if valid := folder.valid(cell):
        return CODES[Outcome(valid.outcome)]
    failed = next((ended for ended in reversed(folder.ended(cell)) if ended.outcome == ERROR), None)
    return (failed.exit_code or LabError.exit_code) if failed else _VOID
