"""What the wire carried, as sound: the 10 ms that each half of each slot holds, and what they sound like.

Law: a slot's two halves are two pushed blocks, silence, or unknown where nobody saw the packet. Opus looks ahead
6.5 ms, so what comes out of a decoder for a slot begins with the last 6.5 ms of the slot before.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np

from lab.analysis.ear.spectra import QUIET_DB, Floats, Spectra, Take, spectra
from lab.analysis.way.journey import Journey
from lab.analysis.way.naming import Naming
from lab.analysis.way.windows import BLOCKS_PER_FRAME, Blocks
from lab.analysis.wire.streams import ABSENT, Ints
from lab.evidence.values import ClientEvidence, PlayedAudio
from lab.marks import marked_frame, steps_down_db, symbol
from lab.pcm import BLOCK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, SILENT_LEVEL

SILENCE, UNKNOWN = -1, -2
"""In place of a block: digital silence, and what nobody saw."""
LOOKAHEAD = 312  # samples; libopus at 48 kHz: 120 of overlap, 192 to compensate the delay of SILK
_SYMBOLS, _TONES = 64, 8
_COMPARED, _SAME_DB, _FULL_SCALE, _LEAST_POWER = 1000, 0.5, 32767.0, 1e-13
_LIKE, _ALIKE = (
    0.65,
    0.8,
)  # of 1: what two pieces of the same speech have in common behind Opus, and two others have not
_LOW_BINS, _HIGH_BINS = slice(2, 17), slice(16, 34)  # 400 to 1 800 and 1 800 to 3 500 Hz


class Content(Protocol):
    """The audio that a publisher was given to play, by 10 ms block."""

    def samples(self, blocks: Ints) -> Floats:
        """Return [blocks, 480] samples at 48 kHz."""

    def likeness(self, sound: Spectra, blocks: Ints) -> Floats:
        """Return how much each row of `sound` is like the block beside it and like no other: 0, 0.5 or 1."""

    def level_db(self, blocks: Ints) -> Floats:
        """Return how loud each block is, as `Spectra` has it."""

    def before(self, blocks: Ints) -> Ints:
        """Return for each block the last one before it that sounds different: what concealment would repeat."""


def content_of(source: ClientEvidence) -> Content | None:
    """Return what `source` played, None when nobody knows; the levels that it logged say whether it is that."""
    logged = np.array([level for line in source.frames for level in line.levels][:_COMPARED])
    if not logged.size:
        return None
    content = Loop(source.played) if source.played is not None else _marks()
    power = np.square(content.samples(np.arange(logged.size)) / _FULL_SCALE).mean(axis=1)
    level = np.minimum(-10 * np.log10(np.maximum(power, _LEAST_POWER)), SILENT_LEVEL)
    return content if np.median(np.abs(level - logged)) < _SAME_DB else None


class Marks:
    """The lab's own audio: two tones name a frame modulo 64, and concealment never sounds like the next one."""

    def __init__(self) -> None:
        """Render each tone pair once, at full scale of the marks."""
        by_symbol = sorted(range(_SYMBOLS), key=symbol)
        self._waves = np.stack([marked_frame(k) * 10 ** (steps_down_db(k) / 20) for k in by_symbol]).astype(np.float32)
        flat = self._waves.reshape(-1)
        pure = spectra(lambda begin, end: flat[begin:end], FRAME_SAMPLES // 2, FRAME_SAMPLES, _SYMBOLS)
        self._loudest_db = pure.level_db.min()
        self._low = _unit(pure.shape[:_TONES, _LOW_BINS])
        self._high = _unit(pure.shape[::_TONES, _HIGH_BINS])

    def samples(self, blocks: Ints) -> Floats:
        """Return [blocks, 480] samples at 48 kHz."""
        frame, half = np.divmod(blocks, BLOCKS_PER_FRAME)
        halves = self._waves.reshape(_SYMBOLS, BLOCKS_PER_FRAME, BLOCK_SAMPLES)
        gain = np.array([10 ** (-steps_down_db(int(one)) / 20) for one in frame], np.float32)
        return np.asarray(halves[symbol(frame), half] * gain[:, None], np.float32)  # type: ignore[arg-type, index]

    def likeness(self, sound: Spectra, blocks: Ints) -> Floats:
        """Return how many of its two tones each row of `sound` has, of all eight of either kind: 0, 0.5 or 1."""
        low = (sound.shape[:, _LOW_BINS] @ self._low.T).argmax(axis=1)
        high = (sound.shape[:, _HIGH_BINS] @ self._high.T).argmax(axis=1)
        own = symbol(blocks // BLOCKS_PER_FRAME)  # type: ignore[arg-type]
        return np.asarray(((low == own % _TONES) + 1.0 * (high == own // _TONES)) / 2, np.float32)

    def level_db(self, blocks: Ints) -> Floats:
        """Return how loud each block is, as `Spectra` has it."""
        down = np.array([steps_down_db(int(one)) for one in blocks // BLOCKS_PER_FRAME], np.float32)
        return np.asarray(self._loudest_db - down, np.float32)

    def before(self, blocks: Ints) -> Ints:
        """Return a block of the frame before."""
        return blocks - BLOCKS_PER_FRAME


@cache
def _marks() -> Marks:
    return Marks()


class Loop:
    """Any sound, played over and over; what it sounds like names it only as far as its spectrum changes."""

    def __init__(self, played: PlayedAudio) -> None:
        """Take the sound at 48 kHz, as the SDK does before it encodes."""
        size = round(played.samples.size * SAMPLE_RATE / played.sample_rate)
        at = np.arange(size) * (played.sample_rate / SAMPLE_RATE)
        self._loop = np.interp(at, np.arange(played.samples.size), played.samples).astype(np.float32)

    def samples(self, blocks: Ints) -> Floats:
        """Return [blocks, 480] samples at 48 kHz."""
        at = blocks[:, None] * BLOCK_SAMPLES + np.arange(BLOCK_SAMPLES)
        return np.asarray(np.take(self._loop, at, mode="wrap"), np.float32)

    def likeness(self, sound: Spectra, blocks: Ints) -> Floats:
        """Return how alike each row of `sound` and its block are: 0, 0.5 or 1; silence is like anything quiet."""
        own, back = self._sound(blocks)
        alike = np.einsum("ij,ij->i", sound.shape, own.shape[back])
        quiet = own.level_db[back] < QUIET_DB
        return np.where(quiet, 1.0, ((alike >= _LIKE) + 1.0 * (alike >= _ALIKE)) / 2).astype(np.float32)

    def level_db(self, blocks: Ints) -> Floats:
        """Return how loud each block is, as `Spectra` has it."""
        own, back = self._sound(blocks)
        return np.asarray(own.level_db[back], np.float32)

    def _sound(self, blocks: Ints) -> tuple[Spectra, Ints]:
        """Return the spectra of the different ones of `blocks`, and for each which it is."""
        some, back = np.unique(blocks, return_inverse=True)

        def take(begin: int, end: int) -> Floats:
            first = begin // BLOCK_SAMPLES
            piece = self.samples(some[first : -(-end // BLOCK_SAMPLES)]).reshape(-1)
            return piece[begin - first * BLOCK_SAMPLES :][: end - begin]

        return spectra(take, BLOCK_SAMPLES // 2, BLOCK_SAMPLES, some.size), back

    def before(self, blocks: Ints) -> Ints:
        """Return the block 20 ms before."""
        return np.maximum(blocks - BLOCKS_PER_FRAME, 0)


def _unit(shape: Floats) -> Floats:
    return np.asarray(shape / np.linalg.norm(shape, axis=1, keepdims=True), np.float32)


def carried(journey: Journey, made: Blocks, naming: Naming) -> Ints:
    """Return [slots, 2]: the block in each half of each slot, SILENCE or UNKNOWN."""
    halves = np.full((journey.size, BLOCKS_PER_FRAME), UNKNOWN, np.int64)
    halves[journey.level >= SILENT_LEVEL] = SILENCE
    put_in = dict(zip(naming.silence_slot.tolist(), naming.silence_before.tolist(), strict=True))
    for block in np.flatnonzero(made.slot >= 0).tolist():
        slot = int(made.slot[block])
        if slot in put_in:
            first = put_in[slot] <= int(made.order[block])
            halves[slot, 0 if first else 1], halves[slot, 1 if first else 0] = SILENCE, block
        else:
            halves[slot, int(halves[slot, 0] >= 0)] = block
    return halves


def on_wire(halves: Ints, blocks: int) -> Ints:
    """Return which 10 ms of the wire each block is; ABSENT for those that never went out."""
    flat, found = halves.reshape(-1), np.full(blocks, ABSENT, np.int64)
    found[flat[flat >= 0]] = np.flatnonzero(flat >= 0)
    return found


def as_sound(halves: Ints, content: Content) -> Take:
    """Return how to take pieces of what a decoder makes of the wire; silence where nobody knows."""
    flat = halves.reshape(-1)

    def take(begin: int, end: int) -> Floats:
        first, last = (begin - LOOKAHEAD) // BLOCK_SAMPLES, -(-(end - LOOKAHEAD) // BLOCK_SAMPLES)
        piece = np.zeros((last - first, BLOCK_SAMPLES), np.float32)
        rows = np.arange(max(0, first), min(flat.size, last))
        rows = rows[flat[rows] >= 0]
        piece[rows - first] = content.samples(flat[rows])
        skip = begin - LOOKAHEAD - first * BLOCK_SAMPLES
        return piece.reshape(-1)[skip : skip + end - begin]

    return take
