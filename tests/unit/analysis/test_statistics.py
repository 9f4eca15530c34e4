"""Intervals against published figures, and how long is long enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.statistics import block_bootstrap, compare, interval, is_bursty, length_to_decide, wilson


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


@pytest.mark.parametrize(("op", "below", "equal", "above"), [
    ("<=", True, True, False), ("<", True, False, False), (">=", False, True, True), (">", False, False, True),
    ("==", False, True, False),
])  # fmt: skip
def test_comparisons_forgive_rounding_only(op: str, below: bool, equal: bool, above: bool) -> None:
    """A hair from rounding is equal, a thousandth is not."""
    holds = compare(op)
    assert (holds(0.299, 0.3), holds(0.1 + 0.2, 0.3), holds(0.301, 0.3)) == (below, equal, above)
