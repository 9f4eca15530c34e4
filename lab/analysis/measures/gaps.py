"""The cuts a listener hears: stretches of time without intended audio.

Law: time runs in 10 ms, what was intended and what was inserted between it in the order in which they are heard. A cut
ends with the first 10 ms of intended audio.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.wire.streams import Flags, Ints
from lab.pcm import BLOCK_MS

ABSENT_MS = 1_000
"""A cut from here on is absence: who listens thinks that the line is dead."""


def missing_line(lost: Flags, inserted: Ints) -> Flags:
    """Return per 10 ms whether intended audio is missing; `inserted` of them stand before each block."""
    line = np.ones(int(inserted.sum()) + lost.size, np.bool_)
    line[np.cumsum(inserted + 1) - 1] = lost
    return line


def cuts(line: Flags) -> Ints:
    """Return the length in ms of each cut of a `missing_line`, in the order of time."""
    edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
    return np.asarray((edges[1::2] - edges[::2]) * BLOCK_MS, dtype=np.int64)


def absence(lengths: Ints) -> float:
    """Return how many ms of `lengths` are absence."""
    return float(lengths[lengths >= ABSENT_MS].sum())
