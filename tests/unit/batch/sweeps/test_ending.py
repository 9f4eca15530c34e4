"""How a sweep ends: the exit code that its cells add up to. What failed for any reason at all is no success."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import ERROR, Began, Ended, Journal
from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.batch.sweeps.ending import Swept
from lab.batch.sweeps.sweep import merge
from lab.errors import LabError, UsageError
from lab.rig.process.watch import silent
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import FakeRuns, laid, planned, swept


def failing(code: int) -> InOrder:
    """Return a crew whose runs pass, but those of the second cell, which fail with the exit code `code`."""
    runs = FakeRuns()

    def run(cell: Cell, folder: Path) -> Attempt:
        if "loss=5%" in cell.label:
            return Attempt(outcome=ERROR, why="this lab was built for another", exit_code=code)
        return runs(cell, folder)

    return InOrder(run)


def ended(plan: Plan, made: Path, tmp_path: Path) -> Swept:
    """Sum up the sweep in `made`, beside a part in which nothing was run."""
    with Journal(nothing := laid(plan, tmp_path / "nothing")):
        return merge((made, nothing), tmp_path / "results", silent)


@pytest.mark.parametrize(("code", "told"), [(UsageError.exit_code, LabError.exit_code), (4, 4), (5, 5), (77, 5)])
def test_a_cell_that_only_failed_is_no_success(tmp_path: Path, code: int, told: int) -> None:
    """Whatever it failed of: a code that no run ends with, such as that of bad usage, is an internal error."""
    plan = planned(tmp_path)
    swept(made := laid(plan, tmp_path / "sweep"), failing(code))
    done = ended(plan, made, tmp_path)
    assert (done.missing, done.exit_code) == (1, told)


def test_a_failed_attempt_of_an_earlier_lab_is_no_success_either(tmp_path: Path) -> None:
    """Its journal may say 0 beside what failed; it is read all the same."""
    plan = planned(tmp_path)
    cell, other = plan.cells if "loss=5%" in plan.cells[0].label else reversed(plan.cells)
    swept(made := laid(plan, tmp_path / "sweep"), failing(4))
    began = Began(cell=cell.id, attempt=4, run="20260101-000000-beef")
    with Journal(made) as journal:
        journal.append(began)
        journal.append(Ended(cell=cell.id, attempt=4, run=began.run, outcome=ERROR, why="no lab", exit_code=0))
    assert SweepFolder(made).valid(other)
    assert ended(plan, made, tmp_path).exit_code == LabError.exit_code


def test_an_attempt_that_failed_cannot_be_made_with_success() -> None:
    """The exit code of one that was judged is its verdict's; of one that was not there must be another."""
    with pytest.raises(ValueError, match="is not 0: no lab"):
        Attempt(outcome=ERROR, why="no lab")
    assert Attempt(outcome="PASS").exit_code == 0
