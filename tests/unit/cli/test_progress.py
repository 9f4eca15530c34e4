"""What a person sees while a run runs."""

from __future__ import annotations

import io

from lab.cli.progress import Reporter
from lab.rig.watch import FAILED, KEPT, Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_off_a_terminal_each_phase_has_one_line() -> None:
    """A log file gets a line when something begins, not one per moment."""
    out = io.StringIO()
    reporter = Reporter(stream=out)
    for left in (3.0, 2.0, 1.0):
        reporter.watch(Progress(phase="media", left_s=left))
    reporter.watch(Progress(phase="drain"))
    assert out.getvalue().splitlines() == ["lab: media    3 s left", "lab: drain"]


def test_errors_and_kept_labs_are_shown_to_everybody() -> None:
    """`-q` wants no progress, but what went wrong, and what stays on the machine, is not progress."""
    out = io.StringIO()
    reporter = Reporter(stream=out, quiet=True)
    reporter.watch(Progress(phase="media"))
    reporter.watch(Progress(phase=FAILED, detail="clean: no engine"))
    reporter.watch(Progress(phase=KEPT, detail="lab clean --run x"))
    assert out.getvalue().splitlines() == ["lab: failed: clean: no engine", f"lab: {KEPT}: lab clean --run x"]


def test_on_a_terminal_progress_is_one_line_that_goes_away() -> None:
    """The live line is wiped at the end; errors stay."""
    out = Terminal()
    reporter = Reporter(stream=out)
    reporter.watch(Progress(phase="media", left_s=1.0))
    reporter.watch(Progress(phase=FAILED, detail="x"))
    reporter.watch(Progress(phase="done"))
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\r\x1b[K")
