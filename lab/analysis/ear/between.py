"""What was read between two blocks that were heard one after the other, beyond what the wire has there.

Law: a jitter buffer that has nothing to play makes up sound, and plays what it waited for afterwards: all is heard, and
the listener has heard a hole. The ear alone accuses nobody of it: NetEQ must have counted as much concealment just
then, beyond what never came. Less than 10 ms at once is the stretching of sound, which `stretched` counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.analysis.ear.delivered import counted, read_at
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import InboundSample, Read
from lab.pcm import BLOCK_SAMPLES

_NEAR = 10 * BLOCK_SAMPLES
"""The statistics are taken each 100 ms, and what was played meanwhile is in the next ones."""
_HALF = 0.5


def between(sample: Ints, heard: Flags, halves: Ints) -> Ints:
    """Return per block how many 10 ms more were read since the block heard before it than the wire has between them.

    `sample` is where each begins in what was read, `heard` marks those that were heard there, and `halves` [slots, 2]
    is what the slots hold.
    """
    place, found = _places(halves, sample.size), np.zeros(sample.size, np.int64)
    known = np.flatnonzero(heard & (sample != ABSENT) & (place != ABSENT))
    known = known[np.argsort(place[known])]
    more = np.diff(sample[known] - place[known] * BLOCK_SAMPLES)
    found[known[1:]] = np.where(more >= BLOCK_SAMPLES, np.round(more / BLOCK_SAMPLES), 0)
    return found


def _places(halves: Ints, blocks: int) -> Ints:
    """Return which 10 ms of the wire each block is in."""
    flat, found = halves.reshape(-1), np.full(blocks, ABSENT, np.int64)
    found[flat[flat >= 0]] = np.flatnonzero(flat >= 0)
    return found


def made_up(found: Ints, sample: Ints, absent: Flags, inbound: Sequence[InboundSample], reads: Sequence[Read]) -> Ints:
    """Return of what was `found` between blocks that for which NetEQ made up sound, `absent` blocks set aside.

    Both counts are of samples, so that it does not matter how late the one is taken, and the other is read.
    """
    known, told_at = np.flatnonzero(sample != ABSENT), read_at(inbound, reads)
    if not known.size or not told_at.size:
        return np.zeros(found.size, np.int64)
    at = np.interp(np.arange(sample.size), known, sample[known])
    rows, concealed = np.flatnonzero(found), counted(inbound, "concealed_samples")
    from_at = at[rows] - found[rows] * BLOCK_SAMPLES - _NEAR
    before = np.clip(np.searchsorted(told_at, from_at, side="right") - 1, 0, None)
    after = np.clip(np.searchsorted(told_at, at[rows] + _NEAR), 0, told_at.size - 1)
    never = np.sort(at[absent])
    gone = np.searchsorted(never, told_at[after], side="right") - np.searchsorted(never, told_at[before])
    told = concealed[after] - concealed[before] >= (gone + _HALF * found[rows]) * BLOCK_SAMPLES
    kept = np.zeros(found.size, np.int64)
    kept[rows[told]] = found[rows[told]]
    return kept
