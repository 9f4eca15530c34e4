"""`lab ls`: what there is. Nothing is judged for it.

A run without a verdict says why: it was never judged, or has lost what it was judged by.
Law: a folder that is broken or of a newer format is a line that says so, and hides none of the others.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from lab.batch.folders.committed import SweepFolder, check_one_sweep
from lab.batch.folders.stored import closed, everything, is_sweep
from lab.batch.plans.cells import Cell
from lab.batch.runs.verdicts import kept, unsealed
from lab.errors import LabError
from lab.evidence.manifest import SEALED, read_manifest
from lab.report.listing import Listed, ListedCell


def listed(results: Path) -> tuple[Listed, ...]:
    """Return every run and every sweep below `results`, oldest first, then what nobody may look into. StorageError."""
    unread = [_unread(folder, error) for folder, error in closed(results)]
    return (*(_listed(folder) for folder in everything(results)), *unread)


def cells(path: Path) -> tuple[ListedCell, ...]:
    """Return every cell of the sweep in `path`, in the order of its plan. UsageError, EvidenceError."""
    folder = SweepFolder(path)
    check_one_sweep(folder)
    return tuple(_cell(folder, cell) for cell in folder.cells)


def _listed(folder: Path) -> Listed:
    sweep = is_sweep(folder)
    try:
        return _sweep(folder) if sweep else _run(folder)
    except LabError as error:
        return _unread(folder, error, sweep=sweep)


def _unread(folder: Path, error: LabError, *, sweep: bool = False) -> Listed:
    return Listed(id=folder.name, scenario=folder.parent.name, folder=str(folder), sweep=sweep, note=str(error))


def _sweep(path: Path) -> Listed:
    folder = SweepFolder(path)
    check_one_sweep(folder)
    planned = len(folder.cells)
    return Listed(
        id=path.name,
        scenario=folder.plan.name,
        folder=str(path),
        sweep=True,
        done=planned - len(folder.missing()),
        planned=planned,
    )


def _run(path: Path) -> Listed:
    manifest = read_manifest(path)
    verdict = kept(path, manifest)
    note = "not judged yet" if manifest.phase == SEALED else f"not finished: {manifest.phase}"
    if gone := unsealed(path, manifest):
        note = f"{gone} is not there as it was sealed; lab show {quote(str(path))} tells what is left"
    answer = None if gone else verdict
    return Listed(
        id=path.name,
        scenario=manifest.scenario,
        folder=str(path),
        outcome=answer.outcome.value if answer else "",
        owner=answer.owner.value if answer else "",
        note="" if answer else note,
    )


def _cell(folder: SweepFolder, cell: Cell) -> ListedCell:
    valid, ended = folder.valid(cell), folder.ended(cell)
    return ListedCell(
        cell=cell.id,
        setting=cell.setting,
        repetition=cell.repetition,
        control=cell.control,
        tried=len(ended),
        outcome=valid.outcome if valid else "",
        owner=valid.owner if valid else "",
        run=str(valid.folder) if valid else "",
        note="" if valid else folder.unanswered(cell),
    )
