"""What was read between two blocks that were heard one after the other, beyond what the wire has there.

Law: a jitter buffer that has nothing to play makes up sound, and plays what it waited for afterwards: all is heard, and
the listener has heard a hole. The ear alone accuses nobody of it: NetEQ must have counted as much concealment just
then, beyond what never came. Less than 10 ms at once is the stretching of sound, which `stretched` counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.analysis.ear.delivered import counted, read_at
from lab.analysis.ear.listen import Ear, Heard
from lab.analysis.way.windows import BLOCKS_PER_FRAME
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import InboundSample, Read
from lab.pcm import BLOCK_SAMPLES

_NEAR = 10 * BLOCK_SAMPLES
"""The statistics are taken each 100 ms, and what was played meanwhile is in the next ones."""
_HALF = 0.5


def made_up(ear: Ear, epoch: Ints, absent: Flags, inbound: Sequence[InboundSample], reads: Sequence[Read]) -> Ints:
    """Return per block how many 10 ms of sound NetEQ made up before it, `absent` blocks set aside.

    `epoch` is per slot which of a track's it is in. Both counts are of samples, so that it does not matter how late the
    one is taken, and the other is read.
    """
    found, sample = between(ear, epoch), ear.sample
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


def between(ear: Ear, epoch: Ints) -> Ints:
    """Return per block how many 10 ms more were read since the block heard before it than the wire has between them.

    What lies between two epochs of a track is not on the wire.
    """
    found = np.zeros(ear.sample.size, np.int64)
    known = np.flatnonzero((ear.heard == Heard.YES) & (ear.sample != ABSENT) & (ear.wire != ABSENT))
    known = known[np.argsort(ear.wire[known])]
    more = np.diff(ear.sample[known] - ear.wire[known] * BLOCK_SAMPLES)
    goes_on = np.diff(epoch[ear.wire[known] // BLOCKS_PER_FRAME]) == 0
    found[known[1:]] = np.where(goes_on & (more >= BLOCK_SAMPLES), np.round(more / BLOCK_SAMPLES), 0)
    return found
