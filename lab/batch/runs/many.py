"""`lab run`: every scenario named on the command line, one after another, each in a lab of its own."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from shlex import quote
from threading import Thread
from typing import TYPE_CHECKING

from lab.batch.runs.machines import Machines
from lab.batch.runs.one import Judged, Record, noted, run_one
from lab.batch.runs.places import here
from lab.batch.runs.until import admit, capped
from lab.errors import EnvironmentFault, EvidenceError, LabError, LeftoverError, StorageError
from lab.evidence.rooted import rooted
from lab.evidence.store import RunFolder
from lab.host.machine import machine
from lab.rig.process.signals import interruptible
from lab.rig.process.watch import FAILED, NOTE, Progress, Watch
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.dump import dump
from lab.scenario.load import Draft, draft, every, find
from lab.scenario.model import Scenario

if TYPE_CHECKING:
    from lab.analysis.values import RunVerdict

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""With these a disk refuses whatever it is given next."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for."""

    files: tuple[Path, ...]
    sets: tuple[str, ...] = ()
    seed: int | None = None
    results: Path
    netem: str | None = None
    keep: bool = False
    until_decided: bool = False
    at_most: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """A scenario that is to be run, and the text that it was made of: its file may be another one by then."""

    scenario: Scenario
    text: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """All runs of a request."""

    verdicts: tuple[RunVerdict, ...]
    exit_code: int

    @property
    def json(self) -> str:
        """All verdicts, in the order of the runs."""
        from lab.report.json import dumps

        return dumps(self.verdicts)


def run_all(request: Request, watch: Watch, each: Callable[[Judged], None]) -> Finished:
    """Run everything asked for, calling `each` after each run, before its lab is taken down.

    Every scenario is read, once, before anything is started. What the machine could not run, not read or not clean up
    does not stop the others; it is told through `watch`, and its exit code counts. A disk that can store nothing more
    stops them, and their names are told.
    """
    planned = _read(request, watch)
    verdicts: list[RunVerdict] = []
    faults: list[int] = []
    with interruptible():
        ready = machine(rooted(request.results), insist=request.netem, watch=watch)
        machines = Machines(ready, watch)
        for one in planned:
            machines(one.scenario)  # what has to be built is built before the first run
        for number, one in enumerate(planned, 1):
            scenario = one.scenario
            try:
                folder = RunFolder.create(ready.results, scenario, as_written=one.text, resolved=dump(scenario))
                with _lab(machines(scenario), scenario, folder, request.keep, watch) as lab:
                    done = run_one(_recording(lab, request.until_decided), scenario, folder, watch)
                    verdicts.append(done.verdict)
                    each(done)
                    watch(Progress(phase="clean up"))
            except (EnvironmentFault, LeftoverError, StorageError) as error:
                watch(Progress(phase=FAILED, detail=f"{scenario.name}: {error}"))
                faults.append(error.exit_code)
                if _is_full(error):
                    _tell_not_run(planned[number:], watch)
                    break
    watch(Progress(phase="done"))
    from lab.analysis.verdicts.verdict import exit_code  # loaded by now

    return Finished(verdicts=tuple(verdicts), exit_code=exit_code(verdicts, faults))


def _is_full(error: LabError) -> bool:
    """Say whether the disk can store nothing more; a recording that cannot be read says nothing of the next one."""
    cause = error.__cause__
    refused = isinstance(error, StorageError) and not isinstance(error, EvidenceError)
    return refused and isinstance(cause, OSError) and cause.errno in _FULL


def _tell_not_run(left: Sequence[_Planned], watch: Watch) -> None:
    if left:
        watch(Progress(phase=FAILED, detail=f"not run: {', '.join(each.scenario.name for each in left)}"))


def _read(request: Request, watch: Watch) -> list[_Planned]:
    """Read every file; of one that has a sweep, say that only its base is run.

    Raises UsageError, and ScenarioError with every complaint about any of them.
    """
    sets = capped(request.sets, request.at_most, until_decided=request.until_decided)

    def resolved(path: Path) -> tuple[Draft, Scenario]:
        read = draft(path, sets=sets)
        return read, read.scenario(seed=request.seed)

    found = list(every(find(request.files), resolved))
    if request.until_decided:
        for _, (_, scenario) in found:
            admit(scenario)
    for path, (read, _) in found:
        if read.sweep:
            whole = f"`lab sweep {quote(str(path))}` all of it"
            watch(Progress(phase=NOTE, detail=f"{path} has a sweep; this runs its base, {whole}"))
    return [_Planned(scenario=scenario, text=read.text) for _, (read, scenario) in found]


def _recording(lab: Lab, until_decided: bool) -> Record:
    """Return what records on `lab`; it was being loaded while the lab came up."""
    from lab.rig.session import record

    return _stopping(partial(record, lab)) if until_decided else partial(record, lab)


def _stopping(plain: Record) -> Record:
    """Return `plain` so that it ends when what it was asked is decided."""
    from lab.batch.runs.deciding import Deciding, Looker

    def until_decided(scenario: Scenario, folder: RunFolder, watch: Watch) -> None:
        with Looker(folder.path) as looker:
            plain(scenario, folder, Deciding(looker, watch).watch)

    return until_decided


@contextmanager
def _lab(ready: Machine, scenario: Scenario, folder: RunFolder, keep: bool, watch: Watch) -> Iterator[Lab]:
    """Stand up the lab of one run; a recording that is cut short says so in its manifest."""
    watch(Progress(phase="prepare", detail=f"{scenario.name} → {here(folder.path)}"))
    Thread(target=import_module, args=("lab.rig.session",)).start()  # while the engine works
    with noted(folder), Lab(ready, scenario, watch=watch, keep=keep) as lab:
        yield lab
