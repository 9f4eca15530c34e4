"""The marks that both ends share: which tones and level name frame *k*.

Imported by the analysis on the host and by the clients inside their containers, so it needs numpy
and nothing else, and runs on Python >= 3.9.

Two simultaneous tones name a frame modulo 64 to the ear; its level (0, 4, 8 or 12 dB down) names it
on the wire, where RFC 6464's header extension carries the level of every 20 ms packet in clear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.pcm import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE

NAMES = 64
"""So many tone pairs there are: after 1.28 s they come again, but at other levels."""
_LOW_TONES_HZ = tuple(600 + 150 * i for i in range(8))
_HIGH_TONES_HZ = tuple(2000 + 200 * i for i in range(8))
_STEPS_DOWN_DB = (0, 4, 8, 12)
_AMPLITUDE = 6000.0
_RAMP_MS = 1
_LEVEL_PERIOD = 20_000
_CLEAR_SHARE = 0.6
"""How much of a sound's power one tone of a group must hold, its fair half being 1, to be the one that was made."""
_DECODED_DB, _LEVEL_NEAR_DB = 0.5, 1.5
"""By how much a coder makes a mark quieter, ramps included, and how far from that its level may be."""
_STEPS = np.random.default_rng(1).choice(_STEPS_DOWN_DB, _LEVEL_PERIOD)


def symbol(frame: int) -> int:
    """Return the tone pair (0 to NAMES - 1) of `frame`.

    Neighbours differ in both tones, so that concealment, which repeats the previous sound, is not taken for the next.
    """
    return (frame * 29 + 7) % NAMES


def steps_down_db(frame: int) -> int:
    """Return how many dB below full scale of the marks `frame` is: 0, 4, 8 or 12."""
    return int(_STEPS[frame % _LEVEL_PERIOD])


def marked_frame(frame: int, sample_rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """Return the mono samples (int16, 960 of them at 48 kHz) of marked frame number `frame`; at least 8 kHz."""
    return mark(symbol(frame), steps_down_db(frame), sample_rate)


def mark(tones: int, down_db: int, sample_rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """Return the samples of the tone pair `tones`, `down_db` below the loudest: there are 256 different ones."""
    size, ramp = sample_rate * FRAME_MS // 1000, sample_rate * _RAMP_MS // 1000
    t = np.arange(size) / sample_rate
    envelope = np.ones(size)
    envelope[:ramp] = np.linspace(0, 1, ramp)
    envelope[-ramp:] = envelope[:ramp][::-1]
    wave = np.sin(2 * np.pi * _LOW_TONES_HZ[tones % 8] * t) + np.sin(2 * np.pi * _HIGH_TONES_HZ[tones // 8] * t)
    amplitude = _AMPLITUDE * 10 ** (-down_db / 20)
    return np.asarray(amplitude * wave * envelope, dtype=np.int16)


def marks_in(sound: bytes) -> frozenset[tuple[int, int]]:
    """Return the marks, as `symbol` and `steps_down_db`, that stand out in `sound` for 20 ms on end, each 5 ms.

    `sound` is int16, mono, 48 kHz. A coder keeps a mark's level within 1.3 dB (measured on 2 300 decoded frames).
    """
    samples = np.frombuffer(sound, "<i2").astype(np.float64)
    if samples.size < FRAME_SAMPLES:
        return frozenset()
    pieces = np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[:: SAMPLE_RATE // 200]
    power = np.abs(np.fft.rfft(pieces, axis=1)) ** 2  # a bin is 50 Hz, and every tone lies on one
    low, high = (power[:, [tone // 50 for tone in tones]] for tones in (_LOW_TONES_HZ, _HIGH_TONES_HZ))
    loudness = np.sqrt((pieces**2).mean(axis=1))
    down_db = 20 * np.log10(_AMPLITUDE / np.maximum(loudness, 1)) - _DECODED_DB  # two tones: as loud as one is high
    steps = np.asarray(_STEPS_DOWN_DB)[np.abs(down_db[:, None] - _STEPS_DOWN_DB).argmin(axis=1)]
    clear = np.abs(down_db - steps) < _LEVEL_NEAR_DB
    for group in (low, high):
        clear &= group.max(axis=1) > _CLEAR_SHARE * power.sum(axis=1) / 2
    pairs = low.argmax(axis=1) + 8 * high.argmax(axis=1)
    return frozenset(zip(pairs[clear].tolist(), steps[clear].tolist(), strict=True))
