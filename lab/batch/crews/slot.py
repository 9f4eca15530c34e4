"""One place for a lab on this machine: cells with the same host share the lab, one run after another.

Law: a lab that a run left in doubt serves no other, nor does one whose server is gone, whose time is nearly over, or
that was built before there was an image with the cell's SDK; a new one lives at least as long as the cell that it is
made for needs. Between two runs of one lab there is a fresh room, programs begun anew and what `tc` changes, nothing
else. A lab that cannot be removed is no run's fault: it is told, the next cell gets its lab all the same, and whoever
closes the slot hears of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

from lab.batch.crews.crew import Attempt, Finish
from lab.batch.folders.journal import ERROR
from lab.batch.plans.cells import Cell
from lab.batch.plans.images import releases
from lab.batch.runs.one import noted
from lab.errors import EnvironmentFault, ImageFault, LabError, LeftoverError, StorageError
from lab.evidence.store import RunFolder
from lab.rig.layout.lifetime import lab_s
from lab.rig.process import signals
from lab.rig.process.watch import FAILED, Progress, Watch
from lab.rig.session import ALONE, record
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.load import loads
from lab.scenario.model import SDK_VERSION, Scenario

LIVES_MS = 1_800_000
"""Media for which a shared lab is planned: its containers end themselves some time after it."""

MachineFor = Callable[[Scenario], Machine]
JudgeRun = Callable[[Path], Attempt]


class Slot:
    """A `RunCell` with at most one lab, as a context; a `Recorder` by its method `record`. One thread at a time."""

    def __init__(
        self,
        machine_for: MachineFor,
        judge: JudgeRun,
        watch: Watch,
        over: Callable[[], bool],
        measuring: AbstractContextManager[object] = ALONE,
    ) -> None:
        """Plan it; a lab stands from the first cell on. Once `over` says so, a run under way is given up.

        What is measured is measured inside `measuring`.
        """
        self._machine_for, self._judge, self._told, self._over = machine_for, judge, watch, over
        self._measuring = measuring
        self._lab: Lab | None = None
        self._host = ""
        self._label = ""
        self._until = 0.0
        self._left: list[LeftoverError] = []

    def __enter__(self) -> Slot:
        """Be ready."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Take the lab down. LeftoverError when that fails, or has failed before, and nothing else did."""
        try:
            self._take_down(error)
        except LeftoverError as last:
            self._left.append(last)
        if self._left and error is None:
            raise LeftoverError("; ".join(map(str, self._left)))

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` into `folder` and judge it. StorageError."""
        return self.record(cell, folder)()

    def record(self, cell: Cell, folder: Path) -> Finish:
        """Record a run of `cell` into `folder`; return what judges it. StorageError."""
        began, self._label = time.monotonic(), cell.label
        run = RunFolder.at(folder, cell.scenario, as_written=cell.text, resolved=cell.text)
        try:
            with noted(run):
                record(self._lab_for(cell), cell.scenario, run, self._watch, self._measuring)
        except StorageError:
            raise
        except LabError as error:
            if not isinstance(error, ImageFault):
                self._replace()
            return partial(_failed, error, time.monotonic() - began)
        took = time.monotonic() - began
        self._told(Progress(phase="judge", run=self._label))
        return lambda: replace(self._judge(folder), wall_s=took)

    def _lab_for(self, cell: Cell) -> Lab:
        """Return a lab that is fit for `cell`: the one that stands, or a new one. ImageFault leaves what stands."""
        if self._lab is None or not self._fit(self._lab, cell):
            machine = self._machine_for(cell.scenario)  # the host's own clients, and their SDKs, are not in it
            self._replace()
            host = loads(cell.host, source=f"host of cell {cell.id}", recorded=True)
            lives_s = _lives_s(host, cell)
            lab = Lab(machine, host, watch=self._watch, lives_s=lives_s)
            self._until = time.monotonic() + lives_s
            self._lab, self._host = lab.__enter__(), cell.host
        return self._lab

    def _fit(self, lab: Lab, cell: Cell) -> bool:
        state = lab.machine.engine.state(lab.server)
        alive = state is not None and state.running
        can = releases(cell.scenario) - {SDK_VERSION} <= lab.machine.images.others.keys()
        return alive and can and self._host == cell.host and time.monotonic() + lab_s(cell.scenario) < self._until

    def _replace(self) -> None:
        """Remove the lab, so that the next cell gets another; what stays of it is told, and remembered."""
        try:
            self._take_down(None)
        except LeftoverError as error:
            self._left.append(error)
            self._told(Progress(phase=FAILED, detail=str(error), run=self._label))

    def _take_down(self, first: BaseException | None) -> None:
        """Remove the lab. What fails in that is told, and raised only when there is no `first` error to hide."""
        lab, self._lab = self._lab, None
        if lab is not None:
            lab.__exit__(type(first) if first else None, first, None)

    def _watch(self, progress: Progress) -> bool:
        """Pass `progress` on; a signal, or the end of the sweep, ends the run in whatever thread it is."""
        signals.check()
        if self._over():
            raise EnvironmentFault("the sweep ended before the run did")
        return self._told(replace(progress, run=self._label))


def _lives_s(host: Scenario, cell: Cell) -> int:
    """Return how long a lab for `host` lives: for several runs, and for all of `cell`, whatever holds that up."""
    shared = replace(host, media=replace(host.media, duration_ms=LIVES_MS))
    return max(lab_s(shared), lab_s(cell.scenario))


def _failed(error: LabError, took: float) -> Attempt:
    final = isinstance(error, ImageFault)
    return Attempt(outcome=ERROR, why=str(error), exit_code=error.exit_code, wall_s=took, final=final)


def serious(watch: Watch) -> Watch:
    """Return a watch for slots, which are several: it passes on what went wrong, one at a time."""
    lock = threading.Lock()

    def told(progress: Progress) -> bool:
        with lock:
            return progress.phase == FAILED and watch(progress)

    return told
