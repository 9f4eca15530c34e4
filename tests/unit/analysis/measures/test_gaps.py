"""Cuts, drawn by hand: # is missing, . is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.measures.gaps import absence, cuts, missing_line


@pytest.mark.parametrize(
    ("line", "lengths"),
    [("", []), ("....", []), ("##..#.", [20, 10]), ("..###", [30]), ("######", [60]), (".#.#.#.", [10, 10, 10])],
)
def test_a_cut_ends_with_the_first_intended_audio(line: str, lengths: list[int]) -> None:
    """10 ms each, those at either end included."""
    assert cuts(np.array([sign == "#" for sign in line], np.bool_)).tolist() == lengths


def test_silence_stands_before_the_block_that_waited() -> None:
    """Two lost, then 30 ms of silence before one that is there: one cut of 50 ms."""
    line = missing_line(np.array([False, True, True, False]), np.array([0, 0, 0, 3]))
    assert line.tolist() == [False, True, True, True, True, True, False]
    assert cuts(line).tolist() == [50]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=60))
def test_cuts_add_up_to_what_is_missing(blocks: list[tuple[bool, int]]) -> None:
    """Whatever is lost and put in wherever: nothing is counted twice, nothing left out."""
    lost = np.array([one for one, _ in blocks], np.bool_)
    silence = np.array([ms for _, ms in blocks], np.int64)
    line = missing_line(lost, silence)
    assert line.size == lost.size + silence.sum()
    assert cuts(line).sum() == 10 * (lost.sum() + silence.sum())


def test_absence_begins_with_a_second() -> None:
    """990 ms are a cut, 1000 are absence."""
    assert absence(np.array([990, 1000, 20, 2500])) == 3500
    assert absence(np.zeros(0, np.int64)) == 0
