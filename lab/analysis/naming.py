"""Which pushed 10 ms block each packet on the wire carries, read from the clear level extension (RFC 6464).

Law: the SDK takes 10 ms at a time from what was pushed, in order, or puts in silence when there is nothing; two of
those make a packet. So the way through (block, silence) is monotone, and the cheapest way whose levels are the wire's
names every packet, in both push phases. A slot whose packet nobody saw may carry anything: it costs nothing. So may
what comes behind the last block that was logged: a log that ends early says nothing about it.
Time and memory are linear in the packets: only blocks pushed in the last 1.6 s are candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.analysis.streams import Ints
from lab.marks import SILENT_LEVEL

Floats = NDArray[np.float64]

_BAND = 160  # blocks: what the SDK can hold (twice its queue, 400 ms by default), four times over
_AHEAD_NS = 5_000_000  # a push is logged after the fact: a block may be on the wire this much before its line says so
_SILENCE = 1.0  # per 10 ms put in: cheaper than any wrong level, dearer than none
_SKIP = 8.0  # for content that never came out of the SDK: two wrong levels
_TOLERANCE_DB = 0.6  # the wire rounds to 1 dB
_WORST = 12.0
_NEVER = 1e9
_BOTH, _ONE, _NONE = 0, 1, 2  # how many of a packet's two blocks are silence
_PLACES = np.arange(_BAND)


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Where everything on the wire belongs.

    `slot` is per pushed block where it went, -1 when it never came out. `silence_before` holds for each 10 ms of
    inserted silence how many pushed blocks came before it, `silence_slot` the slot it is in.
    """

    slot: Ints
    silence_before: Ints
    silence_slot: Ints


@dataclass(frozen=True, kw_only=True)
class _Expected:
    """What a packet that starts at each block, with the next one or with silence, would look like.

    `level` is its level, `price` 0 where there is such a packet, else a price nobody pays. Both are padded by _BAND in
    front, so that a window is one slice.
    """

    level: Floats
    price: Floats

    def cost(self, wire: int, window: slice) -> Floats:
        """Return what it costs that a packet of level `wire` (-1 unknown) starts at each block of `window`."""
        if wire < 0:
            return self.price[window]
        off = np.abs(self.level[window] - wire)
        off -= _TOLERANCE_DB
        np.maximum(off, 0.0, out=off)
        np.minimum(off, _WORST, out=off)
        off += self.price[window]
        return off


@dataclass(frozen=True, kw_only=True)
class _Trail:
    """For the way back, per slot and candidate: what the packet holds, and which candidate content was skipped from."""

    base: Ints
    choice: NDArray[np.int8]
    origin: NDArray[np.int16]
    score: Floats


def name(level: Ints, when_ns: Ints, blocks_dbov: Floats, pushed_ns: Ints) -> Naming:
    """Name the blocks in each slot.

    `level` is per slot the wire's -dBov, or -1 when unknown, and `when_ns` when it was sent; `blocks_dbov` and
    `pushed_ns` are per pushed block, in order.
    """
    if level.size == 0:
        return Naming(
            slot=np.full(blocks_dbov.size, -1), silence_before=np.zeros(0, int), silence_slot=np.zeros(0, int)
        )
    trail = _forward(level, _bases(when_ns, pushed_ns), *_expected(blocks_dbov), blocks_dbov.size)
    return _back(trail, blocks_dbov.size)


def _bases(when_ns: Ints, pushed_ns: Ints) -> Ints:
    """Return per slot its first candidate: candidates end with everything that had been pushed by then."""
    newest = np.searchsorted(np.maximum.accumulate(pushed_ns), when_ns + _AHEAD_NS, side="right")
    return np.asarray(np.maximum.accumulate(newest) - _BAND + 1, dtype=np.int64)


def _expected(blocks_dbov: Floats) -> tuple[_Expected, _Expected]:
    """Return the packets of two blocks, and of one."""
    power = np.where(blocks_dbov >= SILENT_LEVEL, 0.0, 10 ** (-blocks_dbov / 10))
    after = np.append(power[1:], 0.0)
    return _padded((power + after)[:-1], power.size), _padded(power, power.size)


def _padded(power: Floats, blocks: int) -> _Expected:
    with np.errstate(divide="ignore"):
        level = np.minimum(-10 * np.log10(power / 2), SILENT_LEVEL)
    price = np.full(2 * _BAND + blocks, _NEVER)
    price[_BAND : _BAND + level.size] = 0.0
    levels = np.zeros(price.size)
    levels[_BAND : _BAND + level.size] = level
    return _Expected(level=levels, price=price)


def _forward(level: Ints, base: Ints, pair: _Expected, half: _Expected, blocks: int) -> _Trail:
    """Find the cheapest way to every candidate: how many blocks have gone out, base … base + _BAND - 1."""
    choice = np.zeros((level.size, _BAND), np.int8)
    origin = np.zeros((level.size, _BAND), np.int16)
    score = np.full(_BAND, _NEVER)
    score[max(0, -int(base[0]))] = 0.0
    previous = int(base[0])
    for i, (wire, first) in enumerate(zip(level.tolist(), base.tolist(), strict=True)):
        if first != previous:
            score = np.concatenate((score[first - previous :], np.full(min(first - previous, _BAND), _NEVER)))
            previous = first
        score, origin[i] = _skipping(score)
        window = slice(first + _BAND, first + 2 * _BAND)
        spent = score[blocks - first] if blocks - first < _BAND else _NEVER
        score, choice[i] = _step(score, wire, pair.cost(wire, window), half.cost(wire, window))
        if spent < _NEVER and spent <= score[blocks - first]:
            score[blocks - first], choice[i, blocks - first] = spent, _NONE
    return _Trail(base=base, choice=choice, origin=origin, score=score)


def _skipping(score: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Let content be skipped: from the best candidate before, at a price."""
    best = np.minimum.accumulate(score)
    where = np.maximum.accumulate(np.where(score <= best, _PLACES, 0))
    best += _SKIP
    return np.minimum(best, score), np.where(best < score, where, _PLACES)


def _step(score: Floats, wire: int, pair: Floats, half: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Send one packet: two blocks, one and silence, or silence. Return the new scores and what each candidate chose."""
    two, one = score + pair, score + half
    one += _SILENCE
    silent = 0.0 if wire < 0 else min(_WORST, max(0.0, SILENT_LEVEL - wire - _TOLERANCE_DB))
    best, chosen = score + (silent + 2 * _SILENCE), np.full(_BAND, _NONE, np.int8)
    for way, cost, blocks in ((_ONE, one, 1), (_BOTH, two, 2)):
        better = cost[:-blocks] < best[blocks:]
        chosen[blocks:][better] = way
        np.minimum(best[blocks:], cost[:-blocks], out=best[blocks:])
    return best, chosen


def _back(trail: _Trail, blocks: int) -> Naming:
    """Walk the cheapest way from its end."""
    slot = np.full(blocks, -1, np.int64)
    silence: list[tuple[int, int]] = []
    out = int(trail.base[-1] + trail.score.argmin())
    for i in range(trail.base.size - 1, -1, -1):
        base = int(trail.base[i])
        silent = int(trail.choice[i, out - base])
        first = out - (2 - silent)
        slot[first:out] = i
        silence += [(first if silent == _NONE or _follows_silence(trail, i, first) else out, i)] * silent
        out = base + int(trail.origin[i, first - base])
    silence.reverse()
    before, where = np.array(silence, np.int64).reshape(-1, 2).T
    return Naming(slot=slot, silence_before=before, silence_slot=where)


def _follows_silence(trail: _Trail, i: int, first: int) -> bool:
    """Whether the packet before held silence: then the silence of a half-silent packet came first."""
    at = first - int(trail.base[i - 1]) if i else 0
    return i == 0 or (0 <= at < _BAND and int(trail.choice[i - 1, at]) != _BOTH)
