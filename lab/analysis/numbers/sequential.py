"""When a share is certain enough to stop: a test that may be looked at as often as one likes.

Law: losses hang together, so the channel is a chain of two states (E. N. Gilbert, Bell Syst. Tech. J. 39, 1960): a
burst starts with chance p, ends with chance r, and p ÷ (p + r) is lost. What is counted is burst starts and burst ends,
not losses. The chain's likelihood under a mixture of all chains, over its likelihood under one chain, is a martingale
if that chain is the true one: it ever reaches 1 ÷ ALPHA with a chance of at most ALPHA (J. Ville 1939; H. Robbins, Ann.
Math. Stat. 41, 1970). The share is below a limit when every chain with that share or more has been refuted so.
How long a burst is that nobody has seen yet no test can tell: it is taken to be as long as the caller says on average,
or twice the longest one seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ALPHA = 0.025
"""The chance that a share on the other side of the limit is ever declared to be on this one; two sides make 5 %."""
_GRID = np.linspace(0.0, 1.0, 257)[1:]
_TINY = 1e-12


class Side(Enum):
    """Where a share is certain to be."""

    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What a line of equal steps says of the chain it came from.

    Of `intact` steps that could start a burst `starts` did, of `broken` ones that could end one `ends` did; `longest`
    is the longest burst in steps.
    """

    starts: int
    intact: int
    ends: int
    broken: int
    longest: int


def chain(line: NDArray[np.bool_]) -> Chain:
    """Count the steps of `line`, True where something is missing."""
    before, now = line[:-1], line[1:]
    edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
    return Chain(
        starts=int((~before & now).sum()),
        intact=int((~before).sum()),
        ends=int((before & ~now).sum()),
        broken=int(before.sum()),
        longest=int((edges[1::2] - edges[::2]).max(initial=0)),
    )


def side(seen: Chain, limit: float, unseen: float) -> Side | None:
    """Return on which side of `limit` the share missing is for certain, None while it may be on either.

    `unseen` is how many steps a burst that nobody has seen yet may last on average. A limit of 0 or 1 has one side.
    """
    if not 0 < limit < 1:
        return None
    slowest = 1 / max(1.0, unseen, 2.0 * seen.longest)
    ending = np.append(slowest, _GRID[slowest < _GRID])
    likeliest = seen.starts / seen.intact if seen.intact else 0.0
    if _refuted(seen, np.maximum(_starting(ending, limit), likeliest), ending):
        return Side.BELOW
    if _refuted(seen, np.minimum(_starting(_GRID, limit), likeliest), _GRID):
        return Side.ABOVE
    return None


def _starting(ending: Floats, share: float) -> Floats:
    """Return how often bursts start where that `share` is missing and bursts end so often."""
    return np.minimum(ending * share / (1 - share), 1.0)


def _refuted(seen: Chain, starting: Floats, ending: Floats) -> bool:
    """Say whether all of these chains are."""
    against = _against(seen.starts, seen.intact, starting) + _against(seen.ends, seen.broken, ending)
    return bool(against.min() >= math.log(1 / ALPHA))


def _against(events: int, trials: int, chance: Floats) -> Floats:
    """Return the log of how much likelier the mixture (Beta ½, ½) makes the events than `chance` does."""
    kept = np.clip(chance, _TINY, 1 - _TINY)
    mixture = _log_beta(events + 0.5, trials - events + 0.5) - _log_beta(0.5, 0.5)
    return np.asarray(mixture - events * np.log(kept) - (trials - events) * np.log1p(-kept), dtype=np.float64)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
