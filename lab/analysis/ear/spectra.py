"""What sound looks like, 10 ms at a time: the shape of its spectrum, whatever its level, and its level.

Law: bounded memory; sound is taken piece by piece, never as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.pcm import BLOCK_SAMPLES

Floats = NDArray[np.float32]
Take = Callable[[int, int], Floats]
"""Returns the samples from one position to before another; zeros where there is no sound."""

QUIET_DB = 90.0
"""On the scale of `level_db`, 18 dB below the quietest mark: what is quieter is hardly heard."""
_BINS = slice(2, 42)  # 200 to 4 100 Hz at 10 ms: where marks are, and most of what tells speech sounds apart
_AT_ONCE = 128
_LEAST_POWER = 1e-3


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """A row per step: `shape` [rows, bins], each of length 1, and `level_db`, on a scale of its own."""

    shape: Floats
    level_db: Floats

    @property
    def size(self) -> int:
        """How many steps there are."""
        return int(self.level_db.size)

    def every_second(self) -> Spectra:
        """Return the second, fourth … row."""
        return Spectra(shape=self.shape[1::2], level_db=self.level_db[1::2])


def spectra(take: Take, first: int, step: int, rows: int) -> Spectra:
    """Return `rows` spectra, of the 10 ms around sample `first` and then each `step` samples."""
    found = [_some(take, first + at * step, step, min(_AT_ONCE, rows - at)) for at in range(0, rows, _AT_ONCE)]
    if not found:
        return Spectra(shape=np.zeros((0, _BINS.stop - _BINS.start), np.float32), level_db=np.zeros(0, np.float32))
    return Spectra(
        shape=np.concatenate([one.shape for one in found]), level_db=np.concatenate([one.level_db for one in found])
    )


def _some(take: Take, first: int, step: int, rows: int) -> Spectra:
    begin = first - BLOCK_SAMPLES // 2
    return _of(take(begin, begin + (rows - 1) * step + BLOCK_SAMPLES), step)


def _of(sound: Floats, step: int) -> Spectra:
    pieces = np.lib.stride_tricks.sliding_window_view(sound, BLOCK_SAMPLES)[::step]
    window = np.hanning(BLOCK_SAMPLES).astype(np.float32)
    size = np.abs(np.fft.rfft(pieces * window, axis=1)[:, _BINS]).astype(np.float32)
    power = np.square(size).sum(axis=1)
    shape = size / np.sqrt(power + _LEAST_POWER)[:, None]
    return Spectra(shape=shape, level_db=10 * np.log10(power + _LEAST_POWER))


def of_samples(samples: NDArray[np.int16] | Floats) -> Take:
    """Return how to take pieces of `samples`, which may be mapped from a file."""

    def take(begin: int, end: int) -> Floats:
        piece = np.zeros(end - begin, np.float32)
        inner = slice(max(0, begin), min(samples.size, end))
        if inner.start < inner.stop:
            piece[inner.start - begin : inner.stop - begin] = samples[inner]
        return piece

    return take
