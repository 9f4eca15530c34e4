"""Marks by their sound: told by tones and level, as far as a coder may move that."""

from __future__ import annotations

import numpy as np
import pytest

from lab.marks import mark, marks_in


def played(tones: int, down_db: int, gain_db: float) -> bytes:
    """Return the sound of a mark that a coder made so much louder."""
    return np.round(mark(tones, down_db) * 10 ** (gain_db / 20)).astype("<i2").tobytes()


@pytest.mark.parametrize("down_db", [0, 4, 8, 12])
@pytest.mark.parametrize(("gain_db", "told"), [(-2.0, False), (-1.4, True), (0.0, True), (1.0, True), (1.6, False)])
def test_a_level_that_a_coder_may_have_left_is_the_marks(down_db: int, gain_db: float, *, told: bool) -> None:
    """Within 1.3 dB of what coders make of it, which is 0.2 dB less than here; between two levels it is no mark."""
    assert marks_in(played(37, down_db, gain_db)) == ({(37, down_db)} if told else set())


def test_a_sound_shorter_than_a_mark_has_none() -> None:
    """20 ms are needed."""
    assert marks_in(played(37, 0, 0.0)[:-2]) == frozenset()
