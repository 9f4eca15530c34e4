"""One direction of one SSRC at one tap: numbers unwrapped, copies and disorder counted.

Law: a packet is its unwrapped sequence number; the first sighting counts, every further one is a copy.
RTP is RFC 3550: 16-bit sequence numbers and 32-bit timestamps that wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.evidence.values import KIND_RTP, PACKET, Packets

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_READ = ("t_ns", "level", "pt", "digest", "length")
_PART = 8_192
"""So many packets at once stay in a CPU's cache."""
ABSENT = -1
"""In place of a time: the packet was not seen there."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """The packets of one SSRC at one tap, by rising sequence number, each once."""

    seq: Ints  # unwrapped
    ts: Ints  # unwrapped
    t_ns: Ints
    level: Ints
    pt: Ints
    digest: Ints
    length: Ints
    copies: int
    reordered: int

    @property
    def size(self) -> int:
        """How many different packets were seen."""
        return int(self.seq.size)

    def pick(self, chosen: Flags) -> Stream:
        """Return only the packets that `chosen` marks."""
        arrays = {name: getattr(self, name)[chosen] for name in ("seq", "ts", *_READ)}
        return Stream(**arrays, copies=self.copies, reordered=self.reordered)


def unwrap(numbers: NDArray[np.unsignedinteger], bits: int, near: int | None = None) -> Ints:
    """Return wrapping `numbers` as a line without wraps; the first is the one closest to `near`."""
    if numbers.size == 0:
        return np.zeros(0, np.int64)
    half, full = 1 << (bits - 1), 1 << bits
    raw = numbers.astype(f"u{bits // 8}")
    first = int(raw[0]) if near is None else near + (int(raw[0]) - near + half) % full - half
    steps = np.diff(raw).view(f"i{bits // 8}")  # as signed numbers: the shorter way round
    line = np.append(np.int64(first), steps)
    return np.cumsum(line, out=line)


def rtp_of(packets: Packets, *, src: int | None = None, dst: int | None = None, ssrc: int | None = None) -> Packets:
    """Return the RTP packets from `src`, to `dst`, of `ssrc`, as far as given, in capture order."""
    chosen = packets["kind"] == KIND_RTP
    for name, wanted in (("src", src), ("dst", dst), ("ssrc", ssrc)):
        if wanted is not None:
            chosen = chosen & (packets[name] == wanted)
    whole = packets.view(f"V{PACKET.itemsize}")  # to be copied as they are, not field by field
    return np.asarray(whole[chosen].view(PACKET))


def closest(numbers: NDArray[np.unsignedinteger], bits: int, near: Ints) -> Ints:
    """Return wrapping `numbers` without wraps, each the one closest to its own `near`."""
    half, full = 1 << (bits - 1), 1 << bits
    return np.asarray(near + (numbers.astype(np.int64) - near + half) % full - half, dtype=np.int64)


def stream(packets: Packets, *, near: Stream | None = None) -> Stream:
    """Return the packets of one SSRC as a `Stream`, numbered on the line that `near` is on."""
    known = near is not None and near.size > 0
    seq = unwrap(packets["seq"], 16, int(near.seq[0]) if near is not None and known else None)
    ts = unwrap(packets["ts"], 32, int(near.ts[0]) if near is not None and known else None)
    unique, first, late = _sorted(seq)
    return Stream(
        seq=unique, ts=ts[first], **_columns(packets[first]), copies=int(seq.size - unique.size), reordered=late
    )


def _columns(packets: Packets) -> dict[str, Ints]:
    """Return what is read of `packets`, field by field of so many at once as stay in a CPU's cache."""
    columns = dict(zip(_READ, np.empty((len(_READ), packets.size), np.int64), strict=True))
    for begin in range(0, packets.size, _PART):
        rows = slice(begin, begin + _PART)
        for name, column in columns.items():
            column[rows] = packets[name][rows]
    return columns


def _sorted(seq: Ints) -> tuple[Ints, Ints | slice, int]:
    """Return the different numbers, rising; where each was first seen; and how many of those came late."""
    if (seq[1:] > seq[:-1]).all():
        return seq, slice(None), 0  # as nearly always
    unique, first = np.unique(seq, return_index=True)
    in_order = seq[np.sort(first)]
    return unique, first, int((in_order < np.maximum.accumulate(in_order)).sum())


def behind(packets: Packets, before: Stream) -> Stream:
    """Return what came of `before` behind a link, on its line of numbers.

    A link may alter the very numbers that a packet is known by: each is unwrapped by what had gone in shortly before
    it, never by its neighbour; an altered one is that whose timestamp it has, else that whose number; what is neither
    is nobody's and left out. Of several that are one an unaltered one counts. Copies and disorder are those of
    unaltered packets.
    """
    if not before.size:
        return stream(np.zeros(0, PACKET))
    row, whole = _origin(packets, before)
    order = np.lexsort((np.arange(row.size), ~whole, row))
    order = order[row[order] >= 0]
    rows, first = np.unique(row[order], return_index=True)
    came = row[whole]
    _, sighted = np.unique(came, return_index=True)
    in_order = came[np.sort(sighted)]
    late = int((in_order < np.maximum.accumulate(in_order)).sum()) if in_order.size else 0
    fields = {name: packets[name][order][first].astype(np.int64) for name in _READ}
    numbers = {"seq": before.seq[rows], "ts": before.ts[rows]}
    return Stream(**numbers, **fields, copies=int(came.size - sighted.size), reordered=late)


def _origin(packets: Packets, before: Stream) -> tuple[Ints, Flags]:
    """Return per packet the row of `before` that it is, -1 for none, and whether it is so unaltered."""
    by_time = np.argsort(before.t_ns, kind="stable")
    gone_in = np.searchsorted(before.t_ns[by_time], packets["t_ns"].astype(np.int64), side="right") - 1
    last = by_time[np.maximum(gone_in, 0)]
    by_number = place(closest(packets["seq"], 16, before.seq[last]), before)
    whole = (by_number >= 0) & (packets["digest"].astype(np.int64) == taken(by_number, before.digest, 0))
    clock = np.argsort(before.ts, kind="stable")
    wanted = closest(packets["ts"], 32, before.ts[last])
    at = clock[np.minimum(np.searchsorted(before.ts[clock], wanted), before.size - 1)]
    by_clock = np.where(before.ts[at] == wanted, at, by_number)
    return np.where(whole, by_number, by_clock), whole


def merged(streams: Sequence[Stream]) -> Stream:
    """Return streams on one line of numbers as one; of a number in several the first sighting counts."""
    if len(streams) == 1:
        return streams[0]
    if not streams:
        return stream(np.zeros(0, PACKET))
    fields = {name: np.concatenate([getattr(one, name) for one in streams]) for name in ("seq", "ts", *_READ)}
    order = np.lexsort((fields["t_ns"], fields["seq"]))
    numbers, first = np.unique(fields["seq"][order], return_index=True)
    arrays = {name: values[order][first] for name, values in fields.items()}
    again = order.size - numbers.size
    return Stream(
        **arrays, copies=sum(one.copies for one in streams) + again, reordered=sum(one.reordered for one in streams)
    )


def place(wanted: Ints, found: Stream) -> Ints:
    """Return for each number of `wanted` the row of `found` that has it, or -1."""
    if found.size == 0:
        return np.full(wanted.size, -1, np.int64)
    at = np.minimum(np.searchsorted(found.seq, wanted), found.size - 1)
    return np.where(found.seq[at] == wanted, at, -1)


def taken(rows: Ints, values: Ints, missing: int) -> Ints:
    """Return `values` at `rows`, and `missing` where the row is -1."""
    if values.size == 0:
        return np.full(rows.size, missing, np.int64)
    return np.where(rows >= 0, values[np.maximum(rows, 0)], missing)


def shift(up: Stream, down: Stream) -> int | None:
    """Return the constant that the SFU added to the sequence numbers of `up` to make `down`; None when none fits.

    It starts at 0 and moves only at a mute or a change of source (LiveKit pkg/sfu/rtpmunger.go), so 0 is tried first;
    else it is the commonest distance to the packet that had come in just before. `forwarding` follows one that moves.
    """
    if up.size == 0 or down.size == 0:
        return None
    if matches(up, down, 0) * 2 >= down.size:
        return 0
    by_time = np.argsort(up.t_ns, kind="stable")
    before = np.searchsorted(up.t_ns[by_time], down.t_ns) - 1
    distances = (down.seq - up.seq[by_time][np.maximum(before, 0)])[before >= 0]
    if distances.size == 0:
        return None
    values, counts = np.unique(distances, return_counts=True)
    best = int(values[counts.argmax()])
    return best if matches(up, down, best) else None


def matches(up: Stream, down: Stream, offset: int) -> int:
    """Return how many packets of `down` are one of `up` at this offset: number known, and not out before it was in."""
    rows = place(down.seq - offset, up)
    return int(((rows >= 0) & (taken(rows, up.t_ns, np.iinfo(np.int64).max) <= down.t_ns)).sum())
