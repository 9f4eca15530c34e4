"""Intervals cover: how often the truth is inside, counted exactly or over seeded draws of known truth.

False-alarm rate of the drawn test: seeded, so it always says the same; its bound stands 5 standard errors below what
the method is known for.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.numbers.shares import Floats, interval, trials_to_decide, wilson
from lab.analysis.numbers.statistics import quantile_interval
from tests.unit.analysis.chance import drawn

DRAWS = 400


def coverage(share: float, trials: int) -> float:
    """Return how probable it is that Wilson's interval holds `share`: summed over every count of events."""
    logs = [math.lgamma(n + 1) for n in range(trials + 1)]
    total = 0.0
    for events in range(trials + 1):
        low, high = wilson(events, trials)
        if low <= share <= high:
            ways = logs[trials] - logs[events] - logs[trials - events]
            total += math.exp(ways + events * math.log(share) + (trials - events) * math.log1p(-share))
    return total


@pytest.mark.parametrize("trials", [50, 400, 1500])
def test_wilsons_interval_covers_as_published(trials: int) -> None:
    """95 % on average over all shares; never below 91 %, where less than one event is expected (Newcombe 1998)."""
    found = [coverage(share, trials) for share in np.linspace(0.01, 0.99, 99)]
    assert 0.945 <= float(np.mean(found)) <= 0.96
    assert min(found) >= 0.91


def bursts(rng: np.random.Generator, share: float, length: float, frames: int) -> Floats:
    """Return a two-state loss process (Gilbert 1960) with this share and mean burst, begun in its steady state."""
    end = 1 / length
    begin = share * end / (1 - share)
    lost, found = rng.random() < share, np.zeros(frames)
    for i, draw in enumerate(rng.random(frames)):
        found[i] = lost
        lost = draw >= end if lost else draw < begin
    return found


@pytest.mark.parametrize(
    ("share", "length", "seconds", "least"),
    [
        (0.05, 1.3, 30, 0.93),
        (0.05, 2.0, 8, 0.92),
        (0.05, 5.0, 4, 0.8),  # in one of ten runs nobody has seen a burst
        (0.05, 5.0, 30, 0.93),
        (0.01, 5.0, 30, 0.87),  # in one of twenty
        (0.2, 3.0, 30, 0.92),
        (0.2, 8.0, 30, 0.92),
    ],
)
def test_the_interval_of_bursts_covers(share: float, length: float, seconds: int, least: float) -> None:
    """Losses in rows: the truth is inside nearly as often as is said; independent ones' interval would hold less."""
    rng = np.random.default_rng(7)
    runs = [bursts(rng, share, length, 50 * seconds) for _ in range(DRAWS)]
    inside = sum(low <= share <= high for low, high in map(interval, runs))
    naive = sum(low <= share <= high for low, high in (wilson(float(run.sum()), run.size) for run in runs))
    assert inside / DRAWS >= least
    assert naive < inside


@pytest.mark.parametrize(("size", "least"), [(59, 0.96), (72, 0.95), (200, 0.94), (1000, 0.93)])
def test_the_interval_of_a_quantile_covers(size: int, least: float) -> None:
    """The p95 of so many values: inside as often as is said, open above where too few are there."""
    rng, truth = np.random.default_rng(5), -math.log(0.05)
    bounds = [quantile_interval(rng.exponential(size=size), 0.95) for _ in range(2 * DRAWS)]
    assert np.mean([low <= truth <= high for low, high in bounds]) >= least
    assert np.mean([high < truth for _, high in bounds]) <= 0.04


DAMAGE = st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 2.5]), min_size=1, max_size=300).map(np.array)


@drawn(60)
@given(damage=DAMAGE)
def test_the_measured_share_is_inside_its_interval(damage: Floats) -> None:
    """Whatever the damage per frame: 0 ≤ low ≤ measured ≤ high ≤ the worst frame, or all of it."""
    low, high = interval(damage)
    assert low - 1e-9 <= damage.mean() <= high + 1e-9
    assert low >= 0
    assert high <= max(1.0, damage.max())


@drawn(200)
@given(events=st.integers(0, 500), trials=st.integers(1, 500), times=st.integers(2, 50))
def test_longer_is_surer(events: int, trials: int, times: int) -> None:
    """The same share of more trials has a narrower interval, inside the wider one but for rounding."""
    events = min(events, trials)
    (low, high), (lower, higher) = wilson(events * times, trials * times), wilson(events, trials)
    assert high - low < higher - lower


@drawn(200)
@given(events=st.integers(1, 200), trials=st.integers(200, 3000), limit=st.floats(0.001, 0.5))
def test_the_length_that_is_asked_for_decides(events: int, trials: int, limit: float) -> None:
    """With so many trials, were the share to stay, Wilson's interval ends on the limit: with more, beyond it."""
    share = events / trials
    needed = trials_to_decide(share, trials, trials, limit)
    if needed is None:
        assert share == pytest.approx(limit, abs=1e-12)
        return
    low, high = wilson(share * needed, needed)
    assert (high if share < limit else low) == pytest.approx(limit, rel=1e-6, abs=1e-9)
