"""The cheapest monotone way through what was read and what the wire carried, 5 ms by 5 ms.

Law: a jitter buffer plays on, waits (concealment), hurries (acceleration) or jumps; it never goes back. So the way is
monotone; where it goes is decided by how alike the two sounds are. Nothing is asked of slots that did not arrive, nor
of what is made up while the buffer waits; it waits without a price where nothing is left to play. Nor is anything asked
of what is far louder than all that was sent: a decoder that goes astray behind a loss plays on, and nothing waits.
Time and memory are linear in what was read: only the last four seconds of what had arrived when it was delivered are
candidates, which is all that NetEQ keeps (200 packets).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.analysis.ear.spectra import Floats, Spectra
from lab.analysis.wire.streams import Flags, Ints

STEP = 240  # samples: 5 ms
_BAND = 800  # steps: 4 s
_HALF = _BAND // 2
_NEVER = np.float32(-1e9)
_WAITS, _ON, _DOUBLE, _TRIPLE, _JUMPS = range(5)
_COST = tuple(
    np.float32(cost) for cost in (0.5, 0.0, 1.6, 2.8, 8.0)
)  # of likeness; to hurry by 30 ms at once costs more than to jump
_ALIKE, _SLOPE, _MOST, _LEAST = 0.6, 3.0, 1.2, -0.8
_PER_DB, _MOST_DB = 0.05, 10.0
_QUIET_DB = 80.0  # 25 dB below the quietest mark
_TOGETHER = 64  # steps priced at once: many enough for numpy's overhead, few enough for the cache
_ASTRAY_DB = 10.0
_BOTH_QUIET, _ONE_QUIET, _NOTHING_ASKED = 0.6, -0.4, 0.2


@dataclass(frozen=True, kw_only=True)
class _Padded:
    """What the wire carried, with a band of nothing before and behind, so that a window is one slice."""

    shape: Floats
    level_db: Floats
    quiet: Flags
    asked: Flags
    inside: Floats  # 0, or never
    loudest_db: float

    def likeness(self, read: Spectra, base: Ints, some: slice) -> Iterator[Floats]:
        """Yield per step of `some` of what was read how alike the band's steps are to it; all are priced at once."""
        begins = base[some].tolist()
        found = self._alike(slice(begins[0] + _BAND, begins[-1] + 2 * _BAND), read, some)
        for row, begin in zip(found, begins, strict=True):
            yield row[begin - begins[0] :][:_BAND]

    def _alike(self, window: slice, read: Spectra, some: slice) -> Floats:
        level_db, quiet = read.level_db[some, np.newaxis], self.quiet[window]
        wire = self.shape[window]
        found = read.shape[some] @ wire.T
        found -= _ALIKE
        found *= _SLOPE
        np.maximum(found, _LEAST, out=found)
        np.minimum(found, _MOST, out=found)
        off = np.abs(self.level_db[window] - np.asarray(level_db, np.float32))
        found -= np.minimum(off, _MOST_DB, out=off) * np.float32(_PER_DB)
        found[:, quiet] = _ONE_QUIET
        silent = np.flatnonzero(level_db[:, 0] <= _QUIET_DB)
        found[silent] = np.where(quiet, np.float32(_BOTH_QUIET), np.float32(_ONE_QUIET))
        found[:, ~self.asked[window]] = _NOTHING_ASKED
        found[level_db[:, 0] > self.loudest_db + _ASTRAY_DB] = _NOTHING_ASKED
        found += self.inside[window]
        return np.asarray(found)


def align(read: Spectra, wire: Spectra, arrived: Flags, newest: Ints) -> Ints:
    """Return per step of `read` the step of `wire` that was playing.

    `arrived` marks the steps of the wire that could be decoded and of which it is known what they carry; `newest` is
    per step of `read` the last step of the wire that had arrived when NetEQ delivered it.
    """
    if not read.size or not wire.size:
        return np.zeros(read.size, np.int64)
    base = np.maximum.accumulate(np.clip(newest, 0, wire.size - 1)) - _BAND + 1
    padded, scores = _padded(wire, arrived), _Scores(base)
    choice = np.zeros((read.size, _HALF), np.uint8)  # what most memory goes to: two candidates in a byte
    best = np.zeros(read.size, np.int64)
    better = np.zeros((len(_COST), _TOGETHER, _BAND), np.bool_)
    for start in range(0, read.size, _TOGETHER):
        some = slice(start, min(start + _TOGETHER, read.size))
        for at, alike in enumerate(padded.likeness(read, base, some)):
            best[start + at] = scores.after(start + at, alike, better[:, at])
        choice[some] = _chosen(better[:, : some.stop - start])
    return _back(base, choice, best)


def _padded(wire: Spectra, arrived: Flags) -> _Padded:
    def around(values: NDArray[np.generic], outside: object) -> NDArray[np.generic]:
        border = np.full((_BAND, *values.shape[1:]), outside, values.dtype)
        return np.concatenate((border, values, border))

    return _Padded(
        shape=np.asarray(around(wire.shape, 0), np.float32),
        level_db=np.asarray(around(wire.level_db, 0), np.float32),
        quiet=np.asarray(around(wire.level_db <= _QUIET_DB, True), np.bool_),
        asked=np.asarray(around(arrived, False), np.bool_),
        inside=np.asarray(around(np.zeros(wire.size, np.float32), _NEVER), np.float32),
        loudest_db=float(wire.level_db.max()),
    )


class _Scores:
    """How good the best way to each step of the wire is, as far as was read; the band is where anything can be now.

    Two arrays over all of the wire are written in turn, so that nothing has to be moved as the band moves.
    """

    def __init__(self, base: Ints) -> None:
        """Begin before the first step; `base` is per step of what was read where the band begins."""
        self._begins: list[int] = (base - base[0] + _TRIPLE).tolist()
        self._offset = int(base[0]) - _TRIPLE
        self._now, self._next = (np.full(self._begins[-1] + _BAND, _NEVER, np.float32) for _ in range(2))
        self._price = np.zeros(_BAND, np.float32)
        self._best = 0

    def after(self, step: int, alike: Floats, better: NDArray[np.bool_]) -> int:
        """Move on to `step` of what was read, which is so `alike`; return where on the wire is best.

        `better` [way, band] says which ways are better than those before them: on, double, triple, jumps, waits.
        """
        begin = self._begins[step]
        found = self._next[begin : begin + _BAND]
        if step:
            self._hurry(begin, found, better)
        else:
            found[:] = 0
            better[:] = False
        found += alike
        if step:
            self._wait(begin, found, better[_WAITS])
        self._next[begin - _TRIPLE : begin] = _NEVER  # what is left there is of the step before the last
        self._now, self._next = self._next, self._now
        self._best = begin + int(found.argmax())
        return self._best + self._offset

    def _hurry(self, begin: int, found: Floats, better: NDArray[np.bool_]) -> None:
        """Write the best of playing on, as it is or hurried, and of jumping ahead of where it was best."""
        price = self._price
        found[:] = self._now[begin - _ON :][:_BAND]
        for way in (_DOUBLE, _TRIPLE):
            np.subtract(self._now[begin - way :][:_BAND], _COST[way], out=price)
            np.greater(price, found, out=better[way])
            np.maximum(found, price, out=found)
        ahead, jumped = max(0, self._best + 1 - begin), self._now[self._best] - _COST[_JUMPS]
        better[_JUMPS, :ahead] = False
        np.less(found[ahead:], jumped, out=better[_JUMPS, ahead:])
        np.maximum(found[ahead:], jumped, out=found[ahead:])

    def _wait(self, begin: int, found: Floats, better: NDArray[np.bool_]) -> None:
        """Take waiting where nothing is better; it has no price where all that had arrived has been played."""
        price = self._price
        np.subtract(self._now[begin:][:_BAND], _COST[_WAITS], out=price)
        price[-1] += _COST[_WAITS]
        np.greater_equal(price, found, out=better)
        np.maximum(found, price, out=found)


def _chosen(better: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return per step and candidate how it is reached, two in a byte, of what was `better` [way, step, band]."""
    chosen = np.full(better.shape[1:], _ON, np.uint8)
    for way in (_DOUBLE, _TRIPLE, _JUMPS, _WAITS):
        np.putmask(chosen, better[way], way)
    return np.asarray(chosen[:, :_HALF] | chosen[:, _HALF:] << 4, np.uint8)


def _back(base: Ints, choice: NDArray[np.uint8], best: Ints) -> Ints:
    """Walk the cheapest way from its end; `choice` has the band's second half in its upper four bits."""
    way = np.zeros(base.size, np.int64)
    way[-1] = best[-1]
    for i in range(base.size - 1, 0, -1):
        upper, place = divmod(int(way[i] - base[i]), _HALF)
        step = int(choice[i, place]) >> 4 * upper & 15
        way[i - 1] = best[i - 1] if step == _JUMPS else way[i] - step
    return way
