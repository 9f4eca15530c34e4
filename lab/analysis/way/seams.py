"""How far levels alone name what is on the wire: where silence came in or content fell out, and how sure the place is.

Law: between two seams content follows the wire block by block, so its names are certain. At a seam the number of blocks
that came in or fell out is exact; its place is certain as far as moving it would contradict a level, and is an interval
where it would not: in a pause, or among packets that nobody saw. Behind the last level that tells, there is no exact
number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.analysis.way.naming import AHEAD_NS, Naming, Pushed, Slots, level_of, mismatch
from lab.analysis.wire.streams import Flags, Ints

_FITS = 1.0
"""As much as one 10 ms of silence costs: what is cheaper contradicts nothing."""
_LONGEST_SLOTS = 500


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Somewhere in the slots `first` … `end` - 1, `inserted` blocks of silence came in, or content fell out (negative).

    0 at the end of the log: nobody knows how many. `exact`: levels leave only this one place.
    """

    first: int
    end: int
    inserted: int
    exact: bool = False


def intervals(naming: Naming, slots: Slots, pushed: Pushed) -> tuple[Interval, ...]:
    """Return the seams whose place levels leave open, in order; those with nothing certain between them as one."""
    found: list[Interval] = []
    where, at = _whole(naming)
    fit = _Fit(slots, pushed)
    for i in np.flatnonzero(np.diff(at)):
        seam = fit.seam((int(where[i]), int(where[i + 1])), (int(at[i]), int(at[i + 1])))
        if found and fit.either(range(found[-1].end, seam.first), int(at[i])):
            last = found.pop()
            seam = Interval(first=last.first, end=seam.end, inserted=last.inserted + seam.inserted, exact=False)
        found.append(seam)
    return (*(one for one in found if not one.exact), *_end(fit, where, at))


def _end(fit: _Fit, where: Ints, at: Ints) -> tuple[Interval, ...]:
    """Return the end, as far as nothing behind it says how much went before: a log that ends in a pause."""
    if not where.size:
        return ()
    last, ahead = int(where[-1]), int(at[-1])
    open_slots = fit.run(range(last, max(-1, last - _LONGEST_SLOTS), -1), ahead, ahead + 1)
    return (Interval(first=last + 1 - open_slots, end=last + 1, inserted=0),) if open_slots else ()


def sure(naming: Naming, found: tuple[Interval, ...]) -> Flags:
    """Mark the pushed blocks on the wire that are named beyond doubt."""
    doubtful = np.zeros(naming.slot.size, np.bool_)
    for one in found:
        doubtful |= (naming.slot >= one.first) & (naming.slot < one.end)
    return (naming.slot >= 0) & ~doubtful


def _whole(naming: Naming) -> tuple[Ints, Ints]:
    """Return the slots that hold two blocks, and per such slot how far the wire is ahead of content, in blocks."""
    block = np.flatnonzero(naming.slot >= 0)
    slot = naming.slot[block]
    first = np.flatnonzero(np.diff(slot) == 0)
    return slot[first], 2 * slot[first] - block[first]


class _Fit:
    """Whether slots would as well carry the content that is theirs when the wire is ahead by another number."""

    def __init__(self, slots: Slots, pushed: Pushed) -> None:
        """Compare the levels of `slots` with what was `pushed`."""
        self._slots = slots
        self._pushed = pushed
        power = pushed.power
        self._level = level_of((power + np.append(power[1:], 0.0)) / 2)
        self._half = level_of(power / 2)

    def seam(self, slots: tuple[int, int], ahead: tuple[int, int]) -> Interval:
        """Return how far the seam between two slots, or a block of it, may move; the wire is `ahead` by so much."""
        (left, right), (before, after) = slots, ahead
        one = 1 if after > before else -1
        earlier = range(left, max(-1, left - _LONGEST_SLOTS), -1)
        later = range(right, self._slots.level.size)[:_LONGEST_SLOTS]
        back = max(self.run(earlier, before, after), self._one(earlier, before, before + one))
        on = max(self.run(later, after, before), self._one(later, after, after - one))
        return Interval(first=left + 1 - back, end=right + on, inserted=after - before, exact=not (back or on))

    def _one(self, slots: range, ahead: int, other: int) -> int:
        """Return through how many of `slots` a block of silence may be moved: to where half a packet is silent."""
        reach, spent = 0, 0.0
        for count, i in enumerate(slots):
            block = 2 * i - ahead
            halves = self._half[max(0, block) : max(0, block) + 2]
            if halves.size and mismatch(halves, int(self._slots.level[i])).min() <= 0:
                reach = count + 1
            spent += self._cost(i, other)
            if spent > _FITS:
                break
        return reach

    def run(self, slots: range, ahead: int, other: int) -> int:
        """Return how many of `slots`, in order, fit as well with the wire `other` ahead as `ahead`."""
        spent = 0.0
        for count, i in enumerate(slots):
            cost = self._cost(i, other)
            spent += 0.0 if cost == 0.0 else cost - min(cost, self._cost(i, ahead))
            if spent > _FITS:
                return count
        return len(slots)

    def either(self, slots: range, ahead: int) -> bool:
        """Say whether all of `slots` fit as well with the wire one block more ahead, or one less."""
        return any(self.run(slots, ahead, ahead + by) == len(slots) for by in (1, -1))

    def _cost(self, i: int, ahead: int) -> float:
        block = 2 * i - ahead
        if not 0 <= block < self._level.size - 1:
            return np.inf
        if self._pushed.t_ns[block + 1] > self._slots.t_ns[i] + AHEAD_NS:
            return np.inf
        return float(mismatch(self._level[block : block + 1], int(self._slots.level[i]))[0])
