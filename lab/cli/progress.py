"""What a person sees while a run runs: a live view on a terminal, one line per event elsewhere, all on stderr."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from lab.cli.words import counted, spoken
from lab.rig.process.watch import FAILED, KEPT, NOTE, Progress

if TYPE_CHECKING:
    from lab.cli.live import RunMoment, Screen

LASTING = (FAILED, KEPT, NOTE)
"""Phases whose detail stays on the screen, and is shown even to somebody who wants no progress."""
_PREPARE, _DONE = "prepare", "done"
REDRAW_S = 0.5
COUNTS_EVERY_S = 10.0
"""How often a log is told what was dropped so far."""


class Reporter:
    """Shows the phases of runs and remembers how long each took. As a context it leaves the terminal as it was."""

    def __init__(
        self,
        *,
        stream: TextIO,
        quiet: bool = False,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write to `stream` unless `quiet`; with `verbose` every event has its own line, terminal or not."""
        self._stream = stream
        self._quiet = quiet
        self._verbose = verbose
        self._clock = clock
        self._phases: list[tuple[str, float]] = []
        self._view = _View(stream, clock) if not quiet and not verbose and can_redraw(stream) else None
        self._counted = 0.0
        self._counting = False

    def __enter__(self) -> Reporter:
        """Show nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Take away what is redrawn."""
        if self._view:
            self._view.clear()

    def watch(self, progress: Progress) -> bool:
        """Show one moment; never asks the run to end."""
        new = progress.phase != NOTE and (not self._phases or self._phases[-1][0] != progress.phase)
        if new:
            self._phases.append((progress.phase, self._clock()))
        if self._view:
            self._view.show(progress, new)
        elif not self._quiet or progress.phase in LASTING:
            self._write(progress, new)
        return False

    def result(self, text: str) -> None:
        """Print a result on stdout; what is redrawn gives way to it."""
        if self._view:
            self._view.clear()
        print(text, flush=True)

    def print_timings(self) -> None:
        """Print the seconds that each phase took, in order."""
        if self._view:
            self._view.clear()
        ends = [began for _, began in self._phases[1:]]
        for (phase, began), end in zip(self._phases, ends, strict=False):
            self._stream.write(f"{phase:<20} {end - began:7.2f} s\n")
        if self._phases:
            self._stream.write(f"{'all':<20} {self._phases[-1][1] - self._phases[0][1]:7.2f} s\n")

    def _write(self, progress: Progress, new: bool) -> None:
        dropped = self._dropped(progress, new)
        if new or self._verbose or progress.detail or dropped:
            self._stream.write(f"lab: {spoken(progress)}{dropped}\n")
            self._stream.flush()

    def _dropped(self, progress: Progress, new: bool) -> str:
        """Return what was dropped so far, now and then: first when a phase has lasted so long.

        Counters count from the first look on, which is therefore made as soon as a phase has any, and tells nothing.
        """
        now = self._clock()
        self._counting = self._counting and not new
        if progress.counts is None:
            self._counted = now
            return ""
        if not self._counting:
            self._counting, self._counted = True, now
            progress.counts()
            return ""
        if now - self._counted < COUNTS_EVERY_S:
            return ""
        self._counted = now
        return ": " + (" · ".join(map(counted, progress.counts())) or "nothing can be counted")


class _View:
    """The live view of one run after another."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        from lab.cli.live import RunMoment, Screen

        self._screen: Screen = Screen(stream)
        self._clock = clock
        self._moment: RunMoment = RunMoment(name="lab", phase="")
        self._next = 0.0

    def show(self, progress: Progress, new: bool) -> None:
        """Redraw when something is new, else now and then."""
        from lab.cli.live import run_view

        if progress.phase in LASTING:
            self._screen.print(f"lab: {spoken(progress)}")
        elif progress.phase == _DONE:
            self._screen.clear()
        elif new or progress.detail or self._clock() >= self._next:
            self._next = self._clock() + REDRAW_S
            self._moment = _after(self._moment, progress, new)
            self._screen.show(run_view(self._moment, self._screen.console.width))

    def clear(self) -> None:
        """Take away what is shown."""
        self._screen.clear()


def _after(moment: RunMoment, progress: Progress, new: bool) -> RunMoment:
    """Return `moment` with what is new; what a phase said stays until the next one, drops until the next run."""
    begins = progress.phase == _PREPARE
    return replace(
        moment,
        name=progress.detail.partition(" → ")[0] if begins else moment.name,
        phase=progress.phase,
        detail=progress.detail or ("" if new else moment.detail),
        left_s=progress.left_s,
        whole_s=progress.left_s if new else moment.whole_s,
        counts=() if begins else progress.counts() if progress.counts else moment.counts,
    )


def can_redraw(stream: TextIO) -> bool:
    """Say whether `stream` is a terminal that can go back to what it showed."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
