"""The sound that a publisher was given to play: whole, or named."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from lab.evidence import names
from lab.evidence.played import played
from lab.evidence.problems import Problems


def written(path: Path, *, channels: int = 1, width: int = 2, rate: int = 16_000, samples: int = 100) -> Path:
    """Write a WAV file of rising samples."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(np.arange(samples * channels * width // 2, dtype="<i2").tobytes())
    return path


def test_the_sound_and_its_rate(tmp_path: Path) -> None:
    """Samples as they were written."""
    problems = Problems()
    found = played(written(tmp_path / "audio.wav"), problems)
    assert found is not None
    assert (found.sample_rate, found.samples.tolist(), problems.all) == (16_000, list(range(100)), [])


def test_without_a_file_it_played_the_marks(tmp_path: Path) -> None:
    """No file is no fault."""
    problems = Problems()
    assert (played(tmp_path / "audio.wav", problems), problems.all) == (None, [])


@pytest.mark.parametrize("harm", ["torn", "no wav", "stereo", "8 bits", "empty"])
def test_what_is_no_good_is_broken_and_named(tmp_path: Path, harm: str) -> None:
    """It says what should have been heard, so a guess will not do."""
    file = tmp_path / "audio.wav"
    written(file, channels=2 if harm == "stereo" else 1, width=1 if harm == "8 bits" else 2, samples=100)
    whole = file.read_bytes()
    content = {"torn": whole[: len(whole) // 2], "no wav": b"hello", "empty": b""}.get(harm, whole)
    file.write_bytes(content)
    problems = Problems()
    assert played(file, problems) is None
    assert "audio.wav" in problems.breaking[0]


def test_it_is_judged() -> None:
    """A change to it since the sealing is broken evidence."""
    assert names.is_judged("clients/ada/audio.wav")
