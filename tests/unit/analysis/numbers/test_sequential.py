"""Stopping early keeps the error rate: by simulation with fixed seeds, looked at every two seconds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.analysis.numbers.sequential import ALPHA, Chain, Side, chain, side
from lab.analysis.numbers.shares import interval

Line = NDArray[np.bool_]
UNSEEN = 5.0  # frames: 100 ms
LOOKS = range(500, 3001, 100)  # 10 s to 60 s, each 2 s
RUNS = 200


def gilbert(dice: np.random.Generator, size: int, share: float, burst: float) -> Line:
    """Return a line of which `share` is missing in bursts of so many on average."""
    ending = 1 / burst
    starting = share * ending / (1 - share)
    lengths = np.where(
        np.arange(size) % 2 == 0, dice.geometric(starting, size), dice.geometric(ending, size)
    )  # more than enough
    return np.repeat(np.arange(size) % 2 == 1, lengths)[:size]


def stopped(line: Line, limit: float) -> tuple[Side | None, int]:
    """Return what the test says first, and when."""
    found = ((side(chain(line[:at]), limit, UNSEEN), at) for at in LOOKS)
    return next(((answer, at) for answer, at in found if answer), (None, line.size))


@pytest.mark.parametrize("burst", [1 / 0.95, 2.0, 5.0])
def test_a_share_on_the_limit_is_hardly_ever_called_decided(burst: float) -> None:
    """The worst case: 5 % lost one by one and in bursts, a limit of 5 %, 26 looks at each of 200 runs.

    Both sides together may err in 5 %, which is ten; these seeds err in none.
    """
    dice = np.random.default_rng(4)
    answers = [stopped(gilbert(dice, 3000, 0.05, burst), 0.05)[0] for _ in range(RUNS)]
    assert sum(answer is not None for answer in answers) <= 2 * ALPHA * RUNS


@pytest.mark.parametrize(("share", "limit", "right"), [(0.01, 0.05, Side.BELOW), (0.2, 0.05, Side.ABOVE)])
@pytest.mark.parametrize("burst", [1.05, 2.0])
def test_a_share_clear_of_the_limit_is_decided_early_and_never_wrongly(
    share: float, limit: float, right: Side, burst: float
) -> None:
    """A fifth and four times the limit: within a minute in two of three runs, and nothing but the truth."""
    dice = np.random.default_rng(5)
    answers = [stopped(gilbert(dice, 3000, share, burst), limit)[0] for _ in range(100)]
    assert answers.count(right) >= 66
    assert set(answers) <= {right, None}


@pytest.mark.parametrize("burst", [1.02, 2.0, 5.0])
@pytest.mark.parametrize("share", [0.002, 0.02, 0.04, 0.06, 0.1])
def test_the_ordinary_interval_of_what_was_seen_says_the_same(share: float, burst: float) -> None:
    """When it says "decided", the judge's own 95 % interval of the very same frames lies on that side too."""
    dice = np.random.default_rng(6)
    for _ in range(20):
        line = gilbert(dice, 3000, share, burst)
        answer, at = stopped(line, 0.05)
        low, high = interval(line[:at].astype(np.float64))
        assert answer is None or (high <= 0.05 if answer is Side.BELOW else low > 0.05)


def test_nothing_missing_takes_longer_the_lower_the_limit() -> None:
    """Clean audio is below 10 % after 10 s, below 5 % after 16, and after a minute not yet below 1 %."""
    clean = np.zeros(3000, np.bool_)
    assert stopped(clean, 0.10) == (Side.BELOW, 500)
    assert stopped(clean, 0.05) == (Side.BELOW, 800)
    assert stopped(clean, 0.01) == (None, 3000)


def test_one_outage_decides_nothing_and_many_do() -> None:
    """Half a second in ten, once: nobody knows how often. A second of every two, for 40 s: above 5 %."""
    once = np.zeros(500, np.bool_)
    once[200:225] = True
    half = np.tile(np.repeat([False, True], 50), 20)
    assert side(chain(once), 0.05, UNSEEN) is None
    assert side(chain(half), 0.05, UNSEEN) is Side.ABOVE


@pytest.mark.parametrize("limit", [0.0, 1.0])
def test_a_limit_that_has_one_side_only_is_never_decided(limit: float) -> None:
    """No number of losses refutes 100 %, and none proves 0."""
    assert side(chain(np.zeros(3000, np.bool_)), limit, UNSEEN) is None


def test_steps_are_counted_by_what_stands_before_them() -> None:
    """Two bursts, of 2 and of 1, the last one still open."""
    line = np.array([0, 1, 1, 0, 0, 1], np.bool_)
    assert chain(line) == Chain(starts=2, intact=3, ends=1, broken=2, longest=2)
    assert chain(np.zeros(0, np.bool_)) == Chain(starts=0, intact=0, ends=0, broken=0, longest=0)
