"""The crew of a sweep behind a scheduler: the sweep and its journal stay here, workers elsewhere make the runs.

Law: a run counts when its folder has arrived whole; what a dead, broken or foreign worker was to make, another makes.
An attempt is ordered from one worker at a time, at most three times. What cannot be stored or read on this side is no
worker's fault: it ends the sweep, and what has arrived stays.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue

from lab.batch.crews.crew import Attempt, Done, of_one_repetition
from lab.batch.folders.committed import flaw
from lab.batch.folders.journal import ERROR
from lab.batch.folders.parcel import unpack
from lab.batch.plans.cells import Cell
from lab.batch.remote.orders import Answer, Carrier, Errand, Offers, answered, order, written
from lab.batch.remote.roster import STRIKES, Roster, Worker
from lab.errors import EnvironmentFault, EvidenceError
from lab.report.amounts import many
from lab.rig.layout.lifetime import lab_s

WORKERS_S = 120.0
"""How long a sweep waits for a worker when there is none."""
IMAGES_S = 1_200.0
"""How much longer than its lab a run may take: images may have to be built first."""
MOST_TRIES = 3
AHEAD = 1
"""How many orders a worker has beyond its slots, so that no slot waits while a run is on its way; not near the end."""
LOOK_S = 0.5
"""How often it is looked who is still there."""


@dataclass(frozen=True, kw_only=True)
class _Task:
    """An attempt at a cell: who has tried in vain, and why; who is making it, and since when (clock).

    `doubts`: whose attempt came to nothing, which may be the cell's fault.
    """

    cell: Cell
    folder: Path
    tried: Mapping[str, str] = field(default_factory=dict)
    doubts: frozenset[str] = frozenset()
    tries: int = 0
    worker: str = ""
    since_s: float = 0.0
    errand: Errand | None = None


class Cluster:
    """The workers behind a scheduler, as a `Crew`. EnvironmentFault when the scheduler is gone, or nobody is left."""

    def __init__(
        self,
        carrier: Carrier,
        images: Mapping[str, str],
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Order runs on `images`, the plan's; `note` hears, in the caller's thread, when workers come, go or fail."""
        self.leftovers = 0  # each worker tells of its own, on its own machine
        self._carrier, self._images, self._note, self._clock = carrier, images, note, clock
        self._roster = Roster()
        self._out: dict[str, _Task] = {}
        self._waiting: list[_Task] = []
        self._finished: deque[Done] = deque()
        self._events: SimpleQueue[str] = SimpleQueue()
        self._looked_s = float("-inf")
        self._alone_s: float | None = None
        self._known: set[tuple[str, bool]] = set()
        self._others: Mapping[str, str] = {}

    def choose(self, waiting: Sequence[Cell]) -> Cell | None:
        """Return a cell of this repetition for which a worker has the lab, else the first; None: all have enough."""
        self._look()
        suspects, ahead = self._suspects(), AHEAD if len(waiting) > self._roster.slots else 0
        if not waiting or self._waiting or self._roster.free("", suspects, ahead) is None:
            return None
        fit = (cell for cell in of_one_repetition(waiting) if self._roster.has(cell.host, suspects, ahead))
        return next(fit, waiting[0])

    def begin(self, cell: Cell, folder: Path) -> None:
        """Give `cell` to a free worker."""
        self._waiting.append(_Task(cell=cell, folder=folder))
        self._place()

    def ended(self) -> Done | None:
        """Wait until a run has arrived, or (None) until it is time to look who is there."""
        self._look()
        if not self._finished:
            self._wait()
        return self._finished.popleft() if self._finished else None

    def _wait(self) -> None:
        try:
            task = self._out.pop(self._events.get(timeout=LOOK_S), None)
        except Empty:
            return
        if task is not None:  # else it was given up before it ended
            self._roster.give_back(task.worker)
            self._settle(task, _answer(task))
            self._place()

    def _look(self) -> None:
        """See who is there, now and then: what somebody had who is gone, or silent for too long, is given to others."""
        now = self._clock()
        if now < self._looked_s + LOOK_S:
            return
        self._looked_s = now
        offers = self._carrier.offers()
        self._greet(offers)
        self._roster.see(offers.slots)
        for key, task in tuple(self._out.items()):
            if task.worker not in self._roster:
                self._give_up(self._out.pop(key), "it is silent" if task.worker in offers.others else "it is gone", 1)
            elif _is_overdue(task, now):
                self._give_up(self._out.pop(key), "it has not answered for too long", STRIKES)
        self._place()
        self._check_somebody(now)

    def _greet(self, offers: Offers) -> None:
        """Tell of workers that were not there before, or are something else than they were."""
        told = {address: many(count, "lab slot") for address, count in offers.slots.items()} | dict(offers.others)
        here = {(address, address in offers.slots) for address in told}
        for address, _ in here - self._known:
            self._note(f"worker {address}: {told[address]}")
        self._known, self._others = here, offers.others

    def _check_somebody(self, now: float) -> None:
        """Wait for a worker when there is none, not forever."""
        if self._roster.usable or self._out:
            self._alone_s = None
            return
        if self._roster.here:
            raise EnvironmentFault(
                f"no worker is left to give runs to; {self._roster.trouble}", fix="look at its machine"
            )
        start = f"start some: lab worker {self._carrier.address}"
        if self._alone_s is None:
            self._alone_s = now
            self._note(f"no worker is there; {start}")
        if now > self._alone_s + WORKERS_S:
            others = "".join(f"; {address} is {what}" for address, what in self._others.items())
            raise EnvironmentFault(f"for {WORKERS_S:.0f} s there was no worker{others}", fix=f"{start}; then --resume")

    def _place(self) -> None:
        """Give out what waits, as far as somebody is free."""
        suspects = self._suspects()
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            worker = self._roster.free(task.cell.host, task.tried or suspects, 0 if task.tried else AHEAD)
            if worker is None:
                self._waiting.append(task)
            else:
                self._send(task, worker)

    def _suspects(self) -> set[str]:
        """Return who could not make what others are trying now: if they can, it was the worker's trouble."""
        return {worker for task in (*self._out.values(), *self._waiting) for worker in task.tried}

    def _send(self, task: _Task, worker: Worker) -> None:
        key = f"{task.cell.id}-{task.folder.name}-{secrets.token_hex(4)}"
        what = written(order(task.cell, task.folder.name, self._images))
        self._roster.take(worker, task.cell.host)
        errand = self._carrier.send(key, what, worker.address, lambda: self._events.put(key))
        self._out[key] = replace(task, worker=worker.address, since_s=self._clock(), errand=errand)

    def _give_up(self, task: _Task, why: str, strikes: int) -> None:
        """Expect nothing of the worker of `task` any more."""
        if task.errand:
            task.errand.drop()
        self._blame(task.worker, why, strikes)
        self._failed(task, why)

    def _settle(self, task: _Task, answer: Answer) -> None:
        """Take what the worker of `task` brought."""
        attempt = answer.attempt
        if answer.trouble:
            self._carrier.offers()  # raises when it was the scheduler's, which is no worker's
        if trouble := answer.trouble or _arrived(answer, task.folder):
            self._blame(task.worker, trouble)
            self._failed(task, trouble)
        elif attempt is None or attempt.outcome == ERROR:
            self._failed(task, attempt.why if attempt else "it answered nothing", attempt)
        else:
            self._roster.praise(task.worker)
            for other in task.doubts - {task.worker}:
                self._blame(other, task.tried[other])  # it can be made after all
            self._finished.append(Done(cell=task.cell, attempt=attempt))

    def _failed(self, task: _Task, why: str, attempt: Attempt | None = None) -> None:
        """Have `task` made again, by somebody else if there is; not when an `attempt` failed wherever it was made."""
        tried = {**task.tried, task.worker: why}
        fresh = any(worker.address not in tried for worker in self._roster.usable)
        if task.tries + 1 < MOST_TRIES and (fresh or attempt is None):
            shutil.rmtree(task.folder, ignore_errors=True)
            doubts = task.doubts | {task.worker} if attempt else task.doubts
            self._waiting.append(replace(task, tried=tried, doubts=doubts, tries=task.tries + 1))
            return
        words = "; ".join(f"{worker}: {said}" for worker, said in tried.items())
        failed = attempt or Attempt(outcome=ERROR, why=words, exit_code=EnvironmentFault.exit_code)
        self._finished.append(Done(cell=task.cell, attempt=failed))

    def _blame(self, worker: str, why: str, strikes: int = 1) -> None:
        out = self._roster.blame(worker, why, strikes)
        self._note(f"worker {worker}: {why}{'; it is given nothing more' if out else ''}")


def _is_overdue(task: _Task, now: float) -> bool:
    """Say whether its worker hangs; a scenario is only read when that might be so, which takes as long as an order."""
    took_s = now - task.since_s - IMAGES_S
    return took_s > 0 and took_s > (1 + AHEAD) * lab_s(task.cell.scenario)


def _answer(task: _Task) -> Answer:
    """Return what came back for `task`, or why nothing did."""
    assert task.errand is not None
    try:
        return answered(task.errand.result())
    except Exception as error:  # noqa: BLE001 - whatever it sent, it is its trouble
        return Answer(trouble=str(error) or type(error).__name__)


def _arrived(answer: Answer, folder: Path) -> str:
    """Unpack the run into `folder`; return what is wrong with it, nothing when it is whole.

    StorageError for what cannot be stored or read here: that is no worker's trouble, and what came stays.
    """
    try:
        unpack(answer.parcel, folder)
    except EvidenceError as error:
        return str(error)
    if answer.attempt is None or answer.attempt.outcome == ERROR:
        return ""
    return flaw(folder)
