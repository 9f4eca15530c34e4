"""What a person sees while a run runs."""

from __future__ import annotations

import io

import pytest

from lab.cli.progress import COUNTS_EVERY_S, REDRAW_S, Reporter
from lab.rig.process.watch import FAILED, KEPT, NOTE, Count, Progress
from tests.unit.cli.test_live import Terminal

UPLINK = Count(hop="uplink", client="publisher", offered=200, dropped=10)


class Clock:
    """A clock that the test moves."""

    now_s = 10.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


def test_off_a_terminal_each_phase_has_one_line() -> None:
    """A log file gets a line when something begins, not one per moment."""
    out = io.StringIO()
    reporter = Reporter(stream=out)
    for left in (3.0, 2.0, 1.0):
        reporter.watch(Progress(phase="media", left_s=left))
    reporter.watch(Progress(phase="drain"))
    assert out.getvalue().splitlines() == ["lab: media    3 s left", "lab: drain"]


def test_off_a_terminal_what_was_dropped_is_told_now_and_then() -> None:
    """Every ten seconds of a phase that lasts; in between nobody asks the counters, which begin with the phase."""
    out, clock, asked = io.StringIO(), Clock(), []

    def counts() -> tuple[Count, ...]:
        asked.append(clock.now_s)
        return (UPLINK, Count(hop="server", client="", offered=190, dropped=0))

    reporter = Reporter(stream=out, clock=clock)
    for tick in range(int(2.5 * COUNTS_EVERY_S)):
        reporter.watch(Progress(phase="media", left_s=30.0 - tick, counts=counts))
        clock.now_s += 1
    said = ": uplink publisher 10 of 200 (5.0 %) · server 0 of 190"
    assert out.getvalue().splitlines() == [
        "lab: media   30 s left",
        f"lab: media   20 s left{said}",
        f"lab: media   10 s left{said}",
    ]
    assert asked == [10.0, 20.0, 30.0]


class Dice:
    """A link that drops one packet in ten, 50 a second, counted from the first look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._from_s: float | None = None

    def read(self) -> tuple[Count, ...]:
        """Return what was dropped since then."""
        self._from_s = self._clock.now_s if self._from_s is None else self._from_s
        packets = round(50 * (self._clock.now_s - self._from_s))
        return (Count(hop="uplink", client="publisher", offered=packets, dropped=packets // 10),)


def test_the_first_line_of_a_log_tells_what_was_dropped_since_the_phase_began() -> None:
    """Of each run anew, and also where the first moment was none to look in, for a change of the network was due."""
    out, clock = io.StringIO(), Clock()
    reporter = Reporter(stream=out, clock=clock)
    for first in (0, 1):
        dice = Dice(clock)
        reporter.watch(Progress(phase="prepare"))
        for tick in range(12 + first):
            reporter.watch(Progress(phase="media", left_s=30.0 - tick, counts=dice.read if tick >= first else None))
            clock.now_s += 1
    told = [line.partition(" left")[2] for line in out.getvalue().splitlines() if "uplink" in line]
    assert told == [": uplink publisher 50 of 500 (10.0 %)"] * 2


def test_errors_and_kept_labs_are_shown_to_everybody() -> None:
    """`-q` wants no progress, but what went wrong, and what stays on the machine, is not progress."""
    for out in (io.StringIO(), Terminal()):
        reporter = Reporter(stream=out, quiet=True)
        reporter.watch(Progress(phase="media"))
        reporter.watch(Progress(phase=FAILED, detail="clean: no engine"))
        reporter.watch(Progress(phase=KEPT, detail="lab clean --run x"))
        assert out.getvalue().splitlines() == ["lab: failed: clean: no engine", f"lab: {KEPT}: lab clean --run x"]


def test_on_a_terminal_a_run_is_redrawn_and_goes_away() -> None:
    """Its name, the phase, what was dropped; at the end the lines are wiped, errors stay."""
    out = Terminal()
    reporter = Reporter(stream=out, clock=Clock())
    reporter.watch(Progress(phase="prepare", detail="congested → results/congested/1"))
    reporter.watch(Progress(phase="media", left_s=9.0, counts=lambda: (UPLINK,)))
    assert "congested" in out.getvalue().splitlines()[-4]
    assert "9 s left" in out.getvalue()
    assert "5.0 %" in out.getvalue()
    reporter.watch(Progress(phase=FAILED, detail="x"))
    reporter.watch(Progress(phase="done"))
    assert "lab: failed: x" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def test_a_terminal_is_redrawn_twice_a_second_at_most() -> None:
    """Each drawing costs CPU, of which the run has none to spare; something new is shown at once."""
    out, clock, asked = Terminal(), Clock(), []

    def counts() -> tuple[Count, ...]:
        asked.append(clock.now_s)
        return ()

    reporter = Reporter(stream=out, clock=clock)
    for _ in range(8):
        reporter.watch(Progress(phase="media", left_s=9.0, counts=counts))
        clock.now_s += REDRAW_S / 2
    assert len(asked) == 4
    reporter.watch(Progress(phase="drain"))
    assert "drain" in out.getvalue()


def test_a_result_is_printed_where_nothing_is_redrawn(capsys: pytest.CaptureFixture[str]) -> None:
    """The table goes to stdout, below lines that are there no more."""
    out = Terminal()
    with Reporter(stream=out) as reporter:
        reporter.watch(Progress(phase="media", left_s=9.0))
        reporter.result("PASS")
        assert out.getvalue().endswith("\x1b[2K")
    assert capsys.readouterr().out == "PASS\n"


def test_an_interrupted_run_leaves_the_terminal_as_it_was() -> None:
    """Whatever ends the block, the cursor is back."""
    out = Terminal()

    def interrupted() -> None:
        with Reporter(stream=out) as reporter:
            reporter.watch(Progress(phase="media", left_s=9.0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert out.getvalue().count("\x1b[?25h") == 1


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """TERM=dumb: an editor's shell, or a log that says it is a terminal."""
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    Reporter(stream=out).watch(Progress(phase="media", left_s=9.0))
    assert out.getvalue() == "lab: media    9 s left\n"


def test_timings_are_told_phase_by_phase() -> None:
    """How long each took, and all of them; what somebody must know in the midst of one is none."""
    out, clock = io.StringIO(), Clock()
    reporter = Reporter(stream=out, quiet=True, clock=clock)
    for phase, seconds in (("join", 1.5), (NOTE, 0.5), ("media", 8.0), ("done", 0.0)):
        reporter.watch(Progress(phase=phase))
        clock.now_s += seconds
    out.truncate(0)
    out.seek(0)
    reporter.print_timings()
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["join", "2.00", "s"],
        ["media", "8.00", "s"],
        ["all", "10.00", "s"],
    ]
