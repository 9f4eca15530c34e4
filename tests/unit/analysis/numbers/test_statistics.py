"""Intervals against published figures, and how long is long enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.analysis.numbers.statistics import (
    compare,
    design_effect,
    length_to_close,
    length_to_decide,
    quantile,
    quantile_interval,
    slope,
)


def test_the_length_that_decides() -> None:
    """Half the distance needs four times the length, and on the limit no length helps."""
    assert length_to_decide(0.03, (0.01, 0.05), 0.04) == pytest.approx(4.0)
    assert length_to_decide(0.05, (0.03, 0.07), 0.04) == pytest.approx(4.0)
    assert length_to_decide(0.04, (0.01, 0.05), 0.04) is None


def test_a_quantile_is_one_of_the_values_and_its_interval_their_order() -> None:
    """1 to 1000: the median's interval is the binomial one, 469 to 532."""
    values = np.random.default_rng(1).permutation(np.arange(1.0, 1001.0))
    assert quantile(values, 0.5) == 500
    assert quantile_interval(values, 0.5) == pytest.approx((469, 532), abs=1)
    assert quantile_interval(values, 0.95) == pytest.approx((935, 962), abs=3)


def test_a_quantiles_interval_is_read_off_the_values_where_that_of_its_level_ends() -> None:
    """Of 0 to 99: how many are above the p95 is binomial, so the longest and the eleventh from the top end it."""
    assert quantile_interval(np.arange(100.0), 0.95) == (89, 99)
    assert quantile_interval(np.arange(100.0), 0.05) == (0, 10)
    assert quantile_interval(np.arange(4.0), 0.5) == (-math.inf, math.inf)
    assert quantile_interval(np.arange(6.0), 0.5) == (0, 5)


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
