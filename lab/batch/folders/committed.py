"""A sweep's folder, read: which cells are done, which are missing, how often each was tried.

Law: a run counts when the journal says that it ended, and its manifest is the one that the journal names, with every
file that the manifest lists. A void run is kept and counted as tried; it is no answer. A run that is there and cannot
be read now is not lost: whoever makes what is missing stops at it, whoever only tells says so.
"""

from __future__ import annotations

import errno
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from lab.analysis.values import Outcome
from lab.batch.folders import limit_file
from lab.batch.folders.journal import CELLS, ERROR, NAME, Began, Ended, Line, Opened, read
from lab.batch.plans import plan
from lab.batch.plans.cells import Cell
from lab.errors import EvidenceError, StorageError, UsageError
from lab.evidence import manifest, names
from lab.evidence.durable import storing
from lab.evidence.store import altered, fact

PLAN = "plan.json"
_NO_ANSWER = (ERROR, Outcome.VOID.value)
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
"""What the system says where there is nothing, or something else; whatever else it says may pass."""


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A cell's run that counts: whole, verified, not void.

    Its verdict can be made again from the evidence in `folder`; where it was deleted, `lab judge` does that.
    """

    cell: Cell
    attempt: int
    folder: Path
    outcome: str
    owner: str


class SweepFolder:
    """What a sweep's folder holds at the moment of asking; a sweep may be writing there meanwhile."""

    def __init__(self, path: Path, *, every_byte: bool = False) -> None:
        """Read plan and journal. Files are checked by size, with `every_byte` by hash too.

        Raises UsageError where there is no sweep, EvidenceError for a plan or journal that is broken or newer.
        """
        with storing(path / PLAN):
            planned = (path / PLAN).is_file()
        if not planned:
            raise UsageError(f"{path}: no sweep (it has no {PLAN})", fix="name the folder that `lab sweep` printed")
        self.path = path
        self.plan = plan.load(path / PLAN)
        self.lines: tuple[Line, ...] = read(path)
        opened = (line.event for line in self.lines if isinstance(line.event, Opened))
        before = next((each.search for each in opened if each.search), None)
        self.search = limit_file.searched(path, self.plan.axes, before)
        self._every_byte = every_byte

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that are asked for, in the plan's order: all of them, of a search for a limit those that it began.

        `search` is the key that a limit is searched along, None of other sweeps.
        """
        if self.search is None:
            return self.plan.cells
        begun = {line.event.cell for line in self.lines if isinstance(line.event, Began)}
        return tuple(cell for cell in self.plan.cells if cell.id in begun)

    def run(self, cell: str, run: str) -> Path:
        """Return the folder of a cell's run."""
        return self.path / CELLS / cell / run

    def ended(self, cell: Cell) -> tuple[Ended, ...]:
        """Return how every attempt at `cell` that came to an end did, oldest first."""
        return tuple(self._ended.get(cell.id, ()))

    def tried(self, cell: Cell) -> int:
        """Return how many attempts at `cell` came to an end; one that was killed did not."""
        return len(self.ended(cell))

    def void(self, cell: Cell) -> int:
        """Return how many attempts at `cell` came to an end and answered nothing; one whose run was lost since did."""
        return self.tried(cell) - len(self._answers(cell))

    def valid(self, cell: Cell) -> Committed | None:
        """Return the run of `cell` that counts: the last one that is whole and no VOID; none that cannot be read."""
        try:
            return self._valid(cell)
        except StorageError:
            return None

    def _valid(self, cell: Cell) -> Committed | None:
        for ended in reversed(self._answers(cell)):
            if self.lost(ended) is None:
                folder = self.run(ended.cell, ended.run)
                return Committed(
                    cell=cell,
                    attempt=ended.attempt,
                    folder=folder,
                    outcome=ended.outcome,
                    owner=ended.owner,
                )
        return None

    def committed(self) -> tuple[Committed, ...]:
        """Return the run of each cell that has one, in the order of the plan."""
        return tuple(found for cell in self.cells if (found := self.valid(cell)))

    def missing(self) -> tuple[Cell, ...]:
        """Return the cells without a run that counts, in the order of the plan.

        Raises StorageError when a run cannot be read now: it may well count.
        """
        return tuple(cell for cell in self.cells if not self.is_answered(cell))

    def is_answered(self, cell: Cell) -> bool:
        """Say whether `cell` has a run that counts. StorageError when that cannot be read now."""
        return self._valid(cell) is not None

    def unanswered(self, cell: Cell) -> str:
        """Say why `cell`, which has no run that counts, has none: what became of its last attempt, or of its run."""
        ended = self.ended(cell)
        if not ended:
            return "not run yet"
        return self.gone(cell) or ended[-1].why or ended[-1].outcome

    def gone(self, cell: Cell) -> str:
        """Say why the last answer to `cell`, which has no run that counts, is not there; empty where it had none."""
        try:
            lost = self.lost_answer(cell)
        except StorageError as error:
            return str(error)
        again = f"(lab sweep --resume {quote(str(self.path))} makes it again)"
        return f"its run is not there as it was: {lost} {again}" if lost else ""

    def lost_answer(self, cell: Cell) -> str | None:
        """Say what is wrong with the last run that answered `cell`; None where none did. StorageError as `lost`."""
        answers = self._answers(cell)
        return self.lost(answers[-1]) if answers else None

    def lost(self, ended: Ended) -> str | None:
        """Say what is wrong with the run that `ended` speaks of; None when it is as it was.

        Raises StorageError when nobody can say, for it is there and cannot be read now.
        """
        run = self.run(ended.cell, ended.run)
        try:
            return _damage(run, ended.manifest, every_byte=self._every_byte)
        except StorageError as error:
            if not _is_gone(error):
                raise _unread(run, error) from error
            return error.message  # what to do is not for the disk to say: the run can be made again

    def _answers(self, cell: Cell) -> list[Ended]:
        """Return the attempts at `cell` that answered, oldest first."""
        return [ended for ended in self.ended(cell) if ended.outcome not in _NO_ANSWER]

    @cached_property
    def _ended(self) -> dict[str, list[Ended]]:
        found: dict[str, list[Ended]] = {}
        for line in self.lines:
            if isinstance(line.event, Ended):
                found.setdefault(line.event.cell, []).append(line.event)
        return found


def check_one_sweep(folder: SweepFolder) -> None:
    """Refuse a folder with runs but no journal, a journal of another plan, or cells not in the plan.

    Raises EvidenceError, StorageError.
    """
    known = {cell.id for cell in folder.plan.cells}
    with storing(folder.path / CELLS):
        there = {path.name for path in (folder.path / CELLS).glob("*") if path.is_dir()}
    if known & there and not folder.lines:
        raise EvidenceError(
            f"{folder.path}: it has runs, and its {NAME} is gone or empty", fix=f"restore {NAME} from a copy"
        )
    there |= {line.event.cell for line in folder.lines if isinstance(line.event, Began | Ended)}
    foreign = [f"cell {cell} is not in its plan" for cell in sorted(there - known)]
    if any(isinstance(line.event, Opened) and line.event.plan != folder.plan.digest for line in folder.lines):
        foreign.insert(0, "its journal was written for another plan")
    if foreign:
        raise EvidenceError(
            f"{folder.path}: {foreign[0]}: two sweeps are mixed", fix="take apart what was copied together"
        )


def _is_gone(error: StorageError) -> bool:
    """Say whether that which `error` speaks of is not there; else it may be there, and cannot be read now."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _GONE


def _unread(run: Path, error: StorageError) -> StorageError:
    """Return what to say about a `run` that is there and cannot be read now, for `error`."""
    readable = f"make it readable and try again; or remove {run}, then it is made again"
    fix = readable if isinstance(error.__cause__, OSError) else error.fix  # a newer lab's
    return StorageError(f"{error.message}: nobody can say whether the run counts", fix=fix)


def is_whole(run: Path) -> bool:
    """Say whether `run` is a whole recording, byte for byte. StorageError when it is there and cannot be read now."""
    return not flaw(run)


def flaw(run: Path) -> str:
    """Say why `run` is no whole recording, empty when it is. StorageError when it is there and cannot be read now."""
    try:
        sealed(run)
    except EvidenceError as error:
        return str(error)
    except StorageError as error:
        if not _is_gone(error):
            raise _unread(run, error) from error
        return error.message
    return ""


def sealed(run: Path) -> str:
    """Return the SHA-256 of the manifest of a whole recording. StorageError when `run` is none, byte for byte."""
    digest = fact(run / names.MANIFEST).sha256
    if wrong := _damage(run, digest, every_byte=True):
        raise EvidenceError(wrong, fix="the run does not count; it is made again")
    return digest


def _damage(run: Path, digest: str, *, every_byte: bool) -> str | None:
    """Say in which way the recording in `run` is not the one with this manifest; None when it is. StorageError."""
    path = run / names.MANIFEST
    with storing(path):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        return f"{path}: not the manifest that was committed"
    listed = manifest.load(content.decode(errors="replace"), str(path))
    if listed.phase != manifest.SEALED:
        return f"{path}: the recording was never finished"
    for name in altered(run, listed, every_byte=every_byte):
        return f"{run / name}: {'not what was recorded' if (run / name).exists() else 'it is gone'}"
    return None
