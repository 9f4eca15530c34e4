"""The cheapest monotone way through what was read and what the wire carried, 5 ms by 5 ms.

Law: a jitter buffer plays on, waits (concealment), hurries (acceleration) or jumps; it never goes back. So the way is
monotone; where it goes is decided by how alike the two sounds are. Nothing is asked of slots that did not arrive, nor
of what is made up while the buffer waits; it waits without a price where nothing is left to play. Nor is anything asked
of what is far louder than all that was sent: a decoder that goes astray behind a loss plays on, and nothing waits.
Time and memory are linear in what was read: only the last four seconds of what had arrived by then are candidates,
which is all that NetEQ keeps (200 packets).
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
_BORDER = np.full(_TRIPLE, _NEVER, np.float32)
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

    def likeness(self, read: Spectra, base: Ints) -> Iterator[Floats]:
        """Yield per step of what was read how alike the band's steps are to it; many are priced at once."""
        for start in range(0, base.size, _TOGETHER):
            first, last = int(base[start]), int(base[min(start + _TOGETHER, base.size) - 1])
            found = self._alike(slice(first + _BAND, last + 2 * _BAND), read, slice(start, start + _TOGETHER))
            for row, begins in zip(found, base[start : start + _TOGETHER].tolist(), strict=True):
                yield row[begins - first :][:_BAND]

    def _alike(self, window: slice, read: Spectra, some: slice) -> Floats:
        level_db, quiet = read.level_db[some, np.newaxis], self.quiet[window]
        wire = self.shape[window]
        found = np.stack([wire @ one for one in read.shape[some]])  # one by one: BLAS would start threads for all
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
    per step of `read` the last step of the wire that had arrived when it was read.
    """
    if not read.size or not wire.size:
        return np.zeros(read.size, np.int64)
    base = np.maximum.accumulate(np.clip(newest, 0, wire.size - 1)) - _BAND + 1
    padded = _padded(wire, arrived)
    choice = np.zeros((read.size, _HALF), np.uint8)  # what most memory goes to: two candidates in a byte
    jumped_from = np.zeros(read.size, np.int64)
    score = np.zeros(_BAND, np.float32)
    for i, alike in enumerate(padded.likeness(read, base)):
        best = int(score.argmax())
        jumped_from[i] = base[i - 1] + best
        chosen = np.zeros(_BAND, np.uint8)
        score = _moved(score, best, int(base[i] - base[i - 1]), alike, chosen) if i else alike
        choice[i] = chosen[:_HALF] | chosen[_HALF:] << 4
    return _back(base, choice, jumped_from, int(score.argmax()))


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


def _moved(score: Floats, best: int, ahead: int, alike: Floats, chosen: NDArray[np.uint8]) -> Floats:
    """Move on by one step while the window moves `ahead`: return each candidate's score; `chosen` says how reached."""
    ahead = min(ahead, score.size + _TRIPLE)
    before = np.concatenate((_BORDER, score, _BORDER[:1].repeat(ahead)))[ahead:]
    found: Floats = before[_TRIPLE:][: score.size] - _COST[_WAITS]
    if not ahead:  # who has played the last that had arrived can but wait
        found[-1] += _COST[_WAITS]
    for way in range(_ON, _JUMPS):
        cost = before[_TRIPLE - way :][: score.size] - _COST[way]
        cost += alike
        _better(found, chosen, cost, way)
    beyond = max(0, best - ahead + 1)
    _better(found[beyond:], chosen[beyond:], alike[beyond:] + (score[best] - _COST[_JUMPS]), _JUMPS)
    return found


def _better(found: Floats, chosen: NDArray[np.uint8], score: Floats, way: int) -> None:
    """Go this way where it is better than what was found."""
    np.putmask(chosen, score > found, way)
    np.maximum(found, score, out=found)


def _back(base: Ints, choice: NDArray[np.uint8], jumped_from: Ints, last: int) -> Ints:
    """Walk the cheapest way from its end; `choice` has the band's second half in its upper four bits."""
    way = np.zeros(base.size, np.int64)
    way[-1] = base[-1] + last
    for i in range(base.size - 1, 0, -1):
        upper, place = divmod(int(way[i] - base[i]), _HALF)
        step = int(choice[i, place]) >> 4 * upper & 15
        way[i - 1] = jumped_from[i] if step == _JUMPS else way[i] - step
    return way
