"""What a publisher plays, 10 ms at a time at the ordered rate: the marks, or a sound file in a loop.

Law: block *k* is the same samples in every run; nothing is resampled, faded or normalised.
"""

from __future__ import annotations

import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.marks import mark, steps_down_db, symbol
from lab.pcm import BLOCK_MS, FRAME_MS

Samples = NDArray[np.int16]
_Block = tuple[int, int, int]
_BLOCKS_PER_FRAME = FRAME_MS // BLOCK_MS


class Audio:
    """Endless mono sound at `sample_rate`: `loop` over and over, or the marks when there is none."""

    def __init__(self, sample_rate: int, loop: Samples | None = None) -> None:
        """Play `loop`, which is at `sample_rate`."""
        self._rate = sample_rate
        self._loop = loop

    @classmethod
    def of(cls, path: Path | None, sample_rate: int) -> Audio:
        """Play the WAV file `path` (None: the marks); ValueError when it is not mono, 16 bits, at `sample_rate`."""
        if path is None:
            return cls(sample_rate)
        with wave.open(str(path), "rb") as sound:
            shape = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            if shape != (1, 2, sample_rate):
                raise ValueError(f"{path}: channels, bytes, rate are {shape}, not {(1, 2, sample_rate)}")
            return cls(sample_rate, np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.int16))

    def push(self, number: int, frame_ms: int) -> bytes:
        """Return the samples (int16) of push `number`, each of which lasts `frame_ms`."""
        first, count = number * frame_ms // BLOCK_MS, frame_ms // BLOCK_MS
        if self._loop is None:
            return _marks(self._rate, tuple(_named(block) for block in range(first, first + count)))
        size = self._rate * BLOCK_MS // 1000
        return np.take(self._loop, np.arange(first * size, (first + count) * size), mode="wrap").tobytes()


def _named(block: int) -> _Block:
    """Return what block number `block` of the marks sounds like: the tones and level of its frame, and which part."""
    frame, part = divmod(block, _BLOCKS_PER_FRAME)
    return symbol(frame), steps_down_db(frame), part


@lru_cache(maxsize=512)
def _marks(rate: int, blocks: tuple[_Block, ...]) -> bytes:
    """Return the samples of `blocks`; those of whole frames, of which there are 256, are made once."""
    size = rate * BLOCK_MS // 1000
    return b"".join(_mark(*mark, rate)[part * size : (part + 1) * size].tobytes() for *mark, part in blocks)


_mark = lru_cache(maxsize=256)(mark)  # every one that there is: making one costs as much as encoding it
