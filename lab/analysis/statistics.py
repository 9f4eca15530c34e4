"""How sure a share is: Wilson's interval, a seeded block bootstrap where losses come in bursts, and how long is enough.

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


def block_bootstrap(values: Floats) -> tuple[float, float]:
    """Return the percentile interval of the mean from circular moving blocks of one second (Politis, Romano 1992)."""
    size = values.size
    block = min(_BLOCK, size)
    sums = np.cumsum(np.concatenate(([0.0], values, values[: block - 1])))
    means = (sums[block:] - sums[:-block]) / block
    draws = np.random.default_rng(_SEED).integers(0, size, (_DRAWS, math.ceil(size / block)))
    low, high = np.quantile(means[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def length_to_decide(value: float, bounds: tuple[float, float], limit: float) -> float | None:
    """Return how many times as long a run would put the interval on one side of `limit`, were the share to stay.

    None when the value stands on the limit and no length would. An interval shrinks with the root of the length.
    """
    distance = abs(value - limit)
    if distance < _ROUND_MARGIN:
        return None
    half = bounds[1] - value if value < limit else value - bounds[0]
    return max(1.0, (half / distance) ** 2)


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
