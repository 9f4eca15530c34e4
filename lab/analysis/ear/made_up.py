"""What was read between two blocks that were heard one after the other, beyond what the wire has there.

Law: a jitter buffer that has nothing to play makes up sound, and plays what it waited for afterwards: all is heard, and
the listener has heard a hole. The ear alone accuses nobody of it: NetEQ must have counted at least half as much
concealment just then, beyond what never came; and what it counted once is taken once. Time missing once counts once: a
hole in which blocks were made and never sent is theirs. Less than 10 ms at once is the stretching of sound, which
`stretched` counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """Per block made how many 10 ms of sound were made up before it, and where no statistics say whether they were.

    `besides` is per sample of the statistics how many samples of sound NetEQ had concealed by then for other reasons.
    """

    count: Ints
    untold: Flags
    besides: Ints

    def without(self, inbound: Sequence[InboundSample]) -> tuple[InboundSample, ...]:
        """Return the statistics without the concealment of what was made up."""
        besides = self.besides.tolist()
        return tuple(replace(one, concealed_samples=count) for one, count in zip(inbound, besides, strict=True))


def made_up(ear: Ear, epoch: Ints, absent: Flags, inbound: Sequence[InboundSample], reads: Sequence[Read]) -> MadeUp:
    """Return what NetEQ made up, besides the blocks that are `absent` because their packets never came.

    `epoch` is per slot which of a track's it is in. Both counts are of samples, so that it does not matter how late the
    one is taken, and the other is read.
    """
    found, at, never = between(ear, epoch), _places(ear), np.sort(_places(ear)[absent])
    told_at, left = read_at(inbound, reads), np.diff(counted(inbound, "concealed_samples"))
    short = np.zeros(left.size, np.int64)
    count, untold = np.zeros(found.size, np.int64), np.zeros(found.size, np.bool_)
    middle = (told_at[:-1] + told_at[1:]) // 2
    for row in np.flatnonzero(found):
        hole = int(found[row]) * BLOCK_SAMPLES
        before = int(np.searchsorted(told_at, at[row] - hole - _NEAR, side="right")) - 1
        after = int(np.searchsorted(told_at, at[row] + _NEAR))
        if before < 0 or after >= told_at.size:
            count[row], untold[row] = found[row], True
            continue
        gone = np.diff(np.searchsorted(never, told_at[[before, after]], side="right"))
        if left[before:after].sum() - gone * BLOCK_SAMPLES >= _HALF * hole:
            count[row] = found[row]
            away = np.abs(middle[before:after] - at[row] + hole // 2)
            short[before + int(away.argmin())] += _take(left[before:after], hole, away)
    return MadeUp(count=count, untold=untold, besides=np.cumsum(np.r_[0, left - short])[: len(inbound)])


def _take(left: Ints, hole: int, away: Ints) -> int:
    """Take what the hole needs from what is `left`, the nearest first; return what is not there."""
    for i in np.argsort(away, kind="stable"):
        taken = min(int(left[i]), hole)
        left[i] -= taken
        hole -= taken
    return hole


def between(ear: Ear, epoch: Ints) -> Ints:
    """Return per block how many 10 ms more were read since the block heard before it than the wire has between them.

    What lies between two epochs of a track is not on the wire.
    """
    found = np.zeros(ear.sample.size, np.int64)
    known = np.flatnonzero((ear.heard == Heard.YES) & (ear.sample != ABSENT) & (ear.wire != ABSENT))
    more = np.diff(ear.sample[known] - ear.wire[known] * BLOCK_SAMPLES) - _never_sent(ear, known) * BLOCK_SAMPLES
    goes_on = np.diff(epoch[ear.wire[known] // BLOCKS_PER_FRAME]) == 0
    found[known[1:]] = np.where(goes_on & (more >= BLOCK_SAMPLES), np.round(more / BLOCK_SAMPLES), 0)
    return found


def _never_sent(ear: Ear, known: Ints) -> Ints:
    """Return between the blocks `known` how many were made and never sent, without silence on the wire instead."""
    sent = np.diff(np.cumsum(ear.wire != ABSENT)[known]) - 1
    silent = np.diff(ear.wire[known]) - 1 - sent
    return np.asarray(np.maximum(0, np.diff(known) - 1 - sent - silent), np.int64)


def _places(ear: Ear) -> Ints:
    """Return at which sample of what was read each block is, or would be by its neighbours."""
    known = np.flatnonzero(ear.sample != ABSENT)
    if not known.size:
        return ear.sample
    return np.interp(np.arange(ear.sample.size), known, ear.sample[known]).astype(np.int64)
