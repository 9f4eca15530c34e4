"""Runs of a sweep that are whole on disk, and of whose end its journal says nothing.

Law: what is whole was paid for, and is taken in before anything is made again. A run that no line names is one of a
cell when it lies in the cell's folder, bears its own name, and ran what the cell's id is made of: the very scenario
with its seed, on images made of what the plan says. A cell that has its answer keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.batch.folders.committed import SweepFolder, is_whole
from lab.batch.folders.journal import CELLS, Began, Ended
from lab.batch.plans.cells import Cell
from lab.batch.plans.images import client_image, differing, server_image
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.manifest import Manifest, read_manifest
from lab.scenario.model import SDK_VERSION
from lab.secrecy import redacted


def begun(folder: SweepFolder) -> Iterator[Began]:
    """Yield the attempts whose recording is whole and whose end is not in the journal.

    Raises StorageError for one that cannot be read now.
    """
    ended = {(line.event.cell, line.event.run) for line in folder.lines if isinstance(line.event, Ended)}
    for line in folder.lines:
        began = line.event
        if not isinstance(began, Began) or (began.cell, began.run) in ended:
            continue
        if is_whole(folder.run(began.cell, began.run)):
            yield began


def nameless(folder: SweepFolder) -> Iterator[tuple[Cell, Path]]:
    """Yield the whole runs that no line names, of cells without an answer: each cell's in the order they were made in.

    They are there when lines were taken out of the journal, or an older copy of it was put back. Raises StorageError
    for one that cannot be read now.
    """
    named = {(line.event.cell, line.event.run) for line in folder.lines if isinstance(line.event, Began | Ended)}
    for cell in folder.plan.cells:
        runs = [run for run in _runs(folder.path / CELLS / cell.id) if (cell.id, run.name) not in named]
        if runs and not folder.is_answered(cell):
            found = [run for run in runs if is_whole(run) and _belongs(run, cell, folder.plan.images)]
            yield from ((cell, run) for run in sorted(found, key=_started_ns))


def runs(folder: SweepFolder) -> list[Path]:
    """Return all of them. StorageError."""
    return [
        *(folder.run(began.cell, began.run) for began in begun(folder)),
        *(run for _, run in nameless(folder)),
    ]


def _runs(cell: Path) -> list[Path]:
    with storing(cell):
        return [run for run in cell.iterdir() if run.is_dir()] if cell.is_dir() else []


def _started_ns(run: Path) -> int:
    """Return when `run` began (t_ns): those of one second are named at random."""
    return read_manifest(run).phases[0].t_ns


def _belongs(run: Path, cell: Cell, planned: Mapping[str, str]) -> bool:
    """Say whether the whole recording in `run` is one of `cell`, on images like those `planned`."""
    made = read_manifest(run)
    with storing(run / names.RESOLVED):
        ran = (run / names.RESOLVED).read_text(errors="replace")
    return made.run == run.name and ran == redacted(cell.text) and not differing(planned, _recipes(made, cell))


def _recipes(made: Manifest, cell: Cell) -> dict[str, str]:
    """Return what the images of a run of `cell` were made of, as far as it says, by the names that a plan has."""
    plain = {"server": server_image(cell.scenario.server.version), "client": client_image(SDK_VERSION)}
    return {plain.get(name, name): image.recipe for name, image in made.images.items() if image.recipe}
