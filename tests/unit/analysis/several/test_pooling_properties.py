"""Pooled intervals cover and corrected comparisons seldom cry wolf: counted over seeded draws of known truth.

False-alarm rate: seeded, so it always says the same; each bound stands 3 standard errors or more from what it is known
to be.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.numbers.shares import wilson
from lab.analysis.several.pooling import Difference, averaged, difference, holm, pooled
from lab.analysis.values import Measured
from lab.scenario.metrics import METRICS
from tests.unit.analysis.chance import drawn

DRAWS = 600
FRAMES = 1500
RUNS = [2, 3, 5, 10]


def rate(share: float, apart: float, rng: np.random.Generator) -> Measured:
    """Return 30 s of a run whose own loss lies `apart` (a standard deviation) around `share`."""
    own = share
    if apart:
        size = share * (1 - share) / apart**2 - 1
        own = rng.beta(share * size, (1 - share) * size)
    events = int(rng.binomial(FRAMES, own))
    low, high = wilson(events, FRAMES)
    return Measured(name="audio_loss", unit="share", value=events / FRAMES, low=low, high=high)


def delay(middle: float, rng: np.random.Generator) -> Measured:
    """Return a run's delay, 8 ms from the next run's, sure of its own to 0.1 ms: as clean runs on one machine are."""
    value = middle + 8 * rng.normal()
    return Measured(name="delay_p95", unit="ms", value=value, low=value - 0.1, high=value + 0.1)


def holds(low: float | None, truth: float, high: float | None) -> bool:
    """Say whether the truth is inside; what has no interval holds nothing."""
    return low is not None and high is not None and low - 1e-12 <= truth <= high + 1e-12


@pytest.mark.parametrize("runs", [1, *RUNS])
@pytest.mark.parametrize("share", [0.002, 0.05, 0.3])
def test_the_pooled_interval_covers_alike_runs(runs: int, share: float) -> None:
    """Runs that differ by chance alone: the truth is inside in 95 %, however many there are."""
    rng = np.random.default_rng(11)
    together = [pooled([rate(share, 0.0, rng) for _ in range(runs)]) for _ in range(DRAWS)]
    assert sum(holds(one.low, share, one.high) for one in together) / DRAWS >= 0.93


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize(("share", "apart"), [(0.05, 0.01), (0.1, 0.04), (0.3, 0.1)])
def test_the_pooled_interval_covers_runs_that_differ(runs: int, share: float, apart: float) -> None:
    """Runs that differ by more than chance inside them: the truth is still inside; their own intervals would fail."""
    rng = np.random.default_rng(12)
    drawn_runs = [[rate(share, apart, rng) for _ in range(runs)] for _ in range(DRAWS)]
    together = [pooled(some) for some in drawn_runs]
    assert sum(holds(one.low, share, one.high) for one in together) / DRAWS >= 0.92
    assert sum(holds(some[0].low, share, some[0].high) for some in drawn_runs) / DRAWS < 0.85


@pytest.mark.parametrize("runs", RUNS)
def test_the_interval_of_a_difference_covers(runs: int) -> None:
    """Delays 8 ms apart from run to run and 15 ms from side to side: 95 %, and no shy 100 %."""
    rng = np.random.default_rng(13)
    found = [_delays(15.0, runs, rng) for _ in range(DRAWS)]
    covered = sum(holds(one.low, 15.0, one.high) for one in found) / DRAWS
    assert 0.925 <= covered <= 0.975


def _delays(apart: float, runs: int, rng: np.random.Generator) -> Difference:
    return difference([delay(50.0, rng) for _ in range(runs)], [delay(50.0 + apart, rng) for _ in range(runs)])


def test_a_real_difference_is_found() -> None:
    """15 ms more in each of five pairs is nearly always significant, and surer with ten."""
    rng = np.random.default_rng(14)
    power = {runs: sum((_delays(15.0, runs, rng).p or 1.0) < 0.05 for _ in range(DRAWS)) / DRAWS for runs in (2, 5, 10)}
    assert power[2] < power[5] < power[10]
    assert power[5] > 0.5
    assert power[10] > 0.9


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_a_family_of_comparisons_seldom_cries_wolf(runs: int) -> None:
    """Forty comparisons of the same with itself: a false alarm somewhere in 5 % of the families, uncorrected in most.

    Losses few and many, alike and not, delays, and counts so low that they are mostly 0.
    """
    rng = np.random.default_rng(15)
    families = [[_nothing(which, runs, rng) for which in range(40)] for _ in range(200)]
    corrected = sum(any(p is not None and p < 0.05 for p in holm(family)) for family in families) / 200
    naive = sum(any(p is not None and p < 0.05 for p in family) for family in families) / 200
    assert corrected <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    assert naive > 0.5


def _nothing(which: int, runs: int, rng: np.random.Generator) -> float | None:
    """Return the p of a comparison of two sides that are the same."""

    def side() -> list[Measured]:
        match which % 4:
            case 0:
                return [rate(0.05, 0.0, rng) for _ in range(runs)]
            case 1:
                return [rate(0.1, 0.04, rng) for _ in range(runs)]
            case 2:
                return [delay(50.0, rng) for _ in range(runs)]
            case _:
                drawn_counts = [float(rng.poisson(0.5)) for _ in range(runs)]
                return [Measured(name="gaps", unit="count", value=count) for count in drawn_counts]

    return difference(side(), side()).p


@pytest.mark.parametrize("share", [0.002, 0.02, 0.2])
def test_one_pair_of_rates_seldom_cries_wolf(share: float) -> None:
    """30 s of losses that come one by one, against 30 s of the same: 5 %, also where only 3 are expected."""
    rng = np.random.default_rng(16)
    found = [difference([rate(share, 0.0, rng)], [rate(share, 0.0, rng)]).p for _ in range(2000)]
    assert sum(p is not None and p < 0.05 for p in found) / 2000 <= 0.065


VALUES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8)
NAMES = st.sampled_from([each.name for each in METRICS if each.kind != "rate"])


@drawn(200)
@given(pairs=VALUES, name=NAMES)
def test_the_interval_and_the_chance_say_the_same(pairs: list[tuple[int, int]], name: str) -> None:
    """Chance is below 5 % exactly where 0 is outside of the interval; the figure itself is always inside."""
    first, second = ([Measured(name=name, unit="", value=float(v)) for v in side] for side in zip(*pairs, strict=True))
    found = difference(first, second)
    assert found.value == pytest.approx(sum(b - a for a, b in pairs) / len(pairs))
    if found.low is not None and found.high is not None:
        assert found.low <= found.value <= found.high
        assert found.p is not None
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high) or abs(found.p - 0.05) < 1e-9


@drawn(200)
@given(chances=st.lists(st.none() | st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_makes_surer(chances: list[float | None]) -> None:
    """A smaller p stays the smaller; none shrinks, none grows beyond Bonferroni's or 1."""
    corrected = holm(chances)
    known = sorted((p, q) for p, q in zip(chances, corrected, strict=True) if p is not None and q is not None)
    assert [p is None for p in chances] == [q is None for q in corrected]
    assert [q for _, q in known] == sorted(q for _, q in known)
    assert all(p <= q <= min(1.0, p * len(known)) + 1e-12 for p, q in known)


def test_settings_that_share_a_seed_are_no_repetitions() -> None:
    """Five delays, three repetitions, the same packets lost under each: taken for fifteen pairs one in five differs."""
    rng = np.random.default_rng(16)
    sides = [[rate(0.05, 0.0, rng) for _ in range(3)] for _ in range(2 * DRAWS)]
    pairs = list(zip(sides[::2], sides[1::2], strict=True))
    apart = [difference(one * 5, other * 5).p or 0.0 for one, other in pairs]
    together = [
        difference([averaged([run] * 5) for run in one], [averaged([run] * 5) for run in other]).p or 0.0
        for one, other in pairs
    ]
    assert sum(p < 0.05 for p in apart) / DRAWS > 0.15
    assert sum(p < 0.05 for p in together) / DRAWS <= 0.05


def test_settings_under_the_same_losses_are_as_sure_as_one_of_them() -> None:
    """One repetition, nine settings, the same packets lost under each: its mean covers as a single run does."""
    rng = np.random.default_rng(17)
    found = [pooled([averaged([rate(0.05, 0.0, rng)] * 9)]) for _ in range(DRAWS)]
    assert sum(holds(one.low, 0.05, one.high) for one in found) / DRAWS >= 0.93
