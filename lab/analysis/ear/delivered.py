"""What NetEQ delivered, against what the program read of it: two counts of the same samples.

Law: a program reads later what only waits to be read; of the difference, what remains to the end was never read. A
stream that begins anew counts anew, and here it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lab.analysis.wire.streams import Ints
from lab.evidence.values import InboundSample, Read


def counted(inbound: Sequence[InboundSample], name: str) -> Ints:
    """Return how far a count of NetEQ's had grown at each sample of the statistics, from the first on.

    Each stream counts for itself, from nothing where it begins behind another one.
    """
    steps, last = np.zeros(len(inbound), np.int64), {sample.ssrc: 0 for sample in inbound}
    last |= {sample.ssrc: getattr(sample, name) for sample in inbound if sample.t_ns == inbound[0].t_ns}
    for i, sample in enumerate(inbound):
        count = getattr(sample, name)
        steps[i] = count - last[sample.ssrc] if count >= last[sample.ssrc] else count
        last[sample.ssrc] = count
    return np.asarray(np.cumsum(steps), np.int64)


def never_read(inbound: Sequence[InboundSample], reads: Sequence[Read]) -> tuple[Ints, Ints]:
    """Return the times of notes, and how many samples more had been delivered by then than were ever read.

    From the first sample of the statistics on, so that the first is a number of no meaning. Nothing with less than two
    notes.
    """
    noted = [read for read in reads if inbound and inbound[0].t_ns <= read.t_ns <= inbound[-1].t_ns]
    if len(noted) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    t_ns = np.array([read.t_ns for read in noted])
    total = counted(inbound, "total_samples_received")
    behind = _steady(np.interp(t_ns, [sample.t_ns for sample in inbound], total) - [read.samples for read in noted])
    return t_ns, np.minimum.accumulate(behind[::-1])[::-1].astype(np.int64)


def _steady(behind: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a program was behind, without the one or two notes in a row that alone say that it was less so.

    A program that waits for a CPU stamps late what it had asked before. What grows, or falls for longer, stays as it is
    (a morphological closing, Serra 1982).
    """
    highest = _over_three(np.pad(behind, 2, constant_values=-np.inf)).max(axis=1)
    return np.asarray(_over_three(highest).min(axis=1))


def _over_three(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.lib.stride_tricks.sliding_window_view(values, 3)


def read_at(inbound: Sequence[InboundSample], reads: Sequence[Read]) -> Ints:
    """Return at which sample of what was read each sample of the statistics was taken; nothing where none can tell."""
    t_ns, never = never_read(inbound, reads)
    if not t_ns.size:
        return t_ns
    ahead = np.interp([sample.t_ns for sample in inbound], t_ns, never)
    return np.asarray(np.maximum.accumulate(counted(inbound, "total_samples_received") - ahead), np.int64)
