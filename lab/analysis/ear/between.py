"""What was read between two blocks that were heard one after the other, beyond what the wire has there.

Law: a jitter buffer that has nothing to play makes up sound, and plays what it waited for afterwards: all is heard, and
the listener has heard a hole. The ear alone accuses nobody of it: NetEQ must have counted as much concealment just
then, beyond what never came. Less than 10 ms at once is the stretching of sound, which `stretched` counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import InboundSample
from lab.pcm import BLOCK_SAMPLES

NEAR_NS = 100_000_000
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


def made_up(found: Ints, place_ns: Ints, absent: Flags, inbound: Sequence[InboundSample]) -> Ints:
    """Return of what was `found` between blocks that for which NetEQ made up sound, `absent` blocks set aside."""
    if len(inbound) < 2:
        return np.zeros(found.size, np.int64)
    t_ns = np.array([sample.t_ns for sample in inbound])
    total = np.array([sample.concealed_samples for sample in inbound])
    never = np.sort(place_ns[absent])
    rows = np.flatnonzero(found)
    before = np.clip(np.searchsorted(t_ns, place_ns[np.maximum(rows - 1, 0)] - NEAR_NS, side="right") - 1, 0, None)
    after = np.clip(np.searchsorted(t_ns, place_ns[rows] + NEAR_NS), 0, t_ns.size - 1)
    gone = np.searchsorted(never, t_ns[after], side="right") - np.searchsorted(never, t_ns[before])
    enough = total[after] - total[before] >= (gone + _HALF * found[rows]) * BLOCK_SAMPLES
    kept = np.zeros(found.size, np.int64)
    kept[rows[enough]] = found[rows[enough]]
    return kept
