"""`lab run`: every scenario named on the command line, one after another, each in a lab of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.analysis.values import RunVerdict
from lab.analysis.verdict import exit_code
from lab.batch.one import Judged, run_one
from lab.errors import EnvironmentFault, Interrupted, LeftoverError
from lab.evidence.store import RunFolder
from lab.host.machine import machine
from lab.report.json import dumps
from lab.rig.lab import Lab, Machine
from lab.rig.session import record
from lab.rig.signals import interruptible
from lab.rig.watch import Progress, Watch
from lab.scenario.dump import dump
from lab.scenario.load import find, load
from lab.scenario.model import Scenario


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for."""

    files: tuple[Path, ...]
    sets: tuple[str, ...] = ()
    seed: int | None = None
    results: Path
    netem: str | None = None
    keep: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished:
    """All runs of a request."""

    verdicts: tuple[RunVerdict, ...]
    exit_code: int

    @property
    def json(self) -> str:
        """All verdicts, in the order of the runs."""
        return dumps(self.verdicts)


def run_all(request: Request, watch: Watch, each: Callable[[Judged], None]) -> Finished:
    """Run everything asked for, calling `each` after each run.

    Every scenario is read before anything is started. A run that the machine could not do does not stop the others;
    its error is told through `watch`, and its exit code counts.
    """
    scenarios = [(path, load(path, sets=request.sets, seed=request.seed)) for path in find(request.files)]
    verdicts: list[RunVerdict] = []
    faults: list[int] = []
    with interruptible():
        ready = machine(request.results.resolve(), insist=request.netem, watch=watch)
        for path, scenario in scenarios:
            try:
                done = _in_its_own_lab(ready, scenario, path, request, watch)
            except (EnvironmentFault, LeftoverError) as error:
                if len(scenarios) == 1:
                    raise
                watch(Progress(phase="failed", detail=f"{scenario.name}: {error}"))
                faults.append(error.exit_code)
                continue
            verdicts.append(done.verdict)
            each(done)
    watch(Progress(phase="done"))
    return Finished(verdicts=tuple(verdicts), exit_code=exit_code(verdicts, faults))


def _in_its_own_lab(ready: Machine, scenario: Scenario, path: Path, request: Request, watch: Watch) -> Judged:
    folder = RunFolder.create(ready.results, scenario, as_written=path.read_text(), resolved=dump(scenario))
    watch(Progress(phase="prepare", detail=f"{scenario.name} → {folder.path}"))
    try:
        with Lab(ready, scenario, watch=watch, keep=request.keep) as lab:
            done = run_one(lambda s, f, w: record(lab, s, f, w), scenario, folder, watch)
            watch(Progress(phase="clean up"))
    except BaseException as error:
        folder.phase("interrupted" if isinstance(error, Interrupted) else "failed", why=str(error))
        raise
    return done
