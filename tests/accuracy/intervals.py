"""Exact binomial intervals (Clopper and Pearson, Biometrika 26, 1934): how far a count of right answers carries."""

from __future__ import annotations

import math

_STEPS = 60  # of bisection: 2^-60 is below what a float of this size can tell


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of the probability behind `hits` of `trials`; (0, 1) of no trials at all.

    Its ends are the probabilities for which so many hits or more, or so few or fewer, are just (1 - confidence) / 2
    likely. ValueError when the counts are none.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no count")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _where(lambda p: at_most(hits - 1, trials, p), 1 - tail)
    high = 1.0 if hits == trials else _where(lambda p: at_most(hits, trials, p), tail)
    return low, high


def at_most(hits: int, trials: int, p: float) -> float:
    """Return the probability of `hits` or fewer in `trials` of probability `p` each."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return float(hits >= trials)
    return min(1.0, math.fsum(_exactly(k, trials, p) for k in range(hits + 1)))


def _exactly(hits: int, trials: int, p: float) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)
    return math.exp(ways + hits * math.log(p) + (trials - hits) * math.log1p(-p))


def _where(falling, level: float) -> float:
    """Return the p at which `falling`, which goes from 1 to 0 as p grows, crosses `level`."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return (low + high) / 2
