"""How far levels alone name what is on the wire: where silence came in or content fell out, and how sure the place is.

Law: between two seams content follows the wire block by block, so its names are certain. At a seam the number of blocks
that came in or fell out is exact; its place is certain as far as moving it would contradict a level, and is an interval
where it would not: in a pause, or among packets that nobody saw. Behind the last level that tells, there is no exact
number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.analysis.naming import AHEAD_NS, Naming, Pushed, Slots, level_of, mismatch
from lab.analysis.streams import Flags, Ints

_FITS = 1.0
"""As much as one 10 ms of silence costs: what is cheaper contradicts nothing."""
_LONGEST_SLOTS = 500


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Somewhere in the slots `first` … `end` - 1, `inserted` blocks of silence came in, or content fell out (negative).

    0 at the end of the log: nobody knows how many.
    """

    first: int
    end: int
    inserted: int


def intervals(naming: Naming, slots: Slots, pushed: Pushed) -> tuple[Interval, ...]:
    """Return the seams whose place levels leave open, in order."""
    found = []
    where, at = _whole(naming)
    fit = _Fit(slots, pushed)
    for i in np.flatnonzero(np.diff(at)):
        before, after, left, right = int(at[i]), int(at[i + 1]), int(where[i]), int(where[i + 1])
        back = fit.run(range(left, max(-1, left - _LONGEST_SLOTS), -1), before, after)
        on = fit.run(range(right, min(slots.level.size, right + _LONGEST_SLOTS)), after, before)
        if back or on:
            found.append(Interval(first=left + 1 - back, end=right + on, inserted=after - before))
    return (*found, *_end(fit, where, at))


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

    def run(self, slots: range, ahead: int, other: int) -> int:
        """Return how many of `slots`, in order, fit as well with the wire `other` ahead as `ahead`."""
        spent = 0.0
        for count, i in enumerate(slots):
            cost = self._cost(i, other)
            spent += 0.0 if cost == 0.0 else cost - min(cost, self._cost(i, ahead))
            if spent > _FITS:
                return count
        return len(slots)

    def _cost(self, i: int, ahead: int) -> float:
        block = 2 * i - ahead
        if not 0 <= block < self._level.size - 1:
            return np.inf
        if self._pushed.t_ns[block + 1] > self._slots.t_ns[i] + AHEAD_NS:
            return np.inf
        return float(mismatch(self._level[block : block + 1], int(self._slots.level[i]))[0])
