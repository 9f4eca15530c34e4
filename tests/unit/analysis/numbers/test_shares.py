"""Intervals of shares against published figures and simulated calls, and how long is long enough."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.numbers.shares import block_bootstrap, independent, interval, trials_to_decide, wilson


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
    assert independent(spread) == pytest.approx(3000, rel=0.05)
    assert independent(rows) < 200
    (low, high), (wider_low, wider_high) = interval(spread), interval(rows)
    assert wider_high - wider_low > 1.5 * (high - low)


def test_the_bootstrap_is_the_same_every_time_and_holds_the_mean() -> None:
    """Seeded: two calls give the same two numbers, around the mean; a constant has no width."""
    values = np.tile([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0], 100)
    assert block_bootstrap(values) == block_bootstrap(values)
    assert block_bootstrap(values)[0] <= values.mean() <= block_bootstrap(values)[1]
    assert block_bootstrap(np.full(10, 0.25)) == (0.25, 0.25)


def test_seconds_without_a_loss_leave_room_for_one() -> None:
    """Nothing in 30 s: up to 4 of 1500 frames may be missing all the same, whether frames are asked or NetEQ."""
    assert interval(np.zeros(1500)) == wilson(0, 1500)
    assert interval(np.zeros(300), frames=5) == wilson(0, 1500)


def test_one_burst_tells_how_long_a_burst_is_once_only() -> None:
    """Five frames in a row, once in 30 s: as many as that, or several times as many."""
    once = np.zeros(1500)
    once[700:705] = 1
    low, high = interval(once)
    assert low < 0.0005
    assert 0.015 < high < 0.06


def test_losses_in_less_than_a_second_still_leave_room() -> None:
    """Ten of 50 frames in a row: a single second says nearly nothing, and not that it is exactly a fifth."""
    second = np.zeros(50)
    second[20:30] = 1
    low, high = interval(second)
    assert low < 0.05
    assert high > 0.5


def test_what_is_always_a_part_is_no_loss() -> None:
    """A fifth of every 100 ms is steadier than one of five frames lost by chance."""
    steady, chance = np.tile([0.1, 0.3], 150), np.tile([1.0, 0.0, 0.0, 0.0, 0.0], 60)
    assert np.diff(interval(steady, frames=5)) < np.diff(interval(chance, frames=5))
    assert interval(np.full(300, 0.2)) == wilson(60, 300)


def test_more_than_a_frame_at_a_frame_is_no_share() -> None:
    """4.8 s put in at one of 200 frames: a fact of this run, of which 0 to 3 may come in another."""
    paused = np.zeros(200)
    paused[60] = 240.0
    low, high = interval(paused)
    assert low == 0
    assert high > 1.2


@pytest.mark.parametrize(("share", "limit", "trials"), [(0.0, 0.005, 765), (0.01, 0.015, 2271), (0.05, 0.06, 2167)])
def test_the_trials_that_decide_are_wilsons(share: float, limit: float, trials: int) -> None:
    """z² L (1 - L) ÷ (p - L)²: with one trial less the limit is inside the interval, with these it is its end."""
    assert math.ceil(trials_to_decide(share, 500, 500, limit) or 0) == trials
    assert wilson(share * trials, trials)[1] <= limit < wilson(share * (trials - 2), trials - 2)[1]


def test_bursts_ask_for_more_media_by_their_design_effect() -> None:
    """500 frames that tell as much as 50 ask for ten times as many."""
    plain = trials_to_decide(0.05, 500, 500, 0.06)
    assert trials_to_decide(0.05, 50, 500, 0.06) == pytest.approx(10 * (plain or 0))


@pytest.mark.parametrize(("burst", "factor"), [(2.0, 2.8), (3.0, 4.7), (5.0, 8.5)])
def test_the_media_that_bursts_ask_for_is_as_published(burst: float, factor: float) -> None:
    """5 % in Gilbert bursts of 2, 3 and 5: that many times as much."""
    dice, ending = np.random.default_rng(3), 1 / burst
    starting = 0.05 * ending / 0.95
    lengths = np.stack([dice.geometric(starting, 9_000), dice.geometric(ending, 9_000)], axis=1).reshape(-1)
    line = np.repeat(np.arange(18_000) % 2, lengths)[:150_000].astype(np.float64)
    share = float(line.mean())
    plain = trials_to_decide(share, line.size, line.size, 0.06)
    bursty = trials_to_decide(share, independent(line), line.size, 0.06)
    assert (bursty or 0) / (plain or 1) == pytest.approx(factor, rel=0.1)
