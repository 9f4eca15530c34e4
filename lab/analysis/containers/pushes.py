"""How punctual a program pushed: each push against the program's own schedule and its usual lead.

Law: a program that pushes ahead of time keeps a lead; it is late by what it is behind that lead. It stood still for as
long as it had not pushed anything, less what its last push lasts: what came late once stays late where an SDK's full
queue holds it back. An event loop that was blocked says so on the lines written when it was free again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import FrameLine
from lab.pcm import BLOCK_MS

Floats = NDArray[np.float64]

_LEAD = 0.9
"""The lead that nine of ten pushes at most have: a program that is late for most of the run still had it before."""
_LAG_LINES = (-1, 0, 1, 2)
"""Around a push that waited: the line before it may have been written, late, when the loop was free again."""
_TOGETHER_NS = 2_000_000
_MS = 1_000_000
NEVER = -1


@dataclass(frozen=True, kw_only=True)
class Pushes:
    """A row per line that a program logged: when it should have pushed and when it did (NEVER: it did not), t_ns.

    `before_ns` is when the last push before it was, its own time where there was none. `lag_ms` is the event loop's
    worst lag seen until shortly after; `grouped` marks lines whose audio became available together with that of the
    next one. `came_ns` is when audio came that was to be spoken before: the line's own, or that of one right before it
    that was never pushed, or was refused; NEVER where all was there in time. `lead_ms` is how far ahead it usually is,
    `length_ms` how much it pushes at a time.
    """

    expected_ns: Ints
    pushed_ns: Ints
    before_ns: Ints
    available_ns: Ints
    came_ns: Ints
    lag_ms: Floats
    grouped: Flags
    refused: Flags
    lead_ms: float
    length_ms: float

    @property
    def late_ms(self) -> Floats:
        """How late each push was; 0 for one that never was."""
        return np.where(self.pushed_ns == NEVER, 0.0, (self.pushed_ns - self.expected_ns) / _MS)

    @property
    def stood_ms(self) -> Floats:
        """How long the program had stood still before each push, beyond what the one before it lasts."""
        return np.maximum(0.0, (self.pushed_ns - self.before_ns) / _MS - self.length_ms)

    @property
    def kept_ms(self) -> Floats:
        """How much of that the program had all the audio, as far as it came late."""
        return np.where(self.came_ns == NEVER, np.inf, (self.pushed_ns - self.came_ns) / _MS)


def pushes(lines: Sequence[FrameLine]) -> Pushes:
    """Lay out the pushes of a program."""
    scheduled = np.array([line.scheduled_ns for line in lines], np.int64)
    pushed = np.array([NEVER if line.pushed_ns is None else line.pushed_ns for line in lines], np.int64)
    available = np.array([line.available_ns or line.scheduled_ns for line in lines], np.int64)
    went = pushed != NEVER
    refused = np.array([line.error is not None for line in lines], np.bool_)
    lead = float(np.quantile((scheduled - pushed)[went], _LEAD)) if went.any() else 0.0
    lag = np.array([line.lag_ms for line in lines], np.float64)
    near = np.arange(lag.size)[:, None] + np.array(_LAG_LINES)
    worst = lag[np.clip(near, 0, max(0, lag.size - 1))].max(axis=1) if lag.size else lag
    latest = np.maximum.accumulate(np.where(went, pushed, NEVER))
    before = np.append(pushed[:1], latest[:-1])
    return Pushes(
        expected_ns=scheduled - int(lead),
        pushed_ns=pushed,
        before_ns=np.where(before == NEVER, pushed, before),
        available_ns=available,
        came_ns=_came(available, scheduled, went & ~refused),
        lag_ms=worst,
        grouped=np.abs(np.diff(available, append=np.iinfo(np.int64).max)) <= _TOGETHER_NS,
        refused=refused,
        lead_ms=lead / _MS,
        length_ms=float(np.median([len(line.levels) for line in lines]) * BLOCK_MS) if lines else 0.0,
    )


def _came(available: Ints, scheduled: Ints, went: Flags) -> Ints:
    """Return per line when the latest audio came that was late, of it and of those right before it that never went."""
    found, latest = np.full(available.size, NEVER, np.int64), NEVER
    for i, late_ns in enumerate(np.where(available > scheduled, available, NEVER).tolist()):
        latest = max(latest, late_ns)
        found[i] = latest
        latest = NEVER if went[i] else latest
    return found


def line_of(lines: Sequence[FrameLine]) -> Ints:
    """Return per 10 ms made the line it stands on."""
    return np.repeat(np.arange(len(lines)), [len(line.levels) for line in lines])
