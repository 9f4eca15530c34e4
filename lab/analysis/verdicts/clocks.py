"""Whether the wall clock, which captures keep, stayed where it was to the steady one, which programs keep.

Law: a client's file adds one offset, taken when it was begun, to all its times. The kernel's slewing (NTP, adjtime)
turns both clocks alike (clock_gettime(2)); what moves one against the other is a step, and it stays for good. So what
counts is how far apart they ever were, from the first file on to the end of the media, and not how fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.wire.streams import Ints
from lab.evidence.accounts import HostSecond
from lab.evidence.values import ClientEvidence

_MS = 1e6
_S = 1e9


@dataclass(frozen=True, kw_only=True)
class Move:
    """By how much (ms) the wall clock was moved, forward above 0, and in words when."""

    ms: float
    when: str

    @property
    def words(self) -> str:
        """What is said of it."""
        return f"the machine's clock was set during the run, by {self.ms:+.0f} ms, {self.when}"


def moved(seconds: Sequence[HostSecond], clients: Sequence[ClientEvidence], window: tuple[int, int]) -> Move | None:
    """Return the farthest that the wall clock was moved before `window` ends; None where nothing can tell.

    `seconds` are all that were recorded: a step of long before the media is in the times of whatever began before it.
    """
    offsets = np.array([second.clock_offset_ns for second in seconds], np.int64)
    shifted = np.array([second.t_ns for second in seconds], np.int64)  # the pacer's own times keep one offset, too
    wall = shifted + offsets - (offsets[0] if offsets.size else 0)
    until = int(np.flatnonzero(wall <= window[1]).max(initial=-1)) + 2  # and the second under way at the end
    offsets, wall = offsets[:until], wall[:until]
    found = [*_of_seconds(offsets, wall, window[0]), *_of_clients(offsets[wall >= window[0]], clients)]
    return max(found, key=lambda move: abs(move.ms), default=None)


def _of_seconds(offsets: Ints, wall: Ints, from_ns: int) -> Iterator[Move]:
    """Yield how far apart the clocks' distances were, and when the largest part of that came about."""
    if offsets.size < 2:
        return
    ends = sorted((int(offsets.argmin()), int(offsets.argmax())))
    at_s = (wall[1 + int(np.abs(np.diff(offsets)).argmax())] - from_ns) / _S
    side = f"{at_s:.1f} s into the media" if at_s >= 0 else f"{-at_s:.1f} s before the media"
    yield _move(int(offsets[ends[1]] - offsets[ends[0]]), side)


def _of_clients(during: Ints, clients: Sequence[ClientEvidence]) -> Iterator[Move]:
    """Yield how far the clock was, during the media, from where it was when each client began a file."""
    for client in clients if during.size else ():
        for began in client.clock_offsets_ns:
            farthest = during[np.abs(during - began).argmax()]
            yield _move(int(farthest - began), f"after {client.name} had begun to write down its times")


def _move(by_ns: int, when: str) -> Move:
    return Move(ms=round(by_ns / _MS, 2), when=when)
