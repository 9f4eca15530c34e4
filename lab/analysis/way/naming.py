"""Which pushed 10 ms block each packet on the wire carries, read from the clear level extension (RFC 6464).

Law: the SDK takes 10 ms at a time from what was pushed, in order, or puts in silence when there is nothing; two of
those make a packet. So the way through (block, silence) is monotone, and the cheapest way whose levels are the wire's
names every packet, in both push phases and whatever the audio is. A slot whose packet nobody saw may carry anything: it
costs nothing. So may what comes behind the last block that was logged: a log that ends early says nothing about it.
Where levels alone do not tell where silence was put in, it is where the SDK had least waiting.
Time and memory are linear in the packets: only blocks pushed in the last 1.6 s are candidates, at most 16 s where the
program pushes that far ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lab.analysis.wire.streams import Flags, Ints
from lab.pcm import SILENT_LEVEL

Floats = NDArray[np.float64]

TOLERANCE_DB = 0.6
"""The wire rounds to 1 dB."""
AHEAD_NS = 5_000_000
"""A push is logged after the fact: a block may be on the wire this much before its line says so."""
_TAKEN_NS = 6_000_000  # the SDK took a packet's two blocks about 11 and 1 ms before it left
_BAND, _WIDEST_BAND = 160, 1600  # blocks: what the SDK can hold (twice its queue, 400 ms by default), four times over
_SILENCE = 1.0  # per 10 ms put in: cheaper than any wrong level, dearer than none
_WAITING = 0.002  # more, per block that waited meanwhile: it only decides what levels leave open
_MOST_WAITING = 50
_SKIP = 8.0  # for content that never came out of the SDK: two wrong levels
_WORST = 12.0
_NEVER = 1e9
_BOTH, _ONE, _NONE = 0, 1, 2  # how many of a packet's two blocks are silence
_SILENT = np.full((1, 1), float(SILENT_LEVEL))
_TOGETHER = 256  # slots priced at once: many enough for numpy's overhead, few enough for the cache


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """The blocks that the program handed to the SDK, in order: their levels and when."""

    dbov: Floats
    t_ns: Ints

    @property
    def power(self) -> Floats:
        """Their power, full scale 1; digital silence is 0."""
        return np.asarray(np.where(self.dbov >= SILENT_LEVEL, 0.0, 10 ** (-self.dbov / 10)))


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The 20 ms slots on the wire: the level of each (-dBov, -1 unknown), and when it was sent."""

    level: Ints
    t_ns: Ints


@dataclass(frozen=True, kw_only=True)
class Naming:
    """Where everything on the wire belongs.

    `slot` is per pushed block where it went, -1 when it never came out. `silence_before` holds for each 10 ms of
    inserted silence how many pushed blocks came before it, `silence_slot` the slot it is in.
    """

    slot: Ints
    silence_before: Ints
    silence_slot: Ints


def level_of(power: Floats) -> Floats:
    """Return power as -dBov, digital silence 127."""
    with np.errstate(divide="ignore"):
        found: Floats = np.minimum(-10 * np.log10(power), SILENT_LEVEL)
    return found


def mismatch(expected: Floats, wire: int | Ints) -> Floats:
    """Return what it costs that packets of these levels are the one of level `wire` (-1 unknown)."""
    off: Floats = np.abs(expected - wire)
    off -= TOLERANCE_DB
    np.maximum(off, 0.0, out=off)
    np.minimum(off, _WORST, out=off)
    off *= np.greater_equal(wire, 0)
    return off


class _Costs:
    """What it costs that a packet holds none of the blocks after each candidate, one, or two."""

    def __init__(self, slots: Slots, pushed: Pushed, band: int) -> None:
        """Prepare for the slots and blocks; arrays are padded by `band` in front, so that a window is one slice."""
        self._slots, self._band = slots, band
        self._newest = np.searchsorted(np.maximum.accumulate(pushed.t_ns), slots.t_ns - _TAKEN_NS, side="right")
        left = np.clip(np.arange(band - 1, -band, -1), 0, _MOST_WAITING).astype(np.float64)
        self._waiting: Floats = _SILENCE + _WAITING * left
        power = np.concatenate((np.zeros(band), pushed.power, np.zeros(band + 1)))
        size = pushed.dbov.size
        one = power[:-1] / 2
        two = one + power[1:] / 2
        self._loud = tuple((level_of(p), self._priced(p.size, size, j)) for j, p in ((1, one), (2, two)))

    def each(self, base: Ints) -> Iterator[tuple[Floats, Floats, Floats]]:
        """Yield the costs per slot at its candidates `base` …: of none, one and two blocks."""
        for start in range(0, base.size, _TOGETHER):
            yield from zip(*self._of(slice(start, start + _TOGETHER), base), strict=True)

    def _of(self, some: slice, base: Ints) -> tuple[Floats, Floats, Floats]:
        first, wire = base[some], self._slots.level[some, np.newaxis]
        waiting = self._windows(self._waiting, self._band - 1 - np.maximum(self._newest[some] - first, 0))
        at = first + self._band
        one, two = (mismatch(self._windows(level, at), wire) + self._windows(price, at) for level, price in self._loud)
        return mismatch(_SILENT, wire) + 2 * waiting, one + waiting, two

    def _windows(self, values: Floats, at: Ints) -> Floats:
        return np.asarray(sliding_window_view(values, self._band)[at])

    def _priced(self, size: int, blocks: int, wanted: int) -> Floats:
        """Return 0 where `wanted` blocks are left, else a price nobody pays."""
        price = np.full(size, _NEVER)
        price[self._band : self._band + max(0, blocks - wanted + 1)] = 0.0
        return price


@dataclass(frozen=True, kw_only=True)
class _Trail:
    """For the way back, per slot and candidate: what the packet holds, and where content was skipped, from where on."""

    base: Ints
    choice: NDArray[np.int8]
    lowest: Flags  # no candidate before it cost less
    skipped: Flags
    score: Floats

    def origin(self, slot: int, candidate: int) -> int:
        """Return which candidate it was before content was skipped."""
        if not self.skipped[slot, candidate]:
            return candidate
        return int(np.flatnonzero(self.lowest[slot, : candidate + 1])[-1])


def name(level: Ints, when_ns: Ints, blocks_dbov: Floats, pushed_ns: Ints) -> Naming:
    """Name the blocks in each slot.

    `level` is per slot the wire's -dBov, or -1 when unknown, and `when_ns` when it was sent; `blocks_dbov` and
    `pushed_ns` are per pushed block, in order.
    """
    return named(Slots(level=level, t_ns=when_ns), Pushed(dbov=blocks_dbov, t_ns=pushed_ns))


def named(slots: Slots, pushed: Pushed) -> Naming:
    """Name the blocks in each slot."""
    none = np.zeros(0, np.int64)
    if slots.level.size == 0:
        return Naming(slot=np.full(pushed.dbov.size, -1, np.int64), silence_before=none, silence_slot=none)
    return _back(_forward(slots, pushed), pushed.dbov.size)


def _newest(when_ns: Ints, pushed_ns: Ints) -> Ints:
    """Return per slot how many blocks had been pushed by then."""
    newest = np.searchsorted(np.maximum.accumulate(pushed_ns), when_ns + AHEAD_NS, side="right")
    return np.asarray(np.maximum.accumulate(newest), dtype=np.int64)


def _band(newest: Ints) -> int:
    """Return how many candidates a slot has: twice as many as ever were pushed and, at two a packet, not yet sent."""
    begun = np.maximum(np.arange(newest.size) - np.count_nonzero(newest == 0), 0)
    return int(np.clip(2 * (newest - 2 * begun).max(initial=0), _BAND, _WIDEST_BAND))


def _forward(slots: Slots, pushed: Pushed) -> _Trail:
    """Find the cheapest way to every candidate: how many blocks have gone out, base … base + band - 1."""
    newest, blocks = _newest(slots.t_ns, pushed.t_ns), pushed.dbov.size
    band = _band(newest)
    costs, base = _Costs(slots, pushed, band), newest - band + 1
    choice = np.full((base.size, band), _NONE, np.int8)
    lowest, skipped = np.zeros((2, base.size, band), np.bool_)
    score = np.full(band, _NEVER)
    score[max(0, -int(base[0]))] = 0.0
    previous = int(base[0])
    for i, (first, priced) in enumerate(zip(base.tolist(), costs.each(base), strict=True)):
        if first != previous:
            score = np.concatenate((score[first - previous :], np.full(min(first - previous, band), _NEVER)))
            previous = first
        _skip(score, lowest[i], skipped[i])
        spent = score[blocks - first] if blocks - first < band else _NEVER
        score = _step(score, priced, choice[i])
        if spent < _NEVER and spent <= score[blocks - first]:
            score[blocks - first], choice[i, blocks - first] = spent, _NONE
    return _Trail(base=base, choice=choice, lowest=lowest, skipped=skipped, score=score)


def _skip(score: Floats, lowest: Flags, skipped: Flags) -> None:
    """Let content be skipped, from the best candidate before, at a price: mark which are best so far, and who did."""
    best = np.minimum.accumulate(score)
    np.equal(score, best, out=lowest)
    best += _SKIP
    np.less(best, score, out=skipped)
    np.minimum(best, score, out=score)


def _step(score: Floats, priced: tuple[Floats, Floats, Floats], chosen: NDArray[np.int8]) -> Floats:
    """Send one packet: silence, one block and silence, or two. Return the new scores; `chosen` says what each did."""
    none, one, two = priced
    best = score + none
    for way, cost, blocks in ((_ONE, one, 1), (_BOTH, two, 2)):
        sent, kept = score[:-blocks] + cost[:-blocks], best[blocks:]
        np.putmask(chosen[blocks:], sent < kept, way)
        np.minimum(kept, sent, out=kept)
    return best


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
        out = base + trail.origin(i, first - base)
    silence.reverse()
    before, where = np.array(silence, np.int64).reshape(-1, 2).T
    return Naming(slot=slot, silence_before=before, silence_slot=where)


def _follows_silence(trail: _Trail, i: int, first: int) -> bool:
    """Whether the packet before held silence: then the silence of a half-silent packet came first."""
    at = first - int(trail.base[i - 1]) if i else 0
    return i == 0 or (0 <= at < trail.choice.shape[1] and int(trail.choice[i - 1, at]) != _BOTH)
