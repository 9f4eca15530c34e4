"""No way through what was read is cheaper than the one that is found: against one that tries them all, one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.ear import align
from lab.analysis.ear.spectra import Floats, Spectra
from lab.analysis.wire.streams import Ints

BAND = 12
WIRE = 120
WAIT, HURRY, JUMP = 0.5, {1: 0.0, 2: 1.6, 3: 2.8}, 8.0
"""What it costs to wait, to play on by so many steps at once, and to jump ahead."""


def silence(steps: int) -> Spectra:
    """Return as many steps of which nothing is asked here."""
    return Spectra(shape=np.zeros((steps, 40), np.float32), level_db=np.zeros(steps, np.float32))


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the band be small enough for every way to be tried."""
    monkeypatch.setattr(align, "_BAND", BAND)
    monkeypatch.setattr(align, "_HALF", BAND // 2)


def price(before: int, after: int, newest: tuple[int, int], best: int, alike: float) -> float | None:
    """Return what it brings to go from one step of the wire to another; None when that is no way."""
    brings = []
    if after == before:
        free = newest[0] == newest[1] == after
        brings.append(0.0 if free else -WAIT)
    if after - before in HURRY:
        brings.append(alike - HURRY[after - before])
    if before == best and after > before:
        brings.append(alike - JUMP)
    return max(brings, default=None)


def best_of_all(alike: Floats, newest: Ints) -> float:
    """Return what the best way brings, `alike` [read, wire] being what each step of the wire is worth."""

    def band(last: int) -> range:
        return range(max(0, last - BAND + 1), last + 1)

    scores = {at: float(alike[0, at]) for at in band(int(newest[0]))}
    for i in range(1, newest.size):
        was, last = int(newest[i - 1]), int(newest[i])
        best = min(scores, key=lambda at: (-scores[at], at))
        found: dict[int, float] = {}
        for after in band(last):
            for before, score in scores.items():
                brings = price(before, after, (was, last), best, float(alike[i, after]))
                if brings is not None:
                    found[after] = max(found.get(after, -np.inf), score + brings)
        scores = found
    return max(scores.values())


def brought(way: Ints, alike: Floats, newest: Ints) -> float:
    """Return what `way` brings; a jump is believed to have begun where it was best."""
    total = float(alike[0, way[0]])
    for i in range(1, way.size):
        pair = (int(newest[i - 1]), int(newest[i]))
        brings = price(int(way[i - 1]), int(way[i]), pair, int(way[i - 1]), float(alike[i, way[i]]))
        assert brings is not None, f"no way leads from {way[i - 1]} to {way[i]}"
        total += brings
    return total


@settings(max_examples=200, deadline=None)
@given(
    steps=st.integers(1, 200),
    moves=st.sampled_from([(0, 1), (0, 1, 2), (0, 0, 0, 4), (0, 1, 2, 4, 9, 15)]),
    seed=st.integers(0, 2**32 - 1),
    step=st.sampled_from([0.25, 0.5, 2.0]),
    beside=st.sampled_from([0.0, 5.0]),
    behind=st.lists(st.integers(0, BAND), min_size=3, max_size=3),
)
def test_no_way_brings_more(
    steps: int, moves: tuple[int, ...], seed: int, step: float, beside: float, behind: list[int]
) -> None:
    """However the band moves and much is read: three ways are worth something, each of them most at its time."""
    dice = np.random.default_rng(seed)
    newest = np.minimum(np.cumsum(dice.choice(moves, steps)), WIRE - 1)
    alike = (dice.integers(-5, 6, (steps, WIRE)) * step - beside).astype(np.float32)
    rows = np.arange(steps)
    for number, late in enumerate(behind):
        worth = np.where(rows * 3 // steps == number, (1.0, 2.0, 8.0)[number], 0.75)
        alike[rows, np.maximum(newest - late, 0)] += worth + beside

    def likeness(padded: object, read: Spectra, base: Ints, some: slice) -> Iterator[Floats]:
        for i in range(some.start, some.stop):
            row = np.full(BAND, -1e9, np.float32)
            row[max(0, -base[i]) :] = alike[i, max(0, base[i]) : base[i] + BAND]
            yield row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(align._Padded, "likeness", likeness)
        way = align.align(silence(steps), silence(WIRE), np.ones(WIRE, np.bool_), newest)
    assert brought(way, alike, newest) == pytest.approx(best_of_all(alike, newest), abs=1e-3)
