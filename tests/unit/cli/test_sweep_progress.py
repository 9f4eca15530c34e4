"""What a person sees while a sweep runs: cells done, rate, estimate, verdicts, and what every lane is doing."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt
from lab.batch.plans.cells import Cell
from lab.batch.sweeps.attempts import Moment
from lab.cli.live import LaneMoment, SweepMoment, sweep_view
from lab.cli.progress import REDRAW_S
from lab.cli.sweep_progress import SweepReporter
from lab.rig.process.watch import FAILED, Count, Progress
from tests.fakes.sweeps import planned
from tests.unit.cli.test_live import COUNTS, Terminal, drawn
from tests.unit.cli.test_progress import Clock

MOMENT = SweepMoment(
    name="sweep",
    done=8,
    of=40,
    void=1,
    each_s=31.4,
    left_s=1004.0,
    outcomes=(("PASS", 5), ("FAIL", 2), ("UNKNOWN", 1)),
    lanes=(
        LaneMoment(run="loss=30% red=true #4", phase="media", left_s=3.2, counts=COUNTS),
        LaneMoment(run="clean control #2", phase="join"),
    ),
)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    """Return a cell of a small sweep."""
    return planned(tmp_path).cells[0]


def moment(cell: Cell, done: int = 0, outcome: str = "") -> Moment:
    """Return that `cell` began, or ended with `outcome`."""
    attempt = Attempt(outcome=outcome) if outcome else None
    return Moment(done=done, of=4, tried=done, void=0, left_s=60.0, cell=cell, attempt=attempt)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_view_says_how_far_how_fast_and_what_came_of_it(width: int) -> None:
    """Every figure whole at every width; lanes with their phase, and what the network dropped of each."""
    text = drawn(sweep_view(MOMENT, width), width)
    for words in (
        "8 of 40 cells",
        "31 s a cell",
        "about 17 min left",
        "PASS 5",
        "FAIL 2",
        "UNKNOWN 1",
        "1 void attempt",
    ):
        assert words in text
    for words in ("loss=30%", "media", "3 s left", "5.1%", "3.7%", "clean control #2", "join"):
        assert words in text
    assert max(map(len, text.splitlines())) <= width


def test_a_search_does_not_know_how_many_cells_there_will_be() -> None:
    """No bar, no estimate."""
    text = drawn(sweep_view(replace(MOMENT, of=None, left_s=None, lanes=()), 80), 80)
    assert text.splitlines()[0] == "sweep   8 runs   31 s a cell"
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" not in text


def test_off_a_terminal_there_is_a_line_per_finished_run(cell: Cell) -> None:
    """Phases of lanes are not told there: many at once would say nothing to anybody."""
    out = io.StringIO()
    with SweepReporter(stream=out) as reporter:
        reporter.watch(Progress(phase="machine"))
        reporter.told(moment(cell), "")
        reporter.watch(Progress(phase="media", run=cell.label, left_s=3.0))
        reporter.told(moment(cell, done=1, outcome="PASS"), "1 of 4: loss=0% #1: PASS")
    assert out.getvalue().splitlines() == ["lab: machine", "lab: 1 of 4: loss=0% #1: PASS"]


def test_what_went_wrong_in_a_lane_is_told_to_everybody(cell: Cell) -> None:
    """`-q` wants no progress, but a lab that could not be removed is not progress."""
    for out in (io.StringIO(), Terminal()):
        with SweepReporter(stream=out, quiet=True) as reporter:
            reporter.told(moment(cell, done=1, outcome="PASS"), "1 of 4")
            reporter.watch(Progress(phase=FAILED, run=cell.label, detail="left behind"))
        assert out.getvalue() == "lab: failed: left behind\n"


def test_on_a_terminal_a_lane_is_there_from_its_first_phase_to_its_verdict(cell: Cell) -> None:
    """Then its line stays above what is redrawn, and the count of verdicts below it rises."""
    out, clock = Terminal(), Clock()
    with SweepReporter(stream=out, clock=clock) as reporter:
        reporter.told(moment(cell), "")
        reporter.watch(Progress(phase="join", run=cell.label))
        assert "join" in out.getvalue()
        clock.now_s += 10
        reporter.told(moment(cell, done=1, outcome="FAIL"), "1 of 4: it failed")
        shown = out.getvalue()
    assert "lab: 1 of 4: it failed" in shown
    assert "FAIL 1" in shown
    assert "10 s a cell" in shown
    assert "join" not in shown.rpartition("it failed")[2]
    assert out.getvalue().endswith("\x1b[2K")


def test_counters_are_read_in_the_runs_own_thread_now_and_then(cell: Cell) -> None:
    """Two lanes at once: neither reads the other's, nor more often than it is redrawn, nor while it holds the pen."""
    out, clock = Terminal(), Clock()
    read: list[tuple[str, str]] = []
    both = threading.Barrier(2, timeout=10)

    def counts(name: str) -> tuple[Count, ...]:
        both.wait()  # both read at the same time, or nobody ever goes on
        read.append((name, threading.current_thread().name))
        return COUNTS

    def lane(name: str) -> None:
        for _ in range(2):
            reporter.watch(Progress(phase="media", run=name, counts=lambda: counts(name)))

    with SweepReporter(stream=out, clock=clock) as reporter:
        lanes = [threading.Thread(target=lane, args=(name,), name=name) for name in ("one", "two")]
        for thread in lanes:
            thread.start()
        for thread in lanes:
            thread.join()
        assert sorted(read) == [("one", "one"), ("two", "two")]
        clock.now_s += REDRAW_S
        reporter.watch(Progress(phase="media", run="one", counts=lambda: COUNTS[:1]))
        assert "uplink publisher 5.1%" in out.getvalue()


def test_a_lane_keeps_its_counters_until_they_are_read_again(cell: Cell) -> None:
    """Between two readings they stand still instead of vanishing."""
    out, clock = Terminal(), Clock()
    with SweepReporter(stream=out, clock=clock) as reporter:
        reporter.watch(Progress(phase="media", run=cell.label, left_s=9.0, counts=lambda: COUNTS))
        before = len(out.getvalue())
        reporter.watch(Progress(phase="tail", run=cell.label, counts=lambda: ()))
        assert "tail" in out.getvalue()[before:]
        assert "uplink publisher 5.1%" in out.getvalue()[before:]


def test_the_pace_counts_from_the_first_beginning(cell: Cell) -> None:
    """Later beginnings do not make it faster."""
    out, clock = Terminal(), Clock()
    with SweepReporter(stream=out, clock=clock) as reporter:
        for _ in range(2):
            reporter.told(moment(cell), "")
            clock.now_s += 10
        reporter.told(moment(cell, done=2, outcome="PASS"), "2 of 4")
        assert "10 s a cell" in out.getvalue()
