"""The attempts at a sweep's cells: which comes next, what becomes of it, and when it is enough.

Law: a run counts once it is whole on disk and its end is in the journal; only then anybody is told. Void and failed
attempts are made again, `TRIES` in all, kept and counted. What was killed is made again unless it is found whole. A
version that nobody can have takes no cells with it but its own, each of which is told once.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import lab
from lab.analysis.values import Outcome
from lab.batch.crews.crew import Attempt, Crew, Done
from lab.batch.folders import parcel, untold
from lab.batch.folders.committed import SweepFolder, sealed
from lab.batch.folders.journal import CELLS, ERROR, Began, Ended, Journal, Noted, Opened
from lab.batch.plans.cells import Cell
from lab.batch.plans.images import releases
from lab.errors import EnvironmentFault, EvidenceError
from lab.evidence.durable import settle
from lab.evidence.store import token, utc_stamp
from lab.report.amounts import many

TRIES = 3
"""How often a cell is tried at one go until it has a run that counts."""
GIVE_UP = 6
"""After so many cells in a row without anything to judge, what is wrong is wrong with all of them, unless those of
another lab or SDK fare better: they are tried first."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What is new in a sweep, and where it stands.

    `done` of `of` cells have their answer or were tried often enough, `of` None in a search, where nobody knows how
    many there will be; `tried` attempts ended, `void` of them void or failed. `left_s` is how long the rest takes at
    this rate, None before anybody can tell. `cell` began, or ended when there is an `attempt`.
    """

    done: int
    of: int | None
    tried: int
    void: int
    left_s: float | None
    cell: Cell | None = None
    attempt: Attempt | None = None
    words: str = ""


Tell = Callable[[Moment], None]
_Needs = tuple[str, frozenset[str]]


class Attempts:
    """The attempts at the cells of the sweep in `folder`, whose journal is `journal`."""

    def __init__(
        self, folder: SweepFolder, journal: Journal, told: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Go on where the folder is now, every byte of it looked at."""
        self.plan = folder.plan
        self._folder, self._journal, self._told, self._clock = folder, journal, told, clock
        self._begun = Counter(line.event.cell for line in folder.lines if isinstance(line.event, Began))
        self._under_way: dict[str, Began] = {}
        self._tries: Counter[str] = Counter()
        self.hopeless: set[str] = set()
        """The ids of the cells of which another attempt by this process would fail of the same."""
        self._failing: dict[str, _Needs] = {}  # by cell: those in a row that came to nothing
        self._why = ""  # of the last of them
        self._done = self._of = self._tried = self._void = 0
        self._since: float | None = None

    def resume(self, judge: Callable[[Path], Attempt]) -> tuple[Cell, ...]:
        """Open the journal and return the cells without a run that counts, in the order of the plan.

        What was recorded whole but not told before the last writer ended, or has no line any more, is judged by `judge`
        and taken in.
        Raises StorageError for a run that cannot be read now: what counts is not made again.
        """
        search = self._folder.search
        self._journal.append(Opened(plan=self.plan.digest, lab=lab.__version__, pid=os.getpid(), search=search))
        for left in parcel.clear(self._folder.path / CELLS):
            self.note(f"removed {left}, which was being unpacked when the sweep was killed")
        self._take_in(judge)
        folder = SweepFolder(self._folder.path, every_byte=True)
        missing = folder.missing()
        for cell in missing:
            if lost := folder.lost_answer(cell):
                self.note(f"cell {cell.id}: {lost}; it is made again")
        if self._folder.lines:
            self.note(f"{many(len(folder.cells) - len(missing), 'cell')} done, {len(missing)} to go")
        self._folder = folder
        return missing

    def go(self, crew: Crew, cells: Iterable[Cell], may_begin: Callable[[Cell], bool] = lambda _: True) -> None:
        """Have `crew` try `cells` until each has its answer or was tried often enough, as long as one `may_begin`.

        Raises StorageError when nothing more can be stored, EnvironmentFault when nothing can be measured any more.
        """
        waiting = list(cells)
        self._of += len(waiting)
        self._tries.clear()
        while True:
            more = self._begin_all(crew, waiting, may_begin)
            if not self._under_way and not more:
                break
            done = crew.ended()
            if done and self._ended(done):
                waiting.append(done.cell)
        if any(map(may_begin, waiting)):
            words = f"{len(self._failing)} cells in a row came to nothing, the last: {self._why}"
            raise EnvironmentFault(words, fix="mend that, then go on with --resume")
        if waiting:
            self.note(f"{many(len(waiting), 'cell')} not begun: there is no time left for that")

    def note(self, words: str) -> None:
        """Write down, and tell, something about the sweep as a whole."""
        self._journal.append(Noted(words=words))
        self._tell(words=words)

    def _begin_all(self, crew: Crew, waiting: list[Cell], may_begin: Callable[[Cell], bool]) -> bool:
        """Begin what can begin now; return whether anything is left that may."""
        while cell := crew.choose(allowed := [each for each in self._hopeful(waiting) if may_begin(each)]):
            waiting.remove(cell)
            crew.begin(cell, self._begun_in(cell))
        return bool(allowed)

    def _hopeful(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return those of `cells` that are worth a try: once too many came to nothing, what needs something else."""
        if len(self._failing) < GIVE_UP:
            return list(cells)
        doubted = set(self._failing.values())
        return [cell for cell in cells if _needs(cell) not in doubted]

    def _take_in(self, judge: Callable[[Path], Attempt]) -> None:
        """Take in every whole run whose end was not told, or that no line names any more."""
        for began in untold.begun(self._folder):
            self._commit_found(began, judge)
        answered: set[str] = set()
        for cell, run in untold.nameless(SweepFolder(self._folder.path, every_byte=True)):
            if cell.id not in answered:
                attempt = self._commit_found(self._named(cell, run.name), judge)
                if attempt.outcome not in (ERROR, Outcome.VOID):
                    answered.add(cell.id)

    def _commit_found(self, began: Began, judge: Callable[[Path], Attempt]) -> Attempt:
        attempt = self._commit(began, judge(self._folder.run(began.cell, began.run)))
        self.note(f"cell {began.cell}: its run {began.run} is whole, and taken in")
        return attempt

    def _named(self, cell: Cell, run: str) -> Began:
        """Write down that the next attempt at `cell` is in the folder `run`."""
        self._begun[cell.id] += 1
        began = Began(cell=cell.id, attempt=self._begun[cell.id], run=run)
        self._journal.append(began)
        return began

    def _begun_in(self, cell: Cell) -> Path:
        """Write down that an attempt at `cell` begins; return where its run will be."""
        began = self._named(cell, self._free_name(cell))
        self._under_way[cell.id] = began
        self._since = self._clock() if self._since is None else self._since
        self._tell(cell=cell)
        return self._folder.run(cell.id, began.run)

    def _free_name(self, cell: Cell) -> str:
        """Return a name for a run of `cell` that none of its runs has, not even one that ended in the same second."""
        while self._folder.run(cell.id, name := f"{utc_stamp(time.time_ns())}-{token()}").exists():
            pass
        return name

    def _ended(self, done: Done) -> bool:
        """Commit how an attempt ended; return whether the cell is to be tried again."""
        attempt = self._commit(self._under_way.pop(done.cell.id), done.attempt)
        self._tries[done.cell.id] += 1
        void = attempt.outcome in (ERROR, Outcome.VOID)
        again = void and not attempt.final and self._tries[done.cell.id] < TRIES
        self._tried += 1
        self._void += void
        self._done += not again
        self._tell(cell=done.cell, attempt=attempt)
        if attempt.final:  # it is known what is wrong, and with whom
            self.hopeless.add(done.cell.id)
        else:
            self._failing = {**self._failing, done.cell.id: _needs(done.cell)} if attempt.outcome == ERROR else {}
            self._why = attempt.why
        return again

    def _commit(self, began: Began, attempt: Attempt) -> Attempt:
        """Write down how the attempt ended, for good; one whose recording is not whole is an error."""
        run, digest = self._folder.run(began.cell, began.run), ""
        if attempt.outcome != ERROR:
            settle(run)
            try:
                digest = sealed(run)
            except EvidenceError as error:
                attempt = replace(attempt, outcome=ERROR, owner="", why=str(error), exit_code=error.exit_code)
        self._journal.append(
            Ended(
                cell=began.cell,
                attempt=began.attempt,
                run=began.run,
                outcome=attempt.outcome,
                owner=attempt.owner,
                why=attempt.why,
                exit_code=attempt.exit_code,
                manifest=digest,
                wall_s=round(attempt.wall_s, 3),
            )
        )
        return attempt

    def _tell(self, cell: Cell | None = None, attempt: Attempt | None = None, words: str = "") -> None:
        self._told(
            Moment(
                done=self._done,
                of=None if self._folder.search else self._of,
                tried=self._tried,
                void=self._void,
                left_s=self._left_s(),
                cell=cell,
                attempt=attempt,
                words=words,
            )
        )

    def _left_s(self) -> float | None:
        if self._since is None or not self._done or self._folder.search:
            return None
        return (self._clock() - self._since) / self._done * (self._of - self._done)


def _needs(cell: Cell) -> _Needs:
    """Return what `cell` runs on: its lab, the server's version included, and the SDKs of its clients."""
    return cell.host, releases(cell.scenario)
