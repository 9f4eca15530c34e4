"""What a person sees while a run runs: one live line on a terminal, one line per phase elsewhere, all on stderr."""

from __future__ import annotations

import time
from typing import TextIO

from lab.rig.watch import FAILED, KEPT, Progress

_LASTING = (FAILED, KEPT)
"""Phases whose detail stays on the screen, and is shown even to somebody who wants no progress."""


class Reporter:
    """Shows the phases of runs and remembers how long each took."""

    def __init__(self, *, stream: TextIO, quiet: bool = False, verbose: bool = False) -> None:
        """Write to `stream` unless `quiet`; with `verbose` every event has its own line, terminal or not."""
        self._stream = stream
        self._quiet = quiet
        self._live = stream.isatty() and not verbose
        self._verbose = verbose
        self._phases: list[tuple[str, float]] = []

    def watch(self, progress: Progress) -> bool:
        """Show one moment; never asks the run to end."""
        new = not self._phases or self._phases[-1][0] != progress.phase
        if new:
            self._phases.append((progress.phase, time.monotonic()))
        if not self._quiet or progress.phase in _LASTING:
            self._show(progress, new)
        return False

    def _show(self, progress: Progress, new: bool) -> None:
        left = "" if progress.left_s is None else f" {progress.left_s:4.0f} s left"
        words = f"{progress.phase}{left}" + (f": {progress.detail}" if progress.detail else "")
        if self._live and progress.phase in _LASTING:
            self._stream.write(f"\r\x1b[Klab: {words}\n")
        elif self._live:
            self._stream.write("\r\x1b[K" if progress.phase == "done" else f"\r\x1b[K{words}\r")
        elif new or self._verbose or progress.detail:
            self._stream.write(f"lab: {words}\n")
        self._stream.flush()

    def print_timings(self) -> None:
        """Print the seconds that each phase took, in order."""
        ends = [began for _, began in self._phases[1:]]
        for (phase, began), end in zip(self._phases, ends, strict=False):
            self._stream.write(f"{phase:<20} {end - began:7.2f} s\n")
        if self._phases:
            self._stream.write(f"{'all':<20} {self._phases[-1][1] - self._phases[0][1]:7.2f} s\n")
