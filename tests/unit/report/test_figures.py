"""Figures as people and programs read them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.report.figures import end, finite, interval, with_unit


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [("audio_loss", 0.03125, "3.1_%"), ("delay_p95", 51.6, "52_ms"), ("gaps", 2.0, "2"), ("lost_frames", 2.5, "2.5")],
)
def test_a_value_is_told_in_its_unit(metric: str, value: float, said: str) -> None:
    """Percent to a tenth, whole milliseconds, and counts without a unit."""
    assert with_unit(value, metric, "_") == said


def test_an_open_end_is_told_as_such() -> None:
    """Unknown, or beyond every number."""
    assert [end(value, "delay_p95") for value in (None, math.inf, 20.2)] == ["?", "?", "20"]


def test_programs_read_the_same_number_everywhere() -> None:
    """What differs between machines is rounded away, whole numbers stay whole, and what is not finite is unknown."""
    assert [finite(value) for value in (0.1 + 0.2, np.float64(2 / 3), 7, -math.inf, None)] == [
        0.3, 0.666666667, 7, None, None,
    ]  # fmt: skip
    assert isinstance(finite(7), int)
    assert (interval(None, None), interval(0.1, math.inf)) == (None, [0.1, None])
