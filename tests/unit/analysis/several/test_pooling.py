"""Runs pooled and sides compared: what is known, what nothing tells, and what the figures come to by hand."""

from __future__ import annotations

import math

import pytest

from lab.analysis.numbers.student import beyond, reach
from lab.analysis.several.pooling import Difference, Pooled, averaged, difference, holm, pooled
from lab.analysis.values import Measured
from lab.scenario.metrics import metric

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 1000: 1.962}
"""Student's t, two-sided 95 %, from the printed table of any statistics book."""


def of(name: str, *values: float | None, ends: tuple[float, float] | None = None) -> list[Measured]:
    """Return runs that measured `values`, each surely between `ends` of itself."""
    low, high = ends or (None, None)
    return [
        Measured(
            name=name,
            unit=metric(name).unit,
            value=value,
            low=None if value is None or low is None else value + low,
            high=None if value is None or high is None else value + high,
        )
        for value in values
    ]


@pytest.mark.parametrize(("freedom", "expected"), TABLE.items())
def test_students_t_is_that_of_the_printed_table(freedom: int, expected: float) -> None:
    """The reach of 95 %, and the probability beyond it, for odd and even degrees of freedom."""
    assert reach(freedom) == pytest.approx(expected, abs=5e-4)
    assert beyond(expected, freedom) == pytest.approx(0.05, abs=5e-5)
    assert beyond(-expected, freedom) == beyond(expected, freedom)
    assert beyond(0.0, freedom) == pytest.approx(1.0)


def test_repetitions_are_judged_by_how_far_they_are_apart() -> None:
    """Mean 60, standard error 10 ÷ √3, two degrees of freedom: 60 ± 24.84."""
    assert pooled(of("delay_p95", 50.0, 60.0, 70.0, ends=(-0.1, 0.1))) == Pooled(
        value=60.0, low=pytest.approx(35.159, abs=1e-3), high=pytest.approx(84.841, abs=1e-3), n=3
    )


def test_one_run_has_its_own_interval() -> None:
    """Open ends stay open, and a count alone has none."""
    assert pooled(of("gap_p95", 40.0, ends=(-20.0, math.inf))) == Pooled(value=40.0, low=20.0, high=math.inf, n=1)
    assert pooled(of("lost_frames", 7.0)) == Pooled(value=7.0, n=1)


def test_a_rate_is_never_surer_than_its_runs() -> None:
    """Runs that happen to be alike keep what their own intervals say of their mean, each side its own."""
    same = pooled(of("audio_loss", *[0.1] * 4, ends=(-0.02, 0.04)))
    assert (same.low, same.high) == (pytest.approx(0.09), pytest.approx(0.12))
    near = pooled(of("audio_loss", 0.1, 0.1001, 0.1, 0.1001, ends=(-0.02, 0.04)))
    assert near.low == pytest.approx(0.09005)


def test_counts_that_are_alike_do_not_tell_the_next_one() -> None:
    """Three times 7 is 7 without an interval; an open own end of a quantile does not undo what runs say together."""
    assert pooled(of("lost_frames", 7.0, 7.0, 7.0)) == Pooled(value=7.0, n=3)
    assert pooled(of("gap_p95", 40.0, 60.0, ends=(-20.0, math.inf))).high == pytest.approx(50 + 12.706 * 10, abs=0.01)


def test_damage_is_never_negative_but_a_trend_may_be() -> None:
    """The lower end stops at 0 where the metric cannot be below."""
    assert pooled(of("lost_frames", 0.0, 0.0, 7.0)).low == 0.0
    drift = pooled(of("delay_drift", 0.0, 0.0, 7.0)).low
    assert drift is not None
    assert drift < 0


def test_no_share_is_more_than_everything() -> None:
    """Two runs far apart reach twelve times as far; the upper end stops at 100 %, that of a time does not."""
    assert pooled(of("audio_loss", 0.05, 0.25, ends=(-0.02, 0.02))).high == 1.0
    assert pooled(of("delay_p95", 50.0, 250.0)).high == pytest.approx(150 + 12.706 * 100, abs=0.1)


def test_what_no_run_knows_is_unknown() -> None:
    """An unknown run is not counted; a pair with one unknown side is no pair."""
    assert pooled(of("audio_loss", None, None)) == Pooled(value=None, n=0)
    assert pooled([]) == Pooled(value=None, n=0)
    assert pooled(of("lost_frames", None, 3.0, 5.0)).n == 2
    assert difference(of("lost_frames", 1.0), of("lost_frames", None)) == Difference(value=None, n=0)
    assert difference(of("lost_frames", None, 1.0), of("lost_frames", 2.0, 4.0)) == Difference(value=3.0, n=1)
    with pytest.raises(ValueError, match="shorter"):
        difference(of("lost_frames", 1.0, 2.0), of("lost_frames", 1.0))


def test_one_pair_of_rates_has_newcombes_interval() -> None:
    """Table II (a) of Newcombe 1998, method 10: 56 of 70 and 48 of 80 differ by 0.2, from 0.0524 to 0.3339."""
    one = [Measured(name="audio_loss", unit="share", value=48 / 80, low=0.49042, high=0.70043)]
    other = [Measured(name="audio_loss", unit="share", value=56 / 70, low=0.69177, high=0.87696)]
    found = difference(one, other)
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.2),
        pytest.approx(0.0524, abs=2e-4),
        pytest.approx(0.3339, abs=2e-4),
    )
    assert found.p == pytest.approx(0.0079, abs=5e-4)


def test_one_pair_decides_about_rates_only() -> None:
    """A count, a quantile and a trend of one pair differ by so much, and nothing tells by how much the next would."""
    for name in ("lost_frames", "delay_p95", "delay_drift"):
        assert difference(of(name, 50.0, ends=(-0.1, 0.1)), of(name, 60.0, ends=(-0.1, 0.1))) == Difference(
            value=10.0, n=1
        )


def test_pairs_take_away_what_they_share() -> None:
    """Sides far apart from run to run, and always 4 or 5 more: significant, with the sides in the other order too."""
    before, after = of("delay_p95", 20.0, 90.0, 300.0), of("delay_p95", 24.0, 95.0, 304.0)
    more, less = difference(before, after), difference(after, before)
    assert more.p is not None
    assert more.p < 0.01
    assert (less.value, less.low, less.high, less.p) == (
        pytest.approx(-13 / 3),
        pytest.approx(-(more.high or 0)),
        pytest.approx(-(more.low or 0)),
        pytest.approx(more.p),
    )


def test_differences_without_a_spread_have_the_sign_test() -> None:
    """Five pairs that all have 3 frames more: 1 in 16 by chance; none more in any: no difference at all."""
    assert difference(of("lost_frames", *[0.0] * 5), of("lost_frames", *[3.0] * 5)) == Difference(
        value=3.0, p=2 / 32, n=5
    )
    assert difference(of("lost_frames", *[4.0] * 5), of("lost_frames", *[4.0] * 5)).p == 1.0


def test_holms_correction_is_that_of_the_book() -> None:
    """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02 (Wikipedia's example); what is not tested counts not."""
    found = holm([0.01, None, 0.04, 0.03, 0.005])
    assert found == (pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06), pytest.approx(0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([None]) == (None,)


def test_a_mean_above_everything_keeps_its_interval() -> None:
    """4.8 s put into 4 s is 120 %: the upper end is not below the figure itself."""
    found = pooled(of("audio_loss", 1.2, 1.25, ends=(-1.0, 2.0)))
    assert found.high is not None
    assert found.high > 1.225


def test_two_pairs_that_differ_by_exactly_as_much_may_be_chance() -> None:
    """An outage of a second hits one run in three: twice only on the second side comes by chance in one of two."""
    found = difference(of("audio_loss", 0.0, 0.0, ends=(0.0, 0.01)), of("audio_loss", 0.05, 0.05, ends=(-0.01, 0.01)))
    assert found.p == 0.5
    assert found.low == 0.0
    assert found.high == pytest.approx(0.05 + math.hypot(0.01, 0.0) / math.sqrt(2), abs=1e-9)
    six = difference(of("audio_loss", *[0.0] * 6, ends=(0.0, 0.01)), of("audio_loss", *[0.05] * 6, ends=(-0.01, 0.01)))
    assert six.p == 2**-5
    assert six.low is not None
    assert six.low > 0


def test_the_runs_of_a_repetition_are_one() -> None:
    """Their mean, no surer than one of them; a single one is itself, and counts tell nothing."""
    (one,) = of("audio_loss", 0.1, ends=(-0.03, 0.04))
    assert averaged([one]) is one
    found = averaged(of("audio_loss", 0.1, 0.2, ends=(-0.03, 0.04)))
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.15),
        pytest.approx(0.12),
        pytest.approx(0.19),
    )
    assert averaged(of("lost_frames", 3.0, 5.0)).low is None
