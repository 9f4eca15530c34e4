"""What a publisher plays: the same samples whatever is pushed at a time, in a loop without a seam, named by level."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.clients.audio import Audio
from lab.marks import marked_frame, steps_down_db
from tests.fakes.levels import level_dbov

SPEECH = Path(__file__).parents[3] / "scenarios" / "audio" / "speech.wav"


def samples(sound: bytes) -> NDArray[np.int16]:
    """Return the samples of `sound`."""
    return np.frombuffer(sound, "<i2")


def test_marks_at_48_khz_are_the_marks() -> None:
    """20 ms at a time they are the marked frames, bit for bit."""
    audio = Audio(48_000)
    assert all(audio.push(k, 20) == marked_frame(k).tobytes() for k in range(50))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("frame_ms", [10, 50, 100])
def test_what_is_pushed_at_a_time_changes_no_sample(rate: int, frame_ms: int) -> None:
    """A second of 10, 50 or 100 ms is the second of 20 ms, and levels still name its frames."""
    pieces = samples(b"".join(Audio(rate).push(k, frame_ms) for k in range(1000 // frame_ms)))
    whole = samples(b"".join(Audio(rate).push(k, 20) for k in range(50)))
    assert np.array_equal(pieces, whole)
    down = [level_dbov(part) - steps_down_db(k) for k, part in enumerate(whole.reshape(50, -1))]
    assert max(down) - min(down) < 0.6


def test_a_mark_that_comes_again_is_not_made_again() -> None:
    """What is pushed is the same object then, whose levels the probe knows."""
    again = next(k for k in range(64, 20_000, 64) if steps_down_db(k) == steps_down_db(0))
    assert Audio(48_000).push(again, 20) is Audio(48_000).push(0, 20)


def test_a_sound_file_is_looped_without_a_seam() -> None:
    """Sample n of what is pushed is sample n modulo the file's length."""
    with wave.open(str(SPEECH), "rb") as sound:
        once = samples(sound.readframes(sound.getnframes()))
    audio = Audio.of(SPEECH, 16_000)
    pushed = samples(b"".join(audio.push(k, 50) for k in range(340)))
    assert pushed.size > 2 * once.size
    assert np.array_equal(pushed, np.resize(once, pushed.size))


def test_another_file_than_was_ordered_is_refused() -> None:
    """A rate that is not the file's would play it too fast."""
    with pytest.raises(ValueError, match=r"\(1, 2, 16000\), not \(1, 2, 48000\)"):
        Audio.of(SPEECH, 48_000)
