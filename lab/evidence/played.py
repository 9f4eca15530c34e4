"""`audio.wav` of a publisher: the sound that it was given to play in a loop; without it, it plays the marks."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from lab.evidence.problems import Problems
from lab.evidence.values import PlayedAudio


def played(file: Path, problems: Problems) -> PlayedAudio | None:
    """Return the sound in `file`, None when there is none; what is no mono 16 bit WAV goes to `problems`."""
    if not file.exists():
        return None
    try:
        with wave.open(str(file), "rb") as sound:
            shape = sound.getnchannels(), sound.getsampwidth()
            samples, rate = sound.readframes(sound.getnframes()), sound.getframerate()
            whole = len(samples) == 2 * sound.getnframes() > 0
    except (OSError, EOFError, wave.Error) as error:
        problems.broken(f"{file}: {error or 'torn'}: it says what should have been heard")
        return None
    if shape != (1, 2) or not whole:
        problems.broken(f"{file}: not whole, mono and 16 bits: it says what should have been heard")
        return None
    return PlayedAudio(sample_rate=rate, samples=np.frombuffer(samples, "<i2").astype(np.int16))
