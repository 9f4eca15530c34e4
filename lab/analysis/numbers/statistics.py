"""How sure a share, a quantile or a slope is, and how long is enough.

A share has Wilson's interval, or a seeded block bootstrap where losses come in bursts; a quantile Woodruff's, a slope
Sen's. An end that too few values leave open is infinite.
Law: 95 %, two-sided, and the same numbers give the same interval on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z = 1.959963984540054
_DRAWS = 2000
_BLOCK = 50  # a second: longer than the bursts that a repair cannot bridge
_BURSTY = 1.5
_SEED = 20_260_101
_ROUND_MARGIN = 1e-12


def wilson(events: float, trials: float) -> tuple[float, float]:
    """Return the interval of `events` in `trials` independent ones (E. B. Wilson, JASA 22, 1927)."""
    if trials <= 0:
        return 0.0, 1.0
    share, square = events / trials, Z * Z / trials
    centre = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return (0.0 if events <= 0 else low), (1.0 if events >= trials else high)


def interval(damage: Floats) -> tuple[float, float]:
    """Return the interval of the mean of `damage`, a value per frame in the order of time.

    Losses one by one are Wilson's; losses in bursts, or more than a frame's time at one frame, are bootstrapped.
    """
    if damage.size and (is_bursty(damage > 0) or float(damage.max()) > 1.0):
        return block_bootstrap(damage)
    return wilson(float(damage.sum()), damage.size)


def is_bursty(lost: NDArray[np.bool_]) -> bool:
    """Say whether runs of losses are longer than independent ones would be by half."""
    share = float(lost.mean()) if lost.size else 0.0
    if share in (0.0, 1.0):
        return False
    runs = int((np.diff(lost.astype(np.int8), prepend=0) == 1).sum())
    return float(lost.sum()) / runs > _BURSTY / (1 - share)


def block_bootstrap(values: Floats, second: int = _BLOCK) -> tuple[float, float]:
    """Return the percentile interval of the mean from circular moving blocks of a `second` (Politis, Romano 1992)."""
    size = values.size
    block = min(second, size)
    sums = np.cumsum(np.concatenate(([0.0], values, values[: block - 1])))
    means = (sums[block:] - sums[:-block]) / block
    draws = np.random.default_rng(_SEED).integers(0, size, (_DRAWS, math.ceil(size / block)))
    low, high = np.quantile(means[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def length_to_decide(value: float, bounds: tuple[float, float], limit: float) -> float | None:
    """Return how many times as long a run would put the interval on one side of `limit`, were the value to stay.

    None when the value stands on the limit and no length would. An interval shrinks with the root of the length.
    """
    distance = abs(value - limit)
    if distance < _ROUND_MARGIN:
        return None
    half = bounds[1] - value if value < limit else value - bounds[0]
    return max(1.0, (half / distance) ** 2)


def trials_to_decide(share: float, bounds: tuple[float, float], trials: int, limit: float) -> float | None:
    """Return how many trials would put a share's interval on one side of `limit`, were the share to stay.

    Wilson's interval ends at L when n = z² L (1 - L) ÷ (p - L)², times the design effect: how much wider, squared,
    `bounds` is than Wilson's, which is what bursts cost. None when the share stands on the limit.
    """
    distance = abs(share - limit)
    if distance < _ROUND_MARGIN:
        return None
    low, high = wilson(share * trials, trials)
    effect = ((bounds[1] - bounds[0]) / (high - low)) ** 2
    return effect * Z * Z * limit * (1 - limit) / distance**2


def quantile(values: Floats, level: float) -> float:
    """Return the smallest of `values` that at least the share `level` of them do not exceed."""
    return float(np.quantile(values, level, method="inverted_cdf"))


def quantile_interval(values: Floats, level: float, block: int = 1) -> tuple[float, float]:
    """Return the interval of a quantile (R. S. Woodruff, JASA 47, 1952): the interval of its level, read off `values`.

    `block` is how many neighbours hang together, 1 when each is on its own.
    """
    size, above = values.size, 1 - level
    own = size / design_effect((values > quantile(values, level)).astype(np.float64), block)
    low, high = wilson(above * own, own)
    from_top = np.sort(values)[::-1]
    upper = float(from_top[min(size - 1, math.ceil(low * size) - 1)]) if low * size >= 1 else math.inf
    lower = float(from_top[math.floor(high * size)]) if high * size < size else -math.inf
    return lower, upper


def length_to_close(values: Floats, level: float, block: int = 1) -> float:
    """Return how many times as many `values` it takes until the interval of their quantile is closed above."""
    effect = design_effect((values > quantile(values, level)).astype(np.float64), block)
    fewest = next(n for n in range(2, 100_000) if wilson((1 - level) * n, n)[0] * n >= 1)
    return effect * fewest / values.size


def design_effect(values: Floats, block: int = _BLOCK) -> float:
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
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=_ROUND_MARGIN)

    table: dict[str, Callable[[float, float], bool]] = {
        "<=": lambda a, b: a < b or near(a, b),
        ">=": lambda a, b: a > b or near(a, b),
        "<": lambda a, b: a < b and not near(a, b),
        ">": lambda a, b: a > b and not near(a, b),
        "==": near,
    }
    return table[op]
