"""Exact binomial intervals against published values and against their definition."""

from __future__ import annotations

import pytest

from tests.accuracy.intervals import at_most, clopper_pearson


@pytest.mark.parametrize(
    ("hits", "trials", "interval"),
    [
        (0, 10, (0.0, 0.30850)),  # 1 - 0.025^(1/10)
        (10, 10, (0.69150, 1.0)),
        (5, 10, (0.18709, 0.81291)),  # R: binom.test(5, 10)
        (1, 20, (0.00127, 0.24873)),  # R: binom.test(1, 20)
        (297, 300, (0.97105, 0.99793)),  # R: binom.test(297, 300)
        (0, 100, (0.0, 0.03622)),
    ],
)
def test_known_intervals(hits: int, trials: int, interval: tuple[float, float]) -> None:
    """As R's binom.test prints them."""
    assert clopper_pearson(hits, trials) == pytest.approx(interval, abs=5e-5)


def test_the_ends_leave_just_the_tails() -> None:
    """By definition: at the upper end 2.5 % for so few or fewer, at the lower end for so many or more."""
    low, high = clopper_pearson(37, 120)
    assert at_most(37, 120, high) == pytest.approx(0.025)
    assert 1 - at_most(36, 120, low) == pytest.approx(0.025)


def test_no_trials_say_nothing() -> None:
    """Anything is possible."""
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_more_hits_than_trials_are_no_count() -> None:
    """A count that cannot be is refused."""
    with pytest.raises(ValueError, match="3 of 2"):
        clopper_pearson(3, 2)
