"""The live view: what it shows at which width, that nothing outside paints on it, and that it goes away."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console, RenderableType

from lab.cli.live import RunMoment, Screen, inert, run_view
from lab.rig.process.watch import Count

COUNTS = (
    Count(
        hop="uplink", client="publisher", offered=1_204_311, dropped=61_002, causes=(("random", 61_000), ("queue", 2))
    ),
    Count(hop="server", client="", offered=1_143_309, dropped=0),
    Count(hop="downlink", client="a-subscriber-with-a-long-name-indeed", offered=0, dropped=0, causes=(("random", 0),)),
    Count(hop="playout", client="b", offered=1000, dropped=37),
)
MOMENT = RunMoment(name="congested", phase="media", detail="not decided yet", left_s=18.2, whole_s=30.0, counts=COUNTS)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def drawn(view: RenderableType, width: int) -> str:
    """Return `view` as plain text."""
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_figure_is_whole_at_every_width(width: int) -> None:
    """Phase, time left, words, and of each hop how much came and was lost; no line is wider than the terminal."""
    text = drawn(run_view(MOMENT, width), width)
    for figure in ("media", "18 s left", "not decided yet", "1204311", "61002", "5.1 %", "1143309", "37", "3.7 %"):
        assert figure in text
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(("width", "shown"), [(60, False), (80, True), (120, True)])
def test_causes_are_there_where_there_is_room(width: int, shown: bool) -> None:
    """Whole or not at all; a cause that took nothing is not told."""
    wide = run_view(RunMoment(name="x", phase="media", counts=COUNTS[:2]), width)
    assert ("random 61000 · queue 2" in drawn(wide, width)) == shown
    assert "blocked" not in drawn(wide, width)


def test_a_phase_without_an_end_has_no_bar() -> None:
    """Nobody knows how much of it is over."""
    text = drawn(run_view(RunMoment(name="x", phase="join"), 80), 80)
    assert text.split() == ["x", "join"]


@pytest.mark.parametrize(("left_s", "full"), [(30.0, 0), (15.0, 30), (0.0, 60)])
def test_the_bar_is_as_full_as_the_phase_is_over(left_s: float, full: int) -> None:
    """Of sixty columns."""
    text = drawn(run_view(RunMoment(name="x", phase="media", left_s=left_s, whole_s=30.0), 80), 80)
    assert text.count("\N{BOX DRAWINGS HEAVY HORIZONTAL}") == full


def test_words_from_outside_command_nothing() -> None:
    """An escape sequence in a log line or a scenario's name, and rich's own markup."""
    assert "\x1b" not in inert("\x1b[2Jgone\r\n").plain
    text = drawn(run_view(RunMoment(name="[red]x[/red]", phase="media", detail="\x1b]0;title\x07"), 80), 80)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text


def test_the_screen_is_left_as_it_was() -> None:
    """Lines that are to stay stay; what was redrawn is wiped, and the cursor is shown again."""
    out = Terminal()
    screen = Screen(out)
    screen.show(run_view(MOMENT, 80))
    screen.print("lab: failed: no engine")
    screen.clear()
    assert "lab: failed: no engine" in out.getvalue()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1
    assert out.getvalue().endswith("\x1b[2K")


def test_without_colour_nothing_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: no sequence that sets a colour."""

    def shown() -> str:
        out = Terminal()
        Screen(out).show(run_view(MOMENT, 80))
        return out.getvalue()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert re.search(r"\x1b\[[0-9;]*31", shown())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown())
