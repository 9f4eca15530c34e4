"""`lab sweep`: from what the command line asks for to a folder with a run of every cell that counts.

Law: whatever cannot be meant is refused before anything is started. One process writes the journal; whoever makes the
runs, lanes of this machine or workers of a cluster, is a `Crew`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lab.analysis.values import Outcome
from lab.analysis.verdict import CODES, exit_code
from lab.batch import opening
from lab.batch.attempts import Attempts, Told
from lab.batch.cells import Cell, Plan, plan
from lab.batch.committed import SweepFolder
from lab.batch.crew import ERROR, Crew, Recorder
from lab.batch.fidelity import Fidelity
from lab.batch.journal import Journal
from lab.batch.judging import Judge
from lab.batch.lanes import Lanes, OpenLane
from lab.batch.machines import Machines
from lab.batch.selecting import Selection
from lab.batch.slot import Slot
from lab.errors import LeftoverError, UsageError
from lab.host.machine import machine
from lab.rig.signals import interruptible
from lab.rig.watch import FAILED, Progress, Watch

_VOID = CODES[Outcome.VOID]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for: a new sweep over `file`, or to go on with the one in `resume`.

    `lanes` None: as many as this machine carries.
    """

    file: Path | None = None
    axes: tuple[str, ...] = ()
    zips: tuple[tuple[str, ...], ...] = ()
    repeat: int | None = None
    sets: tuple[str, ...] = ()
    seed: int | None = None
    controls: bool = True
    results: Path
    resume: Path | None = None
    netem: str | None = None
    lanes: int | None = 1
    selection: Selection = field(default_factory=Selection)
    scheduler: str | None = None


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What a sweep came to: its folder, how many of the cells asked for have no run that counts, the exit code."""

    folder: Path
    missing: int
    exit_code: int


def sweep(request: Request, watch: Watch, told: Told) -> Swept:
    """Make a run that counts of every cell that is asked for; `told` hears of each attempt.

    Raises UsageError, EnvironmentFault, StorageError; what was finished by then stays, and `--resume` goes on.
    """
    again = opening.found(request.resume) if request.resume else None
    draft = again.plan if again else _plan(request)
    request.selection.of(draft)
    with interruptible(), ExitStack() as stack:
        if again:
            stack.enter_context(journal := Journal(again.path))
        results = again.path.parent.parent if again else request.results.resolve()
        machines = Machines(machine(results, insist=request.netem, watch=watch), watch)
        images = opening.images_for(draft.cells, machines.images)
        folder = again or opening.created(_plan(request, images), results)
        opening.check_images(folder, images)
        if not again:
            stack.enter_context(journal := Journal(folder.path))
        watch(Progress(phase="sweep", detail=f"{len(folder.plan.cells)} cells → {folder.path}"))
        attempts = Attempts(SweepFolder(folder.path, every_byte=True), journal, told)
        leftovers = _make(attempts, request, machines, watch)
    return _summary(SweepFolder(folder.path), request.selection, leftovers)


def _plan(request: Request, images: Mapping[str, str] | None = None) -> Plan:
    if request.file is None:
        raise UsageError("nothing to sweep", fix="lab sweep FILE KEY=VALUE,VALUE…, or --resume with a sweep's folder")
    return plan(
        request.file,
        axes=request.axes,
        zips=request.zips,
        repeat=request.repeat,
        sets=request.sets,
        seed=request.seed,
        images=images,
        controls=request.controls,
    )


def _make(attempts: Attempts, request: Request, machines: Machines, watch: Watch) -> int:
    """Make what is missing; return how often something was left behind."""
    with Judge() as judge:
        missing = {cell.id for cell in attempts.resume(judge)}
        cells = [cell for cell in request.selection.of(attempts.plan) if cell.id in missing]
        lane = partial(_lane, machines, judge, _serious(watch))
        with _crew(request, lane, attempts) as crew:
            attempts.go(crew, cells, request.selection.may_begin())
    return crew.leftovers if isinstance(crew, Lanes) else 0


@contextmanager
def _crew(request: Request, lane: OpenLane, attempts: Attempts) -> Iterator[Crew]:
    """Have those who make the runs."""
    if request.scheduler is None:
        with Lanes(lane, Fidelity(request.lanes), attempts.note) as lanes:
            yield lanes
        return
    from lab.batch.cluster import Cluster
    from lab.batch.scheduler import Scheduler

    with Scheduler(request.scheduler) as carrier:
        yield Cluster(carrier, attempts.plan.images, attempts.note)


@contextmanager
def _lane(machines: Machines, judge: Judge, watch: Watch, over: Callable[[], bool]) -> Iterator[Recorder]:
    with Slot(machines, judge, watch, over) as slot:
        yield slot.record


def _serious(watch: Watch) -> Watch:
    """Return a watch for lanes, which are several: it passes on what went wrong, one at a time."""
    lock = threading.Lock()

    def told(progress: Progress) -> bool:
        with lock:
            return progress.phase == FAILED and watch(progress)

    return told


def _summary(folder: SweepFolder, selection: Selection, leftovers: int) -> Swept:
    codes = [_code(folder, cell) for cell in selection.of(folder.plan)]
    missing = sum(folder.valid(cell) is None for cell in selection.of(folder.plan))
    faults = [LeftoverError.exit_code] if leftovers else []
    return Swept(folder=folder.path, missing=missing, exit_code=exit_code((), [*codes, *faults]))


def _code(folder: SweepFolder, cell: Cell) -> int:
    """Return what the cell alone would exit with; without an answer, as void, or as what its last attempt failed of."""
    if valid := folder.valid(cell):
        return CODES[Outcome(valid.outcome)]
    return next((ended.exit_code for ended in reversed(folder.ended(cell)) if ended.outcome == ERROR), _VOID)
