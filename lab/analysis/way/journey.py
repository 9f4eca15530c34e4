"""What became of every 20 ms slot that a publisher's SDK sent to one subscriber: when it was at which place.

Law: a slot is 20 ms of the sender's RTP clock. Its packet is joined from place to place by SSRC and sequence number,
and compared byte for byte over each link; an altered packet did not arrive. Places stand in the order of the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from lab.analysis.wire.forwarding import downlinks
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import ABSENT, Flags, Ints, Stream, behind, place, rtp_of, stream, taken
from lab.errors import EvidenceError
from lab.pcm import FRAME_MS, SAMPLE_RATE

RED_TYPE = 63
SLOT_TICKS = SAMPLE_RATE * FRAME_MS // 1000
_LONGEST_SILENCE_SLOTS = 3600 * 50


class At(IntEnum):
    """A place on the way from one SDK to the other."""

    NOWHERE = -1
    SENT = 0  # before the uplink
    UPLINKED = 1  # behind the uplink
    SERVER_IN = 2
    SERVER_OUT = 3
    ROUTED = 4  # before the downlink
    RECEIVED = 5


@dataclass(frozen=True, kw_only=True)
class Journey:
    """A row per slot.

    `t_ns` is [slots, places], ABSENT where the packet was not seen; `number` is the sequence number, ABSENT for a slot
    that discontinuous transmission left out.
    """

    epoch: Ints
    number: Ints
    level: Ints
    red: Flags
    t_ns: Ints
    altered_up: Flags
    altered_down: Flags
    copies_up: int
    copies_down: int
    reordered_up: int
    reordered_down: int

    @property
    def left_out(self) -> Flags:
        """Mark the slots that the sender's clock passed without a number: discontinuous transmission sent nothing."""
        return np.asarray(self.number == ABSENT, dtype=np.bool_)

    @property
    def size(self) -> int:
        """How many slots there are."""
        return int(self.number.size)

    def seen(self, at: At) -> Flags:
        """Mark the slots whose packet was seen, unaltered, at `at` or behind it: what came later was there before."""
        there = (self.t_ns[:, at:] != ABSENT).any(axis=1)
        if at > At.SENT:
            there &= ~self.altered_up
        if at == At.RECEIVED:
            there &= ~self.altered_down
        return np.asarray(there, dtype=np.bool_)

    def furthest(self) -> Ints:
        """Return per slot the last place (`At`) that its packet reached."""
        reached = np.full(self.size, At.NOWHERE, np.int64)
        for at in list(At)[1:]:
            reached[self.seen(at)] = at
        return reached

    def followed(self, until_ns: int) -> int:
        """Return up to which slot it is known what became of what was sent by `until_ns`, and nothing was seen behind.

        What the server had, and had not yet forwarded, it may have forwarded then.
        """
        forwarded, slots = self.seen(At.SERVER_OUT), np.arange(self.size)
        held = self.seen(At.SERVER_IN) & (slots > np.flatnonzero(forwarded).max(initial=-1))
        return int(np.flatnonzero(held | (self.when() > until_ns)).min(initial=self.size))

    def when(self, at: At = At.SENT) -> Ints:
        """Return per slot when it was `at` this place; where nobody saw that, 20 ms per slot from its neighbours."""
        known = np.flatnonzero(self.t_ns[:, at] != ABSENT)
        if known.size == 0:
            return np.zeros(self.size, np.int64)
        slots = np.arange(self.size)
        base = known[np.clip(np.searchsorted(known, slots, side="right") - 1, 0, known.size - 1)]
        return np.asarray(self.t_ns[base, at] + (slots - base) * FRAME_MS * 1_000_000, dtype=np.int64)


def epoch(scene: Scene, publisher: Seat, subscriber: Seat, up_ssrc: int, down_ssrcs: Sequence[int]) -> Journey:
    """Follow one SSRC of `publisher` to `subscriber`, who heard it under `down_ssrcs`."""
    up = [
        rtp_of(tap, src=publisher.ip, ssrc=up_ssrc)
        for tap in (scene.outer(publisher), scene.inner(publisher), scene.core)
    ]
    sent = stream(up[0])
    line = [sent, *(behind(tap, sent) for tap in up[1:])]
    down_taps = (scene.core, scene.inner(subscriber), scene.outer(subscriber))
    down = downlinks(down_taps, line[2], subscriber.ip, down_ssrcs)
    return _joined([*line, *down])


def chained(epochs: Sequence[Journey]) -> Journey:
    """Put the epochs of one track behind one another."""
    arrays = ("number", "level", "red", "t_ns", "altered_up", "altered_down")
    counts = ("copies_up", "copies_down", "reordered_up", "reordered_down")
    joined: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in epochs]) for name in arrays}
    joined |= {name: sum(getattr(one, name) for one in epochs) for name in counts}
    return Journey(epoch=np.repeat(np.arange(len(epochs)), [one.size for one in epochs]), **joined)


def _joined(streams: Sequence[Stream]) -> Journey:
    """Lay the streams of all places on one axis of slots."""
    sent, uplinked, _, _, routed, received = streams
    numbers = _axis(streams[:3])
    rows = [place(numbers, one) for one in streams]
    t_ns = np.stack([taken(row, one.t_ns, ABSENT) for row, one in zip(rows, streams, strict=True)], axis=1)
    t_ns[numbers == ABSENT] = ABSENT
    kinds = [taken(row, one.pt, ABSENT) for row, one in zip(rows[:3], streams[:3], strict=True)]
    return Journey(
        epoch=np.zeros(numbers.size, np.int64),
        number=numbers,
        level=taken(rows[0], sent.level, ABSENT),
        red=np.any([kind == RED_TYPE for kind in kinds], axis=0),
        t_ns=t_ns,
        altered_up=_altered(sent, uplinked, rows[0], rows[1]),
        altered_down=_altered(routed, received, rows[4], rows[5]),
        copies_up=uplinked.copies - sent.copies,
        copies_down=received.copies - routed.copies,
        reordered_up=uplinked.reordered - sent.reordered,
        reordered_down=received.reordered - routed.reordered,
    )


def _altered(before: Stream, after: Stream, here: Ints, there: Ints) -> Flags:
    both = (here >= 0) & (there >= 0)
    differs = taken(here, before.digest, 0) != taken(there, after.digest, 0)
    return np.asarray(both & differs, dtype=np.bool_)


def _axis(streams: Sequence[Stream]) -> Ints:
    """Return the sequence number of every slot from the first packet to the last.

    ABSENT where the sender's clock went on without a number (discontinuous transmission).
    """
    numbers, at = np.unique(np.concatenate([one.seq for one in streams]), return_index=True)
    clock = np.concatenate([one.ts for one in streams])[at]
    if numbers.size == 0:
        return numbers
    steps = np.maximum(np.diff(numbers), np.round(np.diff(clock) / SLOT_TICKS).astype(np.int64))
    if steps.size and int(steps.max()) > _LONGEST_SILENCE_SLOTS:
        raise EvidenceError("RTP timestamps of one SSRC jump by more than an hour", fix="record the run again")
    slots = np.concatenate(([0], np.cumsum(steps)))
    axis = np.full(int(slots[-1]) + 1, ABSENT, np.int64)
    for start, number, gap in zip(slots, numbers, np.append(np.diff(numbers), 1), strict=True):
        axis[start : start + gap] = np.arange(number, number + gap)
    return axis
