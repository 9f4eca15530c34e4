"""Student's t: how probable a deviation is that was measured in units of its own estimated spread.

Law: exact, by the finite sums for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
"""

from __future__ import annotations

import math
from functools import cache

_SURE = 0.05
_HALVINGS = 60


def beyond(t: float, freedom: int) -> float:
    """Return the probability of a deviation of `t` or more, to either side, with `freedom` ≥ 1 degrees of freedom."""
    angle = math.atan(abs(t) / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = total = math.cos(angle) if odd else 1.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= square * (step - 1) / step
        total += term
    if not odd:
        return max(0.0, 1 - sine * total)
    return max(0.0, 1 - 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0)))


@cache
def reach(freedom: int) -> float:
    """Return the deviation that 95 % stay within."""
    low, high = 1.0, 13.0  # between the normal distribution's 1.96 and the 12.7 of one degree
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle, freedom) > _SURE else (low, middle)
    return (low + high) / 2
