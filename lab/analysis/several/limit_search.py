"""Where along an axis a scenario breaks: which level to try next, and between which levels the limit lies.

Levels are numbered from the mild end. The limit k says: below level k a run holds at least as often as it breaks, from
level k on it breaks at least as often as it holds. A run that says neither (UNKNOWN) speaks for no limit.
Law: the interval covers the limit with a chance of 95 % at least, however often one looks and whenever one stops. Each
run is a bet at fair odds against every limit that it would contradict, the stake taken from the runs before it; if the
limit is true, the winnings are a supermartingale that ever reaches 1 ÷ ALPHA with a chance of at most ALPHA (J. Ville
1939; as in `sequential`). Nothing but that order is assumed: no curve, no spread, and a limit once refuted stays so.
The next level comes from probabilistic bisection (M. Horstein, IEEE Trans. Inf. Theory 9, 1963), done twice: for the
first level that breaks nearly always and for the last one that holds nearly always. Which level is tried is free: it
changes how fast the interval narrows, never what it covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHA = 0.05
_DOUBT = 0.25
"""What the stake adds to either count: the first run at a level bets nothing."""
_SURE, _LIKELY = 0.95, 0.4
"""How often a level beyond the sought one gives the sought answer, and how often one before it does: for choosing."""
_ROUND_MARGIN = 1e-9


class Answer(Enum):
    """What one run said of its level."""

    HOLDS = "holds"
    BREAKS = "breaks"
    NEITHER = "neither"


class Stop(Enum):
    """Why nothing more is to be tried."""

    FOUND = "found"  # the interval is one step wide, or an end of the range
    MIXED = "mixed"  # more runs would hardly narrow it: inside, runs come out either way, or say neither
    DISORDER = "disorder"  # every limit is refuted: milder levels break and harsher ones hold


@dataclass(frozen=True, kw_only=True)
class Try:
    """One run: its level and its answer."""

    level: int
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """The limits that are not refuted, from `first` to `last`.

    0 says that the mildest level breaks already, as many as there are levels that the harshest one still holds.
    """

    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is known after some runs: `bracket` None in disorder; the next `level`, or why there is none."""

    bracket: Bracket | None
    level: int | None = None
    stop: Stop | None = None


def look(levels: int, tried: Sequence[Try], pending: Sequence[int] = ()) -> Look:
    """Return what `tried` (in the order in which the runs ended) says of a limit among `levels`.

    `pending` are the levels of runs that have not ended yet: the next level is chosen as if they came out as expected.
    """
    left = np.flatnonzero(_evidence(levels, tried) < math.log(1 / ALPHA))
    if not left.size:
        return Look(bracket=None, stop=Stop.DISORDER)
    bracket = Bracket(first=int(left[0]), last=int(left[-1]))
    if bracket.first == bracket.last:
        return Look(bracket=bracket, stop=Stop.FOUND)
    breaking, holding = _edges(levels, bracket, _expected(levels, bracket, tried, pending))
    from_above, from_below = bracket.last - breaking, holding - bracket.first
    if max(from_above, from_below) <= 0:
        return Look(bracket=bracket, stop=Stop.MIXED)
    wanted = breaking if from_above >= from_below else holding - 1
    return Look(bracket=bracket, level=min(max(wanted, bracket.first), bracket.last - 1))


def _evidence(levels: int, tried: Sequence[Try]) -> Floats:
    """Return for each limit the log of the most that betting against it has ever won.

    The stake: a milder level that broke speaks for breaking here too, a harsher one that held against it.
    """
    said = [one for one in tried if one.answer != Answer.NEITHER]
    level = np.array([one.level for one in said], np.int64)
    broke = np.array([one.answer == Answer.BREAKS for one in said], np.bool_)
    here, before = level[:, np.newaxis], np.tri(level.size, k=-1, dtype=np.bool_)
    to_break = (before & broke & (level <= here)).sum(axis=1) + _DOUBT
    to_hold = (before & ~broke & (level >= here)).sum(axis=1) + _DOUBT
    on_breaking, on_holding = (np.maximum(bet / (to_break + to_hold), 0.5) for bet in (to_break, to_hold))
    milder = np.log(2 * np.where(broke, on_breaking, 1 - on_breaking))[:, np.newaxis]
    harsher = np.log(2 * np.where(broke, 1 - on_holding, on_holding))[:, np.newaxis]
    won = np.where(np.arange(levels + 1) > here, milder, harsher).cumsum(axis=0)
    return np.asarray(won.max(axis=0, initial=0.0))


def _edges(levels: int, bracket: Bracket, tried: Sequence[Try]) -> tuple[int, int]:
    """Return the limits that part what breaks nearly always from the rest, and what holds nearly always."""
    broke, held, neither = (_count(levels, tried, answer) for answer in (Answer.BREAKS, Answer.HOLDS, Answer.NEITHER))
    breaking = _split(_weight(broke, held + neither, _LIKELY), _weight(broke, held + neither, _SURE))
    holding = _split(_weight(held, broke + neither, _SURE), _weight(held, broke + neither, _LIKELY))
    left = slice(bracket.first, bracket.last + 1)
    return bracket.first + _median(breaking[left]), bracket.last - _median(holding[left][::-1])


def _count(levels: int, tried: Sequence[Try], answer: Answer) -> Floats:
    """Return how many runs gave that answer at each level."""
    found = np.bincount([one.level for one in tried if one.answer == answer], minlength=levels)
    return np.asarray(found, np.float64)


def _weight(sought: Floats, other: Floats, share: float) -> Floats:
    """Return per level the log of the chance of its answers, where the `sought` one comes in that `share` of runs."""
    return sought * math.log(share) + other * math.log(1 - share)


def _split(milder: Floats, harsher: Floats) -> Floats:
    """Return for each limit the sum of `milder` below it and of `harsher` from it on."""
    below, beyond = np.append(0.0, milder.cumsum()), np.append(harsher[::-1].cumsum()[::-1], 0.0)
    return np.asarray(below + beyond)


def _median(log_weight: Floats) -> int:
    """Return the median, of two equal halves the lower end: what was never tried is tried before giving up."""
    shares = np.cumsum(np.exp(log_weight - log_weight.max()))
    return int(np.searchsorted(shares, shares[-1] * (0.5 - _ROUND_MARGIN)))


def _expected(levels: int, bracket: Bracket, tried: Sequence[Try], pending: Sequence[int]) -> list[Try]:
    """Return `tried` and what the `pending` ones would most likely say."""
    known = list(tried)
    if not pending:
        return known
    breaking, holding = _edges(levels, bracket, tried)
    for level in pending:
        answer = Answer.BREAKS if level >= breaking else Answer.HOLDS if level < holding else Answer.NEITHER
        known.append(Try(level=level, answer=answer))
    return known
