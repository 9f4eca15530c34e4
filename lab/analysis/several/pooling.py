"""Several runs of the same: what they come to together, and how much two sides differ.

Law: repetitions are judged by how far they are apart (Student's t over runs), and a rate is never surer than its runs'
own intervals allow. One run alone has only its own interval, which knows the chance inside it and nothing of other
runs. So one pair decides about rates only: ten runs of the same had delays 8 ms apart, each sure of its own to 0.1 ms.
Runs with the same dice (one repetition, and one seed where that is varied) lose the same packets under other settings:
together they are one (`averaged`). Where nothing tells how sure a figure is, no interval is given. 95 %, two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from lab.analysis.numbers.shares import Z
from lab.analysis.numbers.student import beyond, reach
from lab.analysis.values import Measured
from lab.scenario.metrics import metric

ALPHA = 0.05
_ALIKE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The mean of one metric over `n` runs, in the metric's unit; the others did not know it.

    `value` None: no run knows. `low`, `high` None: nothing tells how sure it is (one count, or the same count every
    time); infinite: open, as a single run's may be.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much more the second side has than the first: the mean over `n` pairs, in the metric's unit.

    `p` is the probability of at least so much by chance alone, before any correction. None: nothing tells.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A figure of one run or pair, and how far its interval reaches below and above it; None: it has none."""

    value: float
    below: float | None
    above: float | None


def averaged(runs: Sequence[Measured]) -> Measured:
    """Return the mean of runs with the same dice as one of them; none may be unknown.

    It is no surer than they are one by one: under another delay they lose the very same packets.
    """
    if len(runs) == 1:
        return runs[0]
    readings = [_reading(one.value, one) for one in runs if one.value is not None]
    value = fmean(one.value for one in readings)
    below, above = _mean(one.below for one in readings), _mean(one.above for one in readings)
    low, high = (None if below is None else value - below), (None if above is None else value + above)
    return replace(runs[0], value=value, low=low, high=high)


def _mean(reaches: Iterable[float | None]) -> float | None:
    found = list(reaches)
    known = [reach for reach in found if reach is not None]
    return fmean(known) if len(known) == len(found) else None


def pooled(runs: Sequence[Measured]) -> Pooled:
    """Return what repetitions come to together; all of one metric. No end lies where the metric cannot be."""
    known = [_reading(one.value, one) for one in runs if one.value is not None]
    if not known:
        return Pooled(value=None, n=0)
    kind, unit = metric(runs[0].name).kind, metric(runs[0].name).unit
    value, (below, above) = _pool(known, own=kind == "rate" or len(known) == 1)
    low, high = (None if below is None else value - below), (None if above is None else value + above)
    if low is not None and kind != "trend":
        low = max(0.0, low)  # damage is never negative; only a trend has a sign
    if high is not None and unit == "share" and max(one.value for one in known) <= 1:
        high = min(1.0, high)  # more only where pauses were put in
    return Pooled(value=value, low=low, high=high, n=len(known))


def difference(first: Sequence[Measured], second: Sequence[Measured]) -> Difference:
    """Return `second` minus `first`, pair by pair in their order; ValueError when one has no partner.

    A pair of which one side is unknown counts as no pair.
    """
    pairs = [_minus(one, other) for one, other in zip(first, second, strict=True)]
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return Difference(value=None, n=0)
    own = metric(first[0].name).kind == "rate"
    value, (below, above) = _pool(known, own=own)
    p = _chance(known, value, own=own)
    if p is not None and p >= ALPHA:  # what may be chance may be nothing
        below, above = (None if end is None else max(end, toward) for end, toward in ((below, value), (above, -value)))
    low, high = (None if below is None else value - below), (None if above is None else value + above)
    return Difference(value=value, low=low, high=high, p=p, n=len(known))


def holm(chances: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return every p as it counts among so many: the chance of even one false alarm stays 5 % (S. Holm, 1979)."""
    known = sorted((p, place) for place, p in enumerate(chances) if p is not None)
    corrected: list[float | None] = [None] * len(chances)
    worst = 0.0
    for rank, (p, place) in enumerate(known):
        worst = max(worst, min(1.0, p * (len(known) - rank)))
        corrected[place] = worst
    return tuple(corrected)


def _reading(value: float, one: Measured) -> _Reading:
    below = None if one.low is None else value - one.low
    return _Reading(value=value, below=below, above=None if one.high is None else one.high - value)


def _minus(first: Measured, second: Measured) -> _Reading | None:
    """Return the difference of two runs, its interval from theirs (MOVER; Newcombe, Stat. Med. 17, 1998)."""
    if first.value is None or second.value is None:
        return None
    one, other = _reading(first.value, first), _reading(second.value, second)
    return _Reading(
        value=other.value - one.value, below=_root(other.below, one.above), above=_root(other.above, one.below)
    )


def _root(*reaches: float | None) -> float | None:
    known = [reach for reach in reaches if reach is not None]
    return math.hypot(*known) if len(known) == len(reaches) else None


def _pool(known: Sequence[_Reading], *, own: bool) -> tuple[float, tuple[float | None, float | None]]:
    """Return the mean, and how far below and above it the interval goes.

    The wider of what the runs' distances say and, with `own`, what their own intervals say.
    """
    value, alone = fmean(one.value for one in known), _own(known) if own else (None, None)
    error = _error(known)
    if error is None:
        return value, alone
    apart = error * reach(len(known) - 1)
    below, above = (max(apart, end or 0.0) for end in alone)
    return value, (below, above)


def _own(known: Sequence[_Reading]) -> tuple[float | None, float | None]:
    below, above = _root(*(one.below for one in known)), _root(*(one.above for one in known))
    size = len(known)
    return (None if below is None else below / size), (None if above is None else above / size)


def _error(known: Sequence[_Reading]) -> float | None:
    """Return the standard error of the mean, None when the runs do not tell it: there is one, or all are alike."""
    values = [one.value for one in known]
    if max(values) - min(values) <= _ALIKE * max(map(abs, values)):
        return None
    middle = fmean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1) / len(values))


def _chance(known: Sequence[_Reading], value: float, *, own: bool) -> float | None:
    """Return the p that goes with the interval of `_pool`: below 5 % where 0 is outside of it.

    Differences without a spread come as likely each way as often as tossed coins do (the sign test), at least: where an
    outage hits one run in three, two pairs that differ by exactly one are nothing rare.
    """
    error, toward = _error(known), _own(known)[0 if value > 0 else 1] if own else None
    alone = None if toward is None else _normal(value, toward)
    if error is not None:
        return max(alone or 0.0, beyond(value / error, len(known) - 1))
    if len(known) > 1:
        return 1.0 if value == 0 else max(alone or 0.0, math.ldexp(1.0, 1 - len(known)))
    return alone


def _normal(value: float, toward: float) -> float:
    """Return the chance of `value` when its interval reaches so far toward 0."""
    if value == 0 or math.isinf(toward):
        return 1.0
    return math.erfc(abs(value) * Z / toward / math.sqrt(2)) if toward > 0 else 0.0
