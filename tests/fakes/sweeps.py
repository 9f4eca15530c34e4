"""Sweeps without containers: runs whose files are real, whose folders are sealed, and whose outcomes a test decides."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lab.batch.crews.crew import Attempt, Crew
from lab.batch.folders.committed import PLAN, SweepFolder
from lab.batch.folders.journal import ERROR, Began, Journal
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.batch.plans.planning import plan
from lab.batch.sweeps.attempts import Attempts
from lab.evidence import names
from lab.evidence.manifest import Image
from lab.evidence.store import RunFolder
from lab.scenario.load import loads
from tests.fakes.crews import InOrder

BASE = "version: 1\nseed: 7\nlinks: {publisher: {}}\n"
_SCENARIO = loads(BASE, source="base")


def planned(folder: Path, axis: str = "links.publisher.up.loss=0%,5%", repeat: int = 1, controls: bool = False) -> Plan:
    """Return the plan of a small sweep."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.yaml").write_text(BASE)
    return plan(folder / "base.yaml", SweepAsked(axes=(axis,), repeat=repeat, controls=controls))


def laid(plan: Plan, folder: Path) -> Path:
    """Return the folder of a sweep with this plan that nobody has run."""
    folder.mkdir(parents=True)
    (folder / PLAN).write_text(plan.dump())
    return folder


class FakeRuns:
    """A `RunCell`: real files, sealed; how the n-th attempt at a cell ends stands in `ends`, else it passes."""

    def __init__(self, ends: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Make runs that end as `ends` (cell id → outcome of each attempt) says."""
        self.ends = dict(ends or {})
        self.made: Counter[str] = Counter()

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        ends = self.ends.get(cell.id, ())
        outcome = ends[self.made[cell.id]] if self.made[cell.id] < len(ends) else "PASS"
        self.made[cell.id] += 1
        if outcome == ERROR:
            return Attempt(outcome=ERROR, why="no lab", exit_code=4)
        run = RunFolder.at(folder, _SCENARIO, as_written=cell.text, resolved=cell.text)
        run.put(replace(run.manifest, images=self.images(cell)))
        run.write(names.SERVER_LOG, f"{cell.id} {outcome}\n")
        run.seal()
        run.write(names.VERDICT, json.dumps({"outcome": outcome}))
        why = "" if outcome == "VOID" else "what it cost"
        return Attempt(outcome=outcome, owner="NONE", why=why, wall_s=1.0)

    def images(self, cell: Cell) -> Mapping[str, Image]:
        """Return what stands in the manifest: nobody knows."""
        return {}


def judge(run: Path) -> Attempt:
    """Judge a run that `FakeRuns` recorded, from its evidence."""
    return Attempt(outcome=(run / names.SERVER_LOG).read_text().split()[1], owner="NONE")


def swept(
    folder: Path,
    crew: Crew,
    told: Callable[..., None] = lambda _: None,
    may_begin: Callable[[Cell], bool] = lambda _: True,
) -> SweepFolder:
    """Run what is missing of the sweep in `folder`; return what is there afterwards."""
    with Journal(folder) as journal:
        attempts = Attempts(SweepFolder(folder), journal, told)
        attempts.go(crew, attempts.resume(judge), may_begin)
    return SweepFolder(folder, every_byte=True)


def in_order(ends: Mapping[str, tuple[str, ...]] | None = None) -> InOrder:
    """Return a crew of one that makes fake runs."""
    return InOrder(FakeRuns(ends))


def begun(folder: SweepFolder) -> list[Began]:
    """Return every beginning in the journal."""
    return [line.event for line in folder.lines if isinstance(line.event, Began)]
