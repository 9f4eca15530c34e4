"""The live view of a terminal: what a run or a sweep is doing, redrawn in place, gone when it ends.

Law: a view is made of what was told and of the terminal's width alone. What does not fit is left out whole, or wrapped;
no figure is ever cut. What comes from outside is shown as text: it moves no cursor and paints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO, cast

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lab.cli.words import hop, share
from lab.report.amounts import length, many
from lab.report.plain import clean
from lab.rig.process.watch import Count

CAUSES_FROM = 76
"""Columns from which on there is room for causes."""
_BAD, _DIM, _STRONG = "red", "dim", "bold"
_ODD = "yellow"
_COLOURS = {"PASS": "green", "FAIL": _BAD, "UNKNOWN": _ODD, "VOID": _ODD, "ERROR": _BAD}
_BAR, _FULL, _EMPTY = 60, "\N{BOX DRAWINGS HEAVY HORIZONTAL}", "\N{BOX DRAWINGS LIGHT HORIZONTAL}"


@dataclass(frozen=True, kw_only=True)
class RunMoment:
    """What there is to show of a run: its scenario's name, the phase and how much of it is over, the newest words."""

    name: str
    phase: str
    detail: str = ""
    left_s: float | None = None
    whole_s: float | None = None
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LaneMoment:
    """What there is to show of one of several runs: which it is, its phase, and what the network dropped so far."""

    run: str
    phase: str
    left_s: float | None = None
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SweepMoment:
    """What there is to show of a sweep: `done` of `of` cells (None: nobody knows how many), each taking `each_s`.

    `outcomes` counts the cells that are done, `void` the attempts that came to nothing; `left_s` None is unknown.
    """

    name: str
    done: int = 0
    of: int | None = None
    void: int = 0
    each_s: float | None = None
    left_s: float | None = None
    outcomes: tuple[tuple[str, int], ...] = ()
    lanes: tuple[LaneMoment, ...] = ()


class Screen:
    """The lines at the bottom of a terminal that are redrawn. Nothing is drawn before the first `show`."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on `stream`, a terminal, with colour unless NO_COLOR says otherwise."""
        self.console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._live: Live | None = None

    def show(self, view: RenderableType) -> None:
        """Draw `view` in the place of what was shown last."""
        if self._live is None:
            self._live = Live(
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(view, refresh=True)

    def clear(self) -> None:
        """Take away what is shown, so that others may print; the next `show` draws below it."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def print(self, words: str) -> None:
        """Print a line that stays, above what is redrawn."""
        self.console.print(inert(words), soft_wrap=True)


def inert(words: str) -> Text:
    """Return `words` as text in which nothing is a command to a terminal."""
    return Text(clean(words))


def run_view(moment: RunMoment, width: int) -> RenderableType:
    """Return the view of one run."""
    parts: list[RenderableType] = [_head(moment.name, moment.phase, moment.left_s)]
    if moment.left_s is not None and moment.whole_s:
        parts.append(_bar(1 - moment.left_s / moment.whole_s, width))
    if moment.detail:
        parts.append(inert(moment.detail))
    if moment.counts:
        parts.append(_hops(moment.counts, with_causes=width >= CAUSES_FROM))
    return Group(*parts)


def sweep_view(moment: SweepMoment, width: int) -> RenderableType:
    """Return the view of a sweep: how far, how fast, what came of it, and what is being run now."""
    head = inert(moment.name)
    head.stylize(_STRONG)
    parts: list[RenderableType] = [head.append(f"   {'   '.join(_pace(moment))}", style="not bold")]
    if moment.of:
        parts.append(_bar(moment.done / moment.of, width))
    if came := _came_of(moment):
        parts.append(came)
    if moment.lanes:
        parts.append(_lanes(moment.lanes))
    return Group(*parts)


def _pace(moment: SweepMoment) -> Iterator[str]:
    yield f"{moment.done} runs" if moment.of is None else f"{moment.done} of {moment.of} cells"
    if moment.each_s is not None:
        yield f"{moment.each_s:.0f} s a cell"
    if moment.left_s is not None:
        yield f"about {length(moment.left_s)} left"


def _came_of(moment: SweepMoment) -> Text | None:
    """Return the verdicts so far, what is no pass in the colour of what it is."""
    parts = [(f"{name} {count}", _COLOURS.get(name, "")) for name, count in moment.outcomes if count]
    parts += [(many(moment.void, "void attempt"), _ODD)] if moment.void else []
    if not parts:
        return None
    text = Text()
    for number, (words, style) in enumerate(parts):
        text.append(" · " if number else "").append(words, style=style)
    return text


def _lanes(lanes: Sequence[LaneMoment]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    for fixed in (False, True, True, False):
        table.add_column(
            no_wrap=fixed, overflow="fold", justify="right" if fixed and len(table.columns) == 2 else "left"
        )
    for lane in lanes:
        left = "" if lane.left_s is None else f"{lane.left_s:.0f} s left"
        lost = inert(", ".join(_lost(count) for count in lane.counts if count.dropped))
        lost.stylize(_BAD)
        table.add_row(inert(lane.run), inert(lane.phase), inert(left), lost)
    return table


def _lost(count: Count) -> str:
    """Return a hop and its share in words that no line break can take apart."""
    return f"{hop(count)} {share(count).replace(' ', '')}"


def _head(name: str, phase: str, left_s: float | None) -> Text:
    head = inert(name)
    head.stylize(_STRONG)
    left = "" if left_s is None else f"   {left_s:.0f} s left"
    return head.append_text(inert(f"   {phase}{left}"))


def _bar(over: float, width: int) -> Text:
    """Return a line that is full as far as things are `over` (0..1)."""
    columns = min(width, _BAR)
    full = round(columns * min(1.0, max(0.0, over)))
    return Text(_FULL * full).append(_EMPTY * (columns - full), style=_DIM)


def _hops(counts: Sequence[Count], *, with_causes: bool) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style=_DIM)
    for title, side in (("hop", "left"), ("whose", "left"), ("came", "right"), ("lost", "right"), ("", "right")):
        table.add_column(title, justify=cast("JustifyMethod", side), no_wrap=title != "whose", overflow="fold")
    if with_causes:
        table.add_column("", no_wrap=True)
    for count in counts:
        table.add_row(*list(_cells(count))[: len(table.columns)], style=_BAD if count.dropped else "")
    return table


def _cells(count: Count) -> Iterator[Text]:
    causes = " · ".join(f"{name} {number}" for name, number in count.causes if number)
    words = "frames concealed" if count.hop == "playout" and count.dropped else causes
    for cell in (count.hop, count.client, f"{count.offered}", f"{count.dropped}", share(count), words):
        yield inert(cell)
