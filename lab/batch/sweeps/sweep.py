"""`lab sweep`: from what the command line asks for to a folder with a run of every cell that counts.

Law: whatever cannot be meant is refused before anything is started. One process writes the journal; whoever makes the
runs, lanes of this machine or workers of a cluster, is a `Crew`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shlex import quote

from lab.batch.crews.crew import Crew, Recorder
from lab.batch.crews.fidelity import Fidelity, most_lanes
from lab.batch.crews.judging import Judge
from lab.batch.crews.lanes import Lanes
from lab.batch.crews.slot import Slot
from lab.batch.crews.turns import Turn
from lab.batch.folders import opening, shards
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import Journal
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.plan import Plan
from lab.batch.plans.planning import plan
from lab.batch.remote.cluster import Cluster
from lab.batch.runs.machines import Machines
from lab.batch.runs.places import here
from lab.batch.sweeps import limit
from lab.batch.sweeps.attempts import Attempts, Tell
from lab.batch.sweeps.ending import Swept, summary
from lab.batch.sweeps.selecting import Selection
from lab.errors import Interrupted, LabError, UsageError
from lab.evidence.rooted import rooted
from lab.host.machine import machine
from lab.rig.process.signals import interruptible
from lab.rig.process.watch import NOTE, Progress, Watch
from lab.scenario.ladders import ladder
from lab.scenario.load import find_one

Makers = Callable[[Judge, Attempts], AbstractContextManager[Crew]]
"""Opens a crew whose runs are judged by the one, and which tells the other how it fares."""
_SIDE_BY_SIDE = 4
"""How many runs of a search are chosen together where nobody knows how many can be made at a time."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for: a new sweep over `file`, the one `asked` for, or to go on with that in `resume`.

    `lanes` None: as many as this machine carries. `find_limit` (`KEY=MILD..HARSH`) searches where the file breaks.
    """

    file: Path | None = None
    asked: SweepAsked = field(default_factory=SweepAsked)
    results: Path
    resume: Path | None = None
    netem: str | None = None
    lanes: int | None = 1
    selection: Selection = field(default_factory=Selection)
    scheduler: str | None = None
    find_limit: str | None = None


def sweep(request: Request, watch: Watch, told: Tell) -> Swept:
    """Make a run that counts of every cell that is asked for; `told` hears of each attempt.

    Raises UsageError, EnvironmentFault, StorageError; what was finished by then stays, and `--resume` goes on.
    """
    again = opening.found(request.resume) if request.resume else None
    _check_again(request)
    _check_search(request, again)
    planned = again.plan if again else _plan(request)
    request.selection.of(planned)
    if again:
        opening.check_images(again)
    with interruptible(), ExitStack() as stack:
        if again:
            stack.enter_context(journal := Journal(again.path))
        results = again.path.parent.parent if again else rooted(request.results)
        far = request.scheduler
        place = _here(request, planned, results, watch) if far is None else _there(far, watch)
        makers = stack.enter_context(place)
        folder = again or opening.created(planned, results, _searched(request))
        if not again:
            stack.enter_context(journal := Journal(folder.path))
        _announce(folder, watch)
        attempts = Attempts(SweepFolder(folder.path, every_byte=True), journal, told)
        with _kept(folder.path, watch):
            leftovers = _make(attempts, folder, request, makers)
    return summary(SweepFolder(folder.path), request.selection, leftovers)


def _announce(folder: SweepFolder, watch: Watch) -> None:
    """Say what is made, and where; of a search also whether it can find anything."""
    what = f"where {folder.search} breaks" if folder.search else f"{len(folder.plan.cells)} cells"
    watch(Progress(phase="sweep", detail=f"{what} → {here(folder.path)}"))
    if doubt := limit.doubt(folder):
        watch(Progress(phase=NOTE, detail=doubt))


@contextmanager
def _kept(folder: Path, watch: Watch) -> Iterator[None]:
    """Say, whatever ends the sweep early, how it goes on."""
    try:
        yield
    except (LabError, Interrupted):
        watch(Progress(phase=NOTE, detail=f"what is finished stays: lab sweep --resume {quote(here(folder))} goes on"))
        raise


def merge(parts: Sequence[Path], results: Path, watch: Watch) -> Swept:
    """Put the parts of a sweep together in a new folder. Raises UsageError, EvidenceError, StorageError."""
    with interruptible():
        folder = shards.merged(parts, rooted(results), lambda words: watch(Progress(phase=NOTE, detail=words)))
    return summary(folder, Selection(), 0)


def _plan(request: Request) -> Plan:
    if request.file is None:
        raise UsageError("nothing to sweep", fix="lab sweep FILE KEY=VALUE,VALUE…, or --resume with a sweep's folder")
    asked = request.asked
    if request.find_limit is not None:
        searched = ladder(request.find_limit)
        key = searched.partition("=")[0]
        if any(key in keys for keys in asked.zips):
            raise UsageError(f"--zip: {key} is searched, level by level", fix="leave it out of --zip")
        asked = replace(asked, axes=(*asked.axes, searched), repeat=asked.repeat or limit.AT_MOST)
    return plan(find_one((request.file,)), asked)


def _check_again(request: Request) -> None:
    """Refuse what would plan another sweep than the one to go on with. UsageError."""
    options = {
        "FILE": request.file,
        "axes": request.asked.axes,
        "--zip": request.asked.zips,
        "--repeat": request.asked.repeat,
        "--set": request.asked.sets,
        "--seed": request.asked.seed is not None,
        "--no-controls": not request.asked.controls,
        "--find-limit": request.find_limit is not None,
    }
    if request.resume and (given := [name for name, value in options.items() if value]):
        raise UsageError(f"--resume {request.resume}: its plan says what is run", fix=f"leave {given[0]} out")


def _check_search(request: Request, again: SweepFolder | None) -> None:
    """Refuse what contradicts a search for a limit, which chooses its own cells. UsageError."""
    searches = request.find_limit is not None or (again and again.search)
    if searches and (request.selection.only or request.selection.shard):
        raise UsageError("a search for a limit chooses its own cells", fix="leave --only and --shard out")


def _searched(request: Request) -> str | None:
    return request.find_limit.partition("=")[0] if request.find_limit else None


def _make(attempts: Attempts, folder: SweepFolder, request: Request, makers: Makers) -> int:
    """Make what is missing; return how often something was left behind."""
    with Judge() as judge:
        missing = {cell.id for cell in attempts.resume(judge)}
        cells = [cell for cell in request.selection.of(attempts.plan) if cell.id in missing]
        with makers(judge, attempts) as crew:
            if folder.search:
                many = _SIDE_BY_SIDE if request.scheduler or request.lanes is None else request.lanes
                limit.go(folder.path, attempts, crew, request.selection.may_begin(), many)
            else:
                attempts.go(crew, cells, request.selection.may_begin())
    return crew.leftovers


@contextmanager
def _there(address: str, watch: Watch) -> Iterator[Makers]:
    """Have the workers behind the scheduler at `address`, for which no engine is needed here."""
    from lab.batch.remote.scheduler import Scheduler  # Dask, which is an extra

    watch(Progress(phase="scheduler", detail=address))
    with Scheduler(address) as carrier:
        yield lambda _, attempts: nullcontext(Cluster(carrier, attempts.plan.images, attempts.note))


@contextmanager
def _here(request: Request, planned: Plan, results: Path, watch: Watch) -> Iterator[Makers]:
    """Have the lanes of this machine; what has to be built is built before the first run, or told."""
    machines = Machines(machine(results, insist=request.netem, watch=watch), watch)
    for lacking in machines.prepare(cell.scenario for cell in planned.distinct):
        watch(Progress(phase=NOTE, detail=f"{lacking}; the cells with it are not run"))

    def lanes(judge: Judge, attempts: Attempts) -> Lanes:
        return Lanes(partial(_lane, machines, judge, watch), Fidelity(request.lanes, most_lanes()), attempts.note)

    yield lanes


@contextmanager
def _lane(machines: Machines, judge: Judge, watch: Watch, turn: Turn) -> Iterator[Recorder]:
    with Slot(machines, judge, watch, turn.over, turn) as slot:
        yield slot.record
