"""A search over versions of which one cannot be had: tried once, told with the reason, and the other limit is found."""

from __future__ import annotations

from pathlib import Path

from lab.analysis.several.limit_search import Stop
from lab.batch.crews.crew import Attempt
from lab.batch.folders.committed import SweepFolder
from lab.batch.plans.cells import Cell
from lab.batch.sweeps import limit
from lab.batch.sweeps.ending import summary
from lab.batch.sweeps.selecting import Selection
from lab.batch.tables import limits
from tests.unit.batch.sweeps.test_limit import Runs, breaks_from, laid, search

AXIS = "clients.publisher.sdk=1.2.1,99.99.99"
WHY = "client 99.99.99 cannot be had: no such version"


class Versions(Runs):
    """Runs of which those with one version come to nothing, as often as they are made."""

    in_vain = 0

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        if "99.99.99" not in dict(cell.setting).values():
            return super().__call__(cell, folder)
        self.in_vain += 1
        return Attempt(outcome="ERROR", why=WHY, exit_code=4, final=True)


def test_a_version_that_cannot_be_had_is_tried_once_and_takes_no_other_search_with_it(tmp_path: Path) -> None:
    """No second attempt, no second level, no end of the search for the other one; the exit code is the fault's."""
    folder, runs = laid(tmp_path / "s", AXIS), Versions(breaks_from(7))
    found, none = search(folder, runs)
    assert (found.holds, found.breaks, found.look.stop) == ("6%", "7%", Stop.FOUND)
    assert (none.runs, runs.in_vain) == ((), 1)
    assert summary(SweepFolder(folder), Selection(), 0).exit_code == 4
    told = limits.told(SweepFolder(folder), "text", 120)
    (line,) = (each for each in limits.told(SweepFolder(folder), "csv", 120).splitlines() if "99.99.99" in each)
    assert line == '"clients.publisher.sdk=99.99.99","","0","0","0","–","","",""'
    assert f"nothing was measured   (1 void)\nthe last run: {WHY}\nnot finished: lab sweep --resume goes on" in told


def test_who_goes_on_tries_it_again(tmp_path: Path) -> None:
    """Once each time; when it is there, its limit is found like the other one."""
    folder, again = laid(tmp_path / "s", AXIS), Versions(breaks_from(7))
    search(folder, Versions(breaks_from(7)))
    search(folder, again)
    assert (again.made, again.in_vain) == ([], 1)
    assert [each.look.stop for each in search(folder, Runs(breaks_from(7)))] == [Stop.FOUND, Stop.FOUND]
    assert summary(SweepFolder(folder), Selection(), 0).exit_code == 0


def test_the_clean_controls_are_those_of_the_searches_that_go_on(tmp_path: Path) -> None:
    """As many as if nobody had asked for the other version: one that failed of it is made again elsewhere."""
    folder, runs = laid(tmp_path / "s", AXIS, controls=True), Versions(breaks_from(7))
    found, _ = search(folder, runs)
    alone = Runs(breaks_from(7))
    search(laid(tmp_path / "alone", controls=True), alone)
    made = [level for level, _ in runs.made].count("control")
    assert made == len(found.controls) == [level for level, _ in alone.made].count("control")
    assert runs.in_vain <= 2
    assert summary(SweepFolder(folder), Selection(), 0).exit_code == 4


def test_runs_side_by_side_and_clean_controls_come_to_an_end_too(tmp_path: Path) -> None:
    """What is chosen together fails together, and nothing of it is chosen again."""
    folder, runs = laid(tmp_path / "s", AXIS, controls=True), Versions(breaks_from(7))
    found, none = search(folder, runs, side_by_side=4)
    assert (found.look.stop, none.runs) == (Stop.FOUND, ())
    controls = sum(cell.control for cell in SweepFolder(folder).missing())
    assert runs.in_vain == 2 + controls
    assert not limit.limits(SweepFolder(folder))[1].is_known
