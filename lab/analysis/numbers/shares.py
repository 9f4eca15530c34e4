"""How sure a share of the time is, and how long is enough.

Losses hang together, so n frames say as much as n ÷ (the design effect) independent ones, and Wilson's interval is that
of so many. The effect is that of a chain of two states (E. N. Gilbert, Bell Syst. Tech. J. 39, 1960), by counted burst
starts and ends; bursts are estimated from how many of them there are, so few widen it by Student's t.
Law: 95 %, two-sided, and the same numbers give the same interval on every machine. What was not seen is taken to come
frame by frame: how long a burst is that nobody has seen no interval can tell.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lab.analysis.numbers.sequential import chain
from lab.analysis.numbers.student import reach

Floats = NDArray[np.float64]

Z = 1.959963984540054
ROUNDING = 1e-12
"""What is closer than this to a limit stands on it."""
_DRAWS = 2000
_SECOND = 50
_SEED = 20_260_101
_MANY = 1000
"""Of so many bursts on Student's t is the normal distribution, to a part in a thousand."""


def wilson(events: float, trials: float) -> tuple[float, float]:
    """Return the interval of `events` in `trials` independent ones (E. B. Wilson, JASA 22, 1927)."""
    if trials <= 0:
        return 0.0, 1.0
    share, square = events / trials, Z * Z / trials
    centre = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return (0.0 if events <= 0 else low), (1.0 if events >= trials else high)


def interval(damage: Floats, frames: int = 1) -> tuple[float, float]:
    """Return the interval of the mean of `damage`, in the order of time, each value the share of so many `frames`.

    More than a frame's time at one frame (a pause that was put in) is no share: that is bootstrapped.
    """
    if not is_share(damage):
        return block_bootstrap(damage)
    share, trials = (float(damage.mean()) if damage.size else 0.0), independent(damage, frames)
    return wilson(share * trials, trials)


def is_share(damage: Floats) -> bool:
    """Say whether nowhere more is missing than there is."""
    return float(damage.max(initial=0.0)) <= 1.0


def independent(damage: Floats, frames: int = 1) -> float:
    """Return as how many independent frames `damage` counts, 1 at least where there is any; never more than it has."""
    share, most = (float(damage.mean()) if damage.size else 0.0), float(damage.size * frames)
    if not (spread := float(damage.var()) if damage.size else 0.0):
        return most
    calm = share * (1 - share) / spread  # values that are never 1 vary less than losses do
    return min(most, max(1.0, damage.size * calm / _burst_effect(damage > 0)))


def _burst_effect(missing: NDArray[np.bool_]) -> float:
    """Return how much less these frames tell than independent ones: (1 + r) ÷ (1 - r), neighbours correlating by r.

    Starts and ends are counted with half a one more than were seen, so that nothing is impossible. What the effect has
    beyond 1 grows with the mean length of a burst; each that was seen adds two degrees of freedom, as lengths that are
    exponential do, and the halves together add two as well.
    """
    seen = chain(missing)
    starting, ending = (seen.starts + 0.5) / (seen.intact + 1), (seen.ends + 0.5) / (seen.broken + 1)
    effect = max(1.0, (2 - starting - ending) / (starting + ending))
    bursts = 1 + seen.starts + int(missing[0])
    return 1 + (effect - 1) * (reach(2 * min(bursts, _MANY)) / Z) ** 2


def block_bootstrap(values: Floats, second: int = _SECOND) -> tuple[float, float]:
    """Return the percentile interval of the mean from circular moving blocks of a `second` (Politis, Romano 1992)."""
    size = values.size
    block = min(second, size)
    sums = np.cumsum(np.concatenate(([0.0], values, values[: block - 1])))
    means = (sums[block:] - sums[:-block]) / block
    draws = np.random.default_rng(_SEED).integers(0, size, (_DRAWS, math.ceil(size / block)))
    low, high = np.quantile(means[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def trials_to_decide(share: float, independent: float, trials: int, limit: float) -> float | None:
    """Return how many trials would put a share's interval on one side of `limit`, were the share to stay.

    Wilson's interval ends at L when n = z² L (1 - L) ÷ (p - L)², times the design effect: `trials` count as so many
    `independent` ones. None when the share stands on the limit.
    """
    distance = abs(share - limit)
    if distance < ROUNDING:
        return None
    return trials / independent * Z * Z * limit * (1 - limit) / distance**2
