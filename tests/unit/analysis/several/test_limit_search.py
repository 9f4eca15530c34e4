"""The search for a limit: its interval covers it, it narrows fast, and it knows when it cannot narrow any more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.several.limit_search import ALPHA, Answer, Look, Stop, Try, look

LEVELS = 21
CAP = 40
Curve = Callable[[int], tuple[float, float]]
"""From a level to how often it breaks and how often it holds; the rest is neither."""


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What a search came to, and after how many runs."""

    end: Look
    runs: int


def search(curve: Curve, dice: np.random.Generator, levels: int = LEVELS, cap: int = CAP) -> Searched:
    """Search until nothing more is to be tried, or `cap` runs were."""
    tried: list[Try] = []
    while (seen := look(levels, tried)).level is not None and len(tried) < cap:
        tried.append(Try(level=seen.level, answer=said(curve, seen.level, dice)))
    return Searched(end=seen, runs=len(tried))


def said(curve: Curve, level: int, dice: np.random.Generator) -> Answer:
    """Return what a run at `level` says."""
    breaks, holds = curve(level)
    drawn = dice.random()
    return Answer.BREAKS if drawn < breaks else Answer.HOLDS if drawn < breaks + holds else Answer.NEITHER


def step(limit: int) -> Curve:
    """Return the curve without noise."""
    return lambda level: (float(level >= limit), float(level < limit))


def sloping(limit: float, width: float, unknown: float = 0.0) -> Curve:
    """Return logistic curves `width` levels wide; around the limit, `unknown` levels either way, runs say neither."""

    def share(distance: float) -> float:
        return 1 / (1 + math.exp(-distance / width))

    return lambda level: (share(level - limit - unknown), share(limit - level - unknown))


@pytest.mark.parametrize("limit", range(LEVELS + 1))
def test_without_noise_every_limit_is_found_exactly(limit: int) -> None:
    """Also one below the first level and one above the last; five runs a side are what 95 % cost at the least."""
    found = search(step(limit), np.random.default_rng(0))
    assert found.end.stop == Stop.FOUND
    assert found.end.bracket is not None
    assert (found.end.bracket.first, found.end.bracket.last) == (limit, limit)
    assert 5 <= found.runs <= 30


def test_a_search_takes_few_runs() -> None:
    """On average over every limit; a grid of 21 levels with the same certainty would take 126."""
    runs = [search(step(limit), np.random.default_rng(0)).runs for limit in range(LEVELS + 1)]
    assert np.mean(runs) <= 19


@pytest.mark.parametrize(("width", "unknown"), [(0.3, 0.0), (1.0, 0.0), (3.0, 0.0), (1.0, 1.5), (0.1, 3.0)])
def test_the_interval_covers_the_limit(width: float, unknown: float) -> None:
    """Steep and flat, with and without runs that say neither: 5 % may miss, whenever it stopped; of 80 that is 4."""
    dice = np.random.default_rng(11)
    missed = 0
    for _ in range(80):
        limit = dice.uniform(0, LEVELS - 1)
        bracket = search(sloping(limit, width, unknown), dice).end.bracket
        missed += bracket is None or not bracket.first <= math.ceil(limit) <= bracket.last
    assert missed <= 4


def leaves(levels: int, chances: Sequence[float], depth: int) -> Iterator[tuple[float, list[Try], Look]]:
    """Yield every way in which a search of at most `depth` runs can go, with its probability."""
    stack: list[tuple[float, list[Try]]] = [(1.0, [])]
    while stack:
        probability, tried = stack.pop()
        seen = look(levels, tried)
        if seen.level is None or len(tried) == depth:
            yield probability, tried, seen
            continue
        breaks = chances[seen.level]
        for share, answer in ((breaks, Answer.BREAKS), (1 - breaks, Answer.HOLDS)):
            if share:
                stack.append((probability * share, [*tried, Try(level=seen.level, answer=answer)]))


@given(below=st.lists(st.floats(0, 0.5), max_size=4), above=st.lists(st.floats(0.5, 1), max_size=4))
@settings(max_examples=8, deadline=None)
def test_no_curve_makes_it_miss_more_often(below: list[float], above: list[float]) -> None:
    """Every way a search of eight runs can go, weighed exactly: the true limit is lost in 5 % of them at the most."""
    limit, levels = len(below), len(below) + len(above)
    lost = whole = 0.0
    for probability, _, seen in leaves(levels, [*below, *above], 8) if levels else ():
        whole += probability
        kept = seen.bracket is not None and seen.bracket.first <= limit <= seen.bracket.last
        lost += 0.0 if kept else probability
    assert whole == pytest.approx(1 if levels else 0)
    assert lost <= ALPHA


def test_on_one_level_that_is_a_coin_it_errs_but_seldom() -> None:
    """Both limits are true there, ten runs each way: each is refuted now and then, in 5 % at the most."""
    ways = list(leaves(1, [0.5], 10))
    for limit in (0, 1):
        lost = [p for p, _, seen in ways if not seen.bracket or not seen.bracket.first <= limit <= seen.bracket.last]
        assert 0 < sum(lost) <= ALPHA


def test_where_runs_say_neither_it_ends_and_holds_the_whole_zone() -> None:
    """Levels 8 to 12 never say anything: the interval is what lies between, and it stops soon."""

    def zone(level: int) -> tuple[float, float]:
        return float(level > 12), float(level < 8)

    found = search(zone, np.random.default_rng(0))
    assert found.end.stop == Stop.MIXED
    assert found.end.bracket is not None
    assert (found.end.bracket.first, found.end.bracket.last) == (8, 13)
    assert found.runs <= 30


def test_where_no_run_says_anything_nothing_is_known() -> None:
    """It gives up long before the cap, and the interval is all there is."""
    found = search(lambda _: (0.0, 0.0), np.random.default_rng(0))
    assert found.end.stop == Stop.MIXED
    assert found.end.bracket is not None
    assert (found.end.bracket.first, found.end.bracket.last) == (0, LEVELS)
    assert found.runs <= 20


def test_the_wrong_way_round_is_no_limit() -> None:
    """First a harsh level held, then a mild one broke, again and again: every limit contradicts one of them."""
    wrong = [Try(level=8, answer=Answer.HOLDS)] * 6 + [Try(level=2, answer=Answer.BREAKS)] * 20
    assert look(10, wrong) == Look(bracket=None, stop=Stop.DISORDER)


TRIES = st.lists(
    st.builds(Try, level=st.integers(0, 6), answer=st.sampled_from(Answer)),
    max_size=25,
)


@given(tried=TRIES)
@settings(max_examples=60, deadline=None)
def test_seen_from_the_other_end_it_says_the_same(tried: list[Try]) -> None:
    """Levels counted backwards, with holding and breaking exchanged: the same interval, mirrored."""
    other = {Answer.HOLDS: Answer.BREAKS, Answer.BREAKS: Answer.HOLDS, Answer.NEITHER: Answer.NEITHER}
    mirrored = [Try(level=6 - one.level, answer=other[one.answer]) for one in tried]
    one, two = look(7, tried).bracket, look(7, mirrored).bracket
    assert (one is None) == (two is None)
    if one and two:
        assert (one.first, one.last) == (7 - two.last, 7 - two.first)


@given(tried=TRIES)
@settings(max_examples=60, deadline=None)
def test_it_only_narrows_and_tries_only_what_can_narrow_it(tried: list[Try]) -> None:
    """Each run takes limits away or leaves them; one that says neither leaves all; the next level lies inside."""
    before = look(7, tried[:-1])
    after = look(7, tried)
    if before.bracket is None or after.bracket is None:
        assert after.bracket is None
        return
    assert before.bracket.first <= after.bracket.first <= after.bracket.last
    assert after.bracket.last <= before.bracket.last
    if tried and tried[-1].answer == Answer.NEITHER:
        assert (before.bracket.first, before.bracket.last) == (after.bracket.first, after.bracket.last)
    assert (after.level is None) == (after.stop is not None)
    if after.level is not None:
        assert after.bracket.first <= after.level < after.bracket.last


@pytest.mark.parametrize("lanes", [2, 4])
def test_side_by_side_it_takes_hardly_more_runs(lanes: int) -> None:
    """Rounds of several runs, chosen without knowing each other's answers."""
    total = 0
    for limit in range(LEVELS + 1):
        tried: list[Try] = []
        while look(LEVELS, tried).stop is None:
            levels: list[int] = []
            for _ in range(lanes):
                if (level := look(LEVELS, tried, levels).level) is not None:
                    levels.append(level)
            tried += [Try(level=level, answer=Answer.BREAKS if level >= limit else Answer.HOLDS) for level in levels]
        bracket = look(LEVELS, tried).bracket
        assert bracket is not None
        assert (bracket.first, bracket.last) == (limit, limit)
        total += len(tried)
    assert total / (LEVELS + 1) <= 19 + 2 * lanes
