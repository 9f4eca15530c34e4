"""Amounts as a person says them."""

from __future__ import annotations

import pytest

from lab.report.amounts import length, many


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (41.4, "41 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (601.0, "11 min"),
        (7140.0, "119 min"),
        (7141.0, "2 h 00 min"),
        (9000.0, "2 h 30 min"),
        (9001.0, "2 h 31 min"),
    ],
)
def test_a_time_is_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    """Nobody counts an evening in seconds; whoever waits is not told less than it takes."""
    assert length(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells")])
def test_one_thing_is_not_several(count: int, words: str) -> None:
    """Nothing is several, one is one."""
    assert many(count, "cell") == words
