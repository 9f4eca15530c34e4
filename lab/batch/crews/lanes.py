"""The crew of this machine: lanes side by side, each a thread with a lab of its own.

Law: a lane records one run after another; judging goes on beside it and keeps no lane waiting. A lane takes the next
cell of the repetition for which its lab is fit, and another lab only when no such cell waits; among those, one as long
as what is under way. Lanes take turns (`turns`): no lab comes, changes or goes while another one measures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from lab.batch.crews.crew import Done, Finish, Recorder, of_one_repetition
from lab.batch.crews.fidelity import Fidelity
from lab.batch.crews.turns import Turn, Turns
from lab.batch.plans.cells import Cell
from lab.errors import LeftoverError
from lab.rig.process.signals import shielded

OpenLane = Callable[[Turn], AbstractContextManager[Recorder]]
"""Opens a lane, which measures in its turn, and gives up what it is recording once that says that all is over."""


@dataclass(frozen=True, kw_only=True)
class _Free:
    lane: _Lane


@dataclass(frozen=True, kw_only=True)
class _Broken:
    error: BaseException


class _Lane:
    """A thread that records what it is given, until it is given nothing more."""

    def __init__(self, open_lane: OpenLane, turn: Turn, crew: Lanes) -> None:
        self.host = ""
        self.length_ms = 0
        self.idle = True
        self._opened, self._turn, self._crew = open_lane(turn), turn, crew
        self._inbox: SimpleQueue[tuple[Cell, Path] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="lane")
        self._thread.start()

    def give(self, cell: Cell, folder: Path) -> None:
        self.host, self.length_ms, self.idle = cell.host, cell.scenario.media.whole_ms, False
        self._turn.come()
        self._inbox.put((cell, folder))

    def rest(self) -> None:
        self._turn.rest()

    def end(self) -> None:
        self._turn.come()
        self._inbox.put(None)

    def join(self) -> None:
        self._thread.join()

    def _live(self) -> None:
        try:
            with self._opened as record:
                while task := self._inbox.get():
                    self._turn.loud()
                    self._crew.recorded(self, task[0], record(*task))
                self._turn.loud()
        except BaseException as error:  # noqa: BLE001 - whatever ends a lane ends the sweep, in the caller's thread
            self._crew.broken(error)
        finally:
            self._turn.rest()


class Lanes:
    """The lanes of this machine, as a context: as many as `fidelity` says."""

    def __init__(
        self,
        open_lane: OpenLane,
        fidelity: Fidelity,
        note: Callable[[str], None],
        turns: Turns | None = None,
    ) -> None:
        """Plan it; `note` is told, in the caller's thread, when lanes come or go or leave something behind."""
        self.leftovers = 0
        self._open_lane, self._fidelity, self._note = open_lane, fidelity, note
        self._turns = turns or Turns()
        self._lanes: list[_Lane] = []
        self._leaving: list[_Lane] = []
        self._changes: dict[str, int] = {}
        self._events: SimpleQueue[_Free | Done | _Broken] = SimpleQueue()

    def __enter__(self) -> Lanes:
        """Start what judges beside the lanes; a lane starts with its first cell."""
        self._judges = ThreadPoolExecutor(1, thread_name_prefix="judge")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End every lane, and wait until its lab is taken down; after an `error` not until its run is over."""
        if error is not None:
            self._turns.end()
        with shielded():
            for lane in self._lanes:
                lane.end()
            for lane in (*self._lanes, *self._leaving):
                lane.join()
            self._judges.shutdown(cancel_futures=True)
        while error is None and not self._events.empty():
            if isinstance(event := self._events.get(), _Broken):
                self._stumbled(event.error)

    def choose(self, waiting: Sequence[Cell]) -> Cell | None:
        """Return a cell for which an idle lane has the lab, else the first, None while no lane is idle."""
        self._adjust(len(waiting))
        idle = [lane for lane in self._lanes if lane.idle]
        if not idle or not waiting:
            for lane in idle:
                lane.rest()
            return None
        hosts = {lane.host for lane in idle}
        lengths = {lane.length_ms for lane in self._lanes if not lane.idle}

        def strange(cell: Cell) -> tuple[bool, bool]:
            return cell.host not in hosts, bool(lengths) and cell.scenario.media.whole_ms not in lengths

        return min(of_one_repetition(waiting), key=strange)

    def begin(self, cell: Cell, folder: Path) -> None:
        """Give `cell` to an idle lane, to the one that has its lab if there is one."""
        idle = [lane for lane in self._lanes if lane.idle]
        fit = [lane for lane in idle if lane.host == cell.host] or [lane for lane in idle if not lane.host] or idle
        self._changes[cell.id] = self._fidelity.changes
        fit[0].give(cell, folder)

    def ended(self) -> Done | None:
        """Wait for what comes next."""
        match self._events.get():
            case _Free(lane=lane):
                lane.idle = True
                return None
            case _Broken(error=error):
                self._stumbled(error)
                return None
            case Done() as done:
                self._heard(done)
                return done

    def recorded(self, lane: _Lane, cell: Cell, finish: Finish) -> None:
        """Take over from `lane`, in its thread: judge the run while the lane goes on."""
        self._events.put(_Free(lane=lane))
        self._judges.submit(self._finish, cell, finish)

    def broken(self, error: BaseException) -> None:
        """Hear, in the lane's thread, what ended it."""
        self._events.put(_Broken(error=error))

    def _finish(self, cell: Cell, finish: Finish) -> None:
        try:
            self._events.put(Done(cell=cell, attempt=finish()))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._events.put(_Broken(error=error))

    def _heard(self, done: Done) -> None:
        if words := self._fidelity.heard(done.attempt, self._changes.pop(done.cell.id)):
            self._note(words)

    def _adjust(self, waiting: int) -> None:
        """Have as many lanes as can be of use, those that are one too many ending with what they do."""
        busy = sum(not lane.idle for lane in self._lanes)
        for _ in range(min(self._fidelity.lanes, busy + waiting) - len(self._lanes)):
            self._lanes.append(_Lane(self._open_lane, Turn(self._turns), self))
        for lane in [lane for lane in self._lanes if lane.idle][: max(0, len(self._lanes) - self._fidelity.lanes)]:
            lane.end()
            self._lanes.remove(lane)
            self._leaving.append(lane)

    def _stumbled(self, error: BaseException) -> None:
        """Note what a lane could not take down; raise whatever else ended it."""
        if not isinstance(error, LeftoverError):
            raise error
        self.leftovers += 1
        self._note(str(error))
