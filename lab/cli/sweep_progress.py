"""What a person sees while a sweep runs: a live view on a terminal, a line per finished run everywhere.

Law: lanes tell from threads of their own. Drawing is done by one at a time; a counter is read in the thread of the run
that it belongs to, and nobody waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from lab.cli.progress import LASTING, REDRAW_S, can_redraw
from lab.cli.words import spoken
from lab.rig.process.watch import Count, Progress

if TYPE_CHECKING:
    from lab.batch.sweeps.attempts import Moment
    from lab.cli.live import LaneMoment, Screen, SweepMoment

_ANSWERS = ("PASS", "FAIL", "UNKNOWN")


class SweepReporter:
    """Shows how a sweep goes. As a context it leaves the terminal as it was."""

    def __init__(self, *, stream: TextIO, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `stream`; when `quiet`, only what went wrong."""
        self._stream, self._quiet, self._clock = stream, quiet, clock
        self._lock = threading.Lock()
        self._view = _SweepView(stream, clock) if not quiet and can_redraw(stream) else None

    def __enter__(self) -> SweepReporter:
        """Show nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Take away what is redrawn."""
        if self._view:
            self._view.clear()

    def watch(self, progress: Progress) -> bool:
        """Hear one moment of a run (`progress.run` says which), or of the sweep; from any thread. Never asks to end."""
        counts = self._view.counts(progress) if self._view else None
        with self._lock:
            if progress.phase in LASTING or (not progress.run and not self._quiet):
                self._line(spoken(progress))
            elif self._view and progress.run:
                self._view.lane(progress, counts)
        return False

    def told(self, moment: Moment, words: str) -> None:
        """Hear what is new in the sweep, and the `words` for it, which stay; none where they are not worth a line."""
        with self._lock:
            if self._view:
                self._view.moment(moment)
            if words and not self._quiet:
                self._line(words)

    def _line(self, words: str) -> None:
        if self._view:
            self._view.print(f"lab: {words}")
        else:
            self._stream.write(f"lab: {words}\n")
            self._stream.flush()


class _SweepView:
    """The live view of one sweep."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        from lab.cli.live import Screen, SweepMoment

        self._screen: Screen = Screen(stream)
        self._clock = clock
        self._moment: SweepMoment = SweepMoment(name="sweep")
        self._lanes: dict[str, LaneMoment] = {}
        self._came: Counter[str] = Counter()
        self._began: float | None = None
        self._next = 0.0
        self._counted: dict[str, float] = {}

    def counts(self, progress: Progress) -> tuple[Count, ...] | None:
        """Read what the run's hops dropped so far, now and then; None when it is not to be read now."""
        if progress.counts is None or self._clock() < self._counted.get(progress.run, 0.0):
            return None
        self._counted[progress.run] = self._clock() + REDRAW_S
        return progress.counts()

    def lane(self, progress: Progress, counts: tuple[Count, ...] | None) -> None:
        """Show where a run is."""
        from lab.cli.live import LaneMoment

        before = self._lanes.get(progress.run)
        seen = before.counts if before and counts is None else counts or ()
        self._lanes[progress.run] = LaneMoment(
            run=progress.run, phase=progress.phase, left_s=progress.left_s, counts=seen
        )
        self._draw(now=before is None or before.phase != progress.phase)

    def moment(self, moment: Moment) -> None:
        """Show where the sweep is."""
        if moment.cell and not moment.attempt and self._began is None:
            self._began = self._clock()
        if moment.cell and moment.attempt:
            self._lanes.pop(moment.cell.label, None)
            self._counted.pop(moment.cell.label, None)
            self._came[moment.attempt.outcome] += 1
        took = None if self._began is None or not moment.done else (self._clock() - self._began) / moment.done
        self._moment = replace(
            self._moment,
            done=moment.done,
            of=moment.of,
            void=moment.void,
            each_s=took,
            left_s=moment.left_s,
            outcomes=tuple((name, self._came[name]) for name in _ANSWERS),
        )
        self._draw(now=True)

    def print(self, words: str) -> None:
        """Print a line that stays."""
        self._screen.print(words)

    def clear(self) -> None:
        """Take away what is shown."""
        self._screen.clear()

    def _draw(self, *, now: bool) -> None:
        from lab.cli.live import sweep_view

        if now or self._clock() >= self._next:
            self._next = self._clock() + REDRAW_S
            shown = replace(self._moment, lanes=tuple(self._lanes.values()))
            self._screen.show(sweep_view(shown, self._screen.console.width))
