"""Intervals against published figures, and how long is long enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.numbers.statistics import (
    block_bootstrap,
    compare,
    design_effect,
    interval,
    is_bursty,
    length_to_close,
    length_to_decide,
    quantile,
    quantile_interval,
    slope,
    trials_to_decide,
    wilson,
)


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (15, 148, 0.0624, 0.1605),  # Newcombe 1998, Table I, method 3
        (0, 20, 0.0, 0.1611),  # the same
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson_is_the_published_interval(events: int, trials: int, low: float, high: float) -> None:
    """Wilson's score interval without continuity correction (R. G. Newcombe, Statistics in Medicine 17, 1998)."""
    assert wilson(events, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_wilson_holds_the_share_and_stays_a_share(events: int, trials: int) -> None:
    """0 ≤ low ≤ share ≤ high ≤ 1 for whatever counts."""
    events = min(events, trials)
    low, high = wilson(events, trials)
    assert 0 <= low <= events / trials <= high <= 1


def test_nothing_tried_says_nothing() -> None:
    """Of no trials the share may be anything."""
    assert wilson(0, 0) == (0.0, 1.0)


def test_bursts_widen_the_interval() -> None:
    """60 losses in rows of 20 say less than 60 spread over 3000 frames."""
    spread, rows = np.zeros(3000), np.zeros(3000)
    spread[::50] = 1
    for start in (200, 1300, 2500):
        rows[start : start + 20] = 1
    assert not is_bursty(spread > 0)
    assert is_bursty(rows > 0)
    (low, high), (wider_low, wider_high) = interval(spread), interval(rows)
    assert wider_high - wider_low > 1.5 * (high - low)


def test_the_bootstrap_is_the_same_every_time_and_holds_the_mean() -> None:
    """Seeded: two calls give the same two numbers, around the mean; a constant has no width."""
    values = np.tile([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 100)
    assert block_bootstrap(values) == block_bootstrap(values)
    assert block_bootstrap(values)[0] <= values.mean() <= block_bootstrap(values)[1]
    assert block_bootstrap(np.full(10, 0.25)) == (0.25, 0.25)


def test_the_length_that_decides() -> None:
    """Half the distance needs four times the length, and on the limit no length helps."""
    assert length_to_decide(0.03, (0.01, 0.05), 0.04) == pytest.approx(4.0)
    assert length_to_decide(0.05, (0.03, 0.07), 0.04) == pytest.approx(4.0)
    assert length_to_decide(0.04, (0.01, 0.05), 0.04) is None


@pytest.mark.parametrize(("share", "limit", "trials"), [(0.0, 0.005, 765), (0.01, 0.015, 2271), (0.05, 0.06, 2167)])
def test_the_trials_that_decide_are_wilsons(share: float, limit: float, trials: int) -> None:
    """z² L (1 - L) ÷ (p - L)²: with one trial less the limit is inside the interval, with these it is its end."""
    assert math.ceil(trials_to_decide(share, wilson(share * 500, 500), 500, limit) or 0) == trials
    assert wilson(share * trials, trials)[1] <= limit < wilson(share * (trials - 2), trials - 2)[1]


def test_bursts_ask_for_more_media_by_their_design_effect() -> None:
    """An interval three times as wide as Wilson's takes nine times as many trials."""
    low, high = wilson(25, 500)
    wide = (0.05 - 3 * (0.05 - low), 0.05 + 3 * (high - 0.05))
    plain = trials_to_decide(0.05, (low, high), 500, 0.06)
    assert trials_to_decide(0.05, wide, 500, 0.06) == pytest.approx(9 * (plain or 0))


@pytest.mark.parametrize(("burst", "factor"), [(2.0, 2.8), (3.0, 4.7), (5.0, 8.5)])
def test_the_media_that_bursts_ask_for_is_as_published(burst: float, factor: float) -> None:
    """5 % in Gilbert bursts of 2, 3 and 5: that many times as much, and the bootstrap finds that too."""
    dice, ending = np.random.default_rng(3), 1 / burst
    starting = 0.05 * ending / 0.95
    lengths = np.stack([dice.geometric(starting, 9_000), dice.geometric(ending, 9_000)], axis=1).reshape(-1)
    line = np.repeat(np.arange(18_000) % 2, lengths)[:150_000].astype(np.float64)
    share = float(line.mean())
    plain = trials_to_decide(share, wilson(line.sum(), line.size), line.size, 0.06)
    bursty = trials_to_decide(share, interval(line), line.size, 0.06)
    assert (bursty or 0) / (plain or 1) == pytest.approx(factor, rel=0.25)


def test_a_quantile_is_one_of_the_values_and_its_interval_their_order() -> None:
    """1 to 1000: the median's interval is the binomial one, 469 to 532."""
    values = np.random.default_rng(1).permutation(np.arange(1.0, 1001.0))
    assert quantile(values, 0.5) == 500
    assert quantile_interval(values, 0.5) == pytest.approx((469, 532), abs=1)
    assert quantile_interval(values, 0.95) == pytest.approx((935, 962), abs=3)


def test_a_quantiles_interval_is_read_off_the_values_where_that_of_its_level_ends() -> None:
    """Of 0 to 99, five are above the p95; Wilson says 2.15 to 11.18 of all: the third and the twelfth from the top."""
    assert quantile_interval(np.arange(100.0), 0.95) == (88, 97)
    assert quantile_interval(np.arange(100.0), 0.05) == (2, 11)
    assert quantile_interval(np.arange(4.0), 0.5) == (0, math.inf)


def test_a_quantile_of_few_values_is_open_above() -> None:
    """Of 20 values nobody can say what 95 % of all do not exceed; of 20 times as many as it takes, somebody can."""
    few = np.arange(20.0)
    assert quantile_interval(few, 0.95)[1] == math.inf
    needed = math.ceil(length_to_close(few, 0.95) * few.size)
    assert quantile_interval(np.arange(float(needed)), 0.95)[1] < math.inf
    assert quantile_interval(np.arange(float(needed - 1)), 0.95)[1] == math.inf


def test_neighbours_that_hang_together_widen_a_quantiles_interval() -> None:
    """Ten seconds, each of one value: they say as much as ten values."""
    seconds = np.repeat(np.arange(10.0), 100)
    assert design_effect(seconds, 100) == pytest.approx(100, rel=0.2)
    low, high = quantile_interval(seconds, 0.5, 100)
    assert high - low >= 4
    alone = quantile_interval(np.random.default_rng(2).permutation(seconds), 0.5)
    assert alone[1] - alone[0] <= 1


def test_intervals_of_a_quantile_hold_the_truth_in_nineteen_of_twenty() -> None:
    """400 runs of 300 exponential values: the true p95 is inside in 95 %, give or take; fixed seed."""
    dice, truth = np.random.default_rng(7), -math.log(0.05)
    bounds = [quantile_interval(dice.exponential(size=300), 0.95) for _ in range(400)]
    assert 0.93 <= np.mean([low <= truth <= high for low, high in bounds]) <= 0.985


def test_a_slope_is_the_median_of_all_and_outliers_do_not_move_it() -> None:
    """Two a minute, one value far off: two; three values leave its interval open."""
    minutes = np.arange(20.0) / 60
    values = 2 * minutes
    values[7] += 50
    found, (low, high) = slope(minutes, values)
    assert found == pytest.approx(2)
    assert low <= 2 <= high
    assert slope(minutes[:3], values[:3])[1] == (-math.inf, math.inf)


@pytest.mark.parametrize(("op", "below", "equal", "above"), [
    ("<=", True, True, False), ("<", True, False, False), (">=", False, True, True), (">", False, False, True),
    ("==", False, True, False),
])  # fmt: skip
def test_comparisons_forgive_rounding_only(op: str, below: bool, equal: bool, above: bool) -> None:
    """A hair from rounding is equal, a thousandth is not."""
    holds = compare(op)
    assert (holds(0.299, 0.3), holds(0.1 + 0.2, 0.3), holds(0.301, 0.3)) == (below, equal, above)
