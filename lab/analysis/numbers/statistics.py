"""How sure a quantile or a slope is, and how long is enough.

A quantile has the exact binomial interval of its level, a slope Sen's. An end that too few values leave open is
infinite.
Law: 95 %, two-sided, and the same numbers give the same interval on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lab.analysis.numbers.shares import ROUNDING, Floats, Z

_TAIL = 0.025
"""The chance that the truth lies beyond one end."""


def length_to_decide(value: float, bounds: tuple[float, float], limit: float) -> float | None:
    """Return how many times as long a run would put the interval on one side of `limit`, were the value to stay.

    None when the value stands on the limit and no length would. An interval shrinks with the root of the length.
    """
    distance = abs(value - limit)
    if distance < ROUNDING:
        return None
    half = bounds[1] - value if value < limit else value - bounds[0]
    return max(1.0, (half / distance) ** 2)


def quantile(values: Floats, level: float) -> float:
    """Return the smallest of `values` that at least the share `level` of them do not exceed."""
    return float(np.quantile(values, level, method="inverted_cdf"))


def quantile_interval(values: Floats, level: float, block: int = 1) -> tuple[float, float]:
    """Return the interval of a quantile: between two of the values, as many from the top as chance may put above it.

    How many of n values are above the true quantile is binomial (W. R. Thompson, Ann. Math. Stat. 7, 1936). `block` is
    how many neighbours hang together, 1 when each is on its own; then n is as many as they are independent ones.
    """
    size = values.size
    own = max(1, math.floor(size / _effect(values, level, block)))
    first, last = _ranks(own, 1 - level)
    from_top = np.sort(values)[::-1]
    upper = float(from_top[math.floor(first * size / own) - 1]) if first else math.inf
    lower = float(from_top[math.ceil(last * size / own) - 1]) if last <= own else -math.inf
    return lower, upper


def _ranks(size: int, above: float) -> tuple[int, int]:
    """Return which of `size` values from the top, the first being 1, end the interval of what `above` of all exceed.

    Upper and lower end; 0 and more than `size` where no value does.
    """
    count = np.arange(size + 1)
    factorial = np.concatenate(([0.0], np.cumsum(np.log(count[1:]))))
    ways = factorial[size] - factorial - factorial[::-1]
    chance = np.exp(ways + count * math.log(above) + (size - count) * math.log1p(-above))
    fewer = np.cumsum(chance)  # so many at most are above
    return int(np.searchsorted(fewer, _TAIL, side="right")), int(np.searchsorted(fewer, 1 - _TAIL)) + 1


def length_to_close(values: Floats, level: float, block: int = 1) -> float:
    """Return how many times as many `values` it takes until the interval of their quantile is closed above."""
    return _effect(values, level, block) * math.ceil(math.log(_TAIL) / math.log(level)) / values.size


def _effect(values: Floats, level: float, block: int) -> float:
    return design_effect((values > quantile(values, level)).astype(np.float64), block)


def design_effect(values: Floats, block: int) -> float:
    """Return how much less `values` tell of their mean than as many independent ones would, by means of blocks."""
    whole = values.size // block
    spread = float(values.var())
    if block == 1 or whole < 2 or spread == 0:
        return 1.0
    means = values[: whole * block].reshape(whole, block).mean(axis=1)
    return max(1.0, block * float(means.var(ddof=1)) / spread)


def slope(times: Floats, values: Floats) -> tuple[float, tuple[float, float]]:
    """Return the median slope between any two values, and its interval (P. K. Sen, JASA 63, 1968). Two at least."""
    one, other = np.triu_indices(times.size, 1)
    slopes = np.sort((values[other] - values[one]) / (times[other] - times[one]))
    n = times.size
    reach = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = math.floor((slopes.size - reach) / 2) - 1, math.ceil((slopes.size + reach) / 2)
    lower = float(slopes[low]) if low >= 0 else -math.inf
    return float(np.median(slopes)), (lower, float(slopes[high]) if high < slopes.size else math.inf)


def compare(op: str) -> Callable[[float, float], bool]:
    """Return the comparison that `op` spells; values a hair apart by rounding are equal."""

    def near(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=ROUNDING)

    table: dict[str, Callable[[float, float], bool]] = {
        "<=": lambda a, b: a < b or near(a, b),
        ">=": lambda a, b: a > b or near(a, b),
        "<": lambda a, b: a < b and not near(a, b),
        ">": lambda a, b: a > b and not near(a, b),
        "==": near,
    }
    return table[op]
