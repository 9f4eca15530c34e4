"""Whole numbers as they are typed."""

from __future__ import annotations

import pytest

from lab.digits import whole


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", " 1", "1\n", "x", "٣", "\N{FULLWIDTH DIGIT TWO}", "²", "1_0", "9" * 13, "9" * 5000]
)
def test_what_is_no_number_here_is_none(text: str) -> None:
    """The digits of other scripts, which `int` reads, and more digits than Python does."""
    assert whole(text) is None


def test_a_number_is_its_digits() -> None:
    """Zeros in front of them are nothing."""
    assert [whole(text) for text in ("0", "7", "007", "9" * 12)] == [0, 7, 7, 10**12 - 1]
