"""What the server forwarded, put back on the numbers of what it took in.

Law: a subscriber hears one track under as many SSRCs as it subscribed to it. Under each, the server adds a piecewise
constant to the sequence numbers; it starts at 0 and moves at a mute, a resync, and where padding falls out (LiveKit
pkg/sfu/rtpmunger.go). Marker 1 is the server's own silence. A packet is one that came in when it has that one's number
at the constant in force, came in before it went out, and is as long: forwarding changes no payload. To the RTP clock a
constant is added too, and where that moves the other may have moved: of several that fit from there on, and are as
long, it is the packet that came in last. What is none of those that came in, by any constant, is refused: loss could
not be told from a number that nobody followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lab.analysis.wire.streams import Flags, Ints, Stream, behind, merged, place, rtp_of, shift, stream, taken
from lab.errors import EvidenceError
from lab.evidence.values import Packets

Floats = NDArray[np.float64]

_STRAY_SHARE, _STRAY_PACKETS = 0.01, 10
_HELD_NS = 5_000_000_000
"""No server holds a packet longer."""
_MOVES = 4.0  # a change of the constant costs as much as so many packets that do not fit
_OTHER_LENGTH = 0.3
_CONSTANTS, _OFTEN, _MOST_CONSTANTS = 8, 5, 64
"""So many constants are tried however rare they are, and those that came so often; a mute makes a new one each time."""


@dataclass(frozen=True, kw_only=True)
class Renumbering:
    """What was added from which number (behind the server) on; `strangers` are packets that fit nothing."""

    first: Ints
    added: Ints
    strangers: int

    def undone(self, found: Stream) -> Stream:
        """Return `found`, a stream behind the server, on the numbers in front of it."""
        at = np.searchsorted(self.first, found.seq, side="right") - 1
        return replace(found, seq=found.seq - self.added[np.maximum(at, 0)])


def renumbering(entered: Stream, out: Stream) -> Renumbering | None:
    """Return how the server renumbered `entered` into `out`; None when hardly any packet of `out` is one of it."""
    constants = _constants(entered, out)
    if not constants.size:
        return None
    tried = [_cost(entered, out, int(one)) for one in constants]
    chosen, fits = _followed(*(np.stack(each) for each in zip(*tried, strict=True)))
    if fits.sum() * 2 < out.size:
        return None
    starts = np.flatnonzero(np.diff(chosen, prepend=-1))
    return Renumbering(first=out.seq[starts], added=constants[chosen[starts]], strangers=int((~fits).sum()))


_NONE: Mapping[int, Packets] = MappingProxyType({})


def paired(
    taken_in: Mapping[int, Packets], sent_on: Mapping[int, Packets], unnamed: Mapping[int, Packets] = _NONE
) -> Mapping[int, tuple[int, ...]]:
    """Return per SSRC in front of the server those that it became behind it. EvidenceError for one that is nobody's.

    Of those `unnamed`, which no statistics speak of, any may be another track's.
    """
    found: dict[int, tuple[int, ...]] = dict.fromkeys(taken_in, ())
    for ssrc, packets in {**unnamed, **sent_on}.items():
        out = unmarked(packets)
        fits = {up: _share(stream(into), out) for up, into in taken_in.items()}
        best = max(fits, key=lambda up: fits[up], default=None)
        if best is not None and fits[best] > 0:
            found[best] = (*found[best], ssrc)
        elif out.size > _STRAY_PACKETS and ssrc in sent_on:
            words = f"{out.size} packets behind the server are none of those that went in, by their numbers"
            raise EvidenceError(words, fix="they cannot be told from lost ones")
    return found


def downlinks(taps: Sequence[Packets], entered: Stream, dst: int, ssrcs: Sequence[int]) -> list[Stream]:
    """Return what went on to `dst` under `ssrcs` at each tap behind the server, on the numbers of `entered`."""
    lines: list[list[Stream]] = [[] for _ in taps]
    for ssrc in ssrcs:
        seen = [unmarked(rtp_of(tap, dst=dst, ssrc=ssrc)) for tap in taps]
        out = stream(seen[0], near=_before(entered, seen[0]))
        moved = renumbering(entered, out)
        if moved is None:
            continue
        if moved.strangers > max(_STRAY_PACKETS, _STRAY_SHARE * out.size):
            words = f"{moved.strangers} packets behind the server are none of those that went in, by their numbers"
            raise EvidenceError(words, fix="they cannot be told from lost ones")
        for line, found in zip(lines, (out, *(behind(packets, out) for packets in seen[1:])), strict=True):
            line.append(moved.undone(found))
    return [merged(line) for line in lines]


def unmarked(packets: Packets) -> Packets:
    """Return what is not the server's own silence: a forwarded audio packet never has marker 1."""
    return np.asarray(packets[packets["marker"] == 0])


def _share(entered: Stream, packets: Packets) -> float:
    """Return how much of `packets` is of `entered`; 0 when it is less than half."""
    out = stream(packets, near=_before(entered, packets))
    moved = renumbering(entered, out)
    return 1 - moved.strangers / out.size if moved and out.size else 0.0


def _before(entered: Stream, packets: Packets) -> Stream:
    """Return the last packet that had come in before the first of `packets` went out, to unwrap numbers near it."""
    if not packets.size or not entered.size:
        return entered
    known = np.flatnonzero(entered.t_ns <= packets["t_ns"][0])
    return entered.pick(np.arange(entered.size) == (known[-1] if known.size else 0))


def _constants(entered: Stream, out: Stream) -> Ints:
    """Return what may have been added: 0, and the commonest distances to what had just come in."""
    if not entered.size or not out.size:
        return np.zeros(0, np.int64)
    by_time = np.argsort(entered.t_ns, kind="stable")
    before = np.searchsorted(entered.t_ns[by_time], out.t_ns, side="right") - 1
    distances = (out.seq - entered.seq[by_time][np.maximum(before, 0)])[before >= 0]
    values, counts = np.unique(distances, return_counts=True)
    by_count = np.argsort(-counts, kind="stable")
    tried = max(_CONSTANTS, min(_MOST_CONSTANTS, int((counts >= _OFTEN).sum())))
    common = values[by_count[:tried]]
    whole = shift(entered, out)
    return np.unique(np.append(common, [0] + ([whole] if whole is not None else [])))


def _cost(entered: Stream, out: Stream, added: int) -> tuple[Floats, Flags]:
    """Return per packet behind the server how badly it fits the packet that this constant makes it: 0 well, 1 not.

    And mark those at which their clock, against that of what they are then, is not what it was: something moved there.
    """
    rows = place(out.seq - added, entered)
    held = out.t_ns - taken(rows, entered.t_ns, 0)
    fits: Flags = (rows >= 0) & (held >= 0) & (held <= _HELD_NS)
    longer = out.length - taken(rows, entered.length, 0)
    values, counts = np.unique(longer[fits], return_counts=True)
    usual = int(values[counts.argmax()]) if values.size else 0
    cost = 0.05 * held / _HELD_NS + np.where(longer == usual, 0.0, _OTHER_LENGTH)
    return np.where(fits, cost, 1.0), _broken(out.ts - taken(rows, entered.ts, 0), fits)


def _broken(added: Ints, fits: Flags) -> Flags:
    """Mark the packets that fit and to whose clock something else was `added` than to that of the last that did."""
    at = np.flatnonzero(fits)
    marked = np.zeros(added.size, np.bool_)
    marked[at[1:][np.diff(added[at]) != 0]] = True
    return marked


def _followed(cost: Floats, broken: Flags) -> tuple[Ints, Flags]:
    """Return per packet which constant was in force, changing as seldom as the packets allow, and whether it fits.

    To be still in force where the clock is `broken` costs as much as a change.
    """
    ways, packets = cost.shape
    whole = cost.sum(axis=1) + _MOVES * broken.sum(axis=1)
    one = int(whole.argmin())
    if whole[one] < cost.min(axis=0).sum() + _MOVES:  # no way with a change in it costs less
        return np.full(packets, one), cost[one] < 1.0
    score, origin = cost[:, 0].copy(), np.zeros((packets, ways), np.int64)
    for i in range(1, packets):
        best = int(score.argmin())
        stayed = score + _MOVES * broken[:, i]
        moved = score[best] + _MOVES < stayed
        origin[i] = np.where(moved, best, np.arange(ways))
        score = np.where(moved, score[best] + _MOVES, stayed) + cost[:, i]
    chosen = np.zeros(packets, np.int64)
    chosen[-1] = score.argmin()
    for i in range(packets - 1, 0, -1):
        chosen[i - 1] = origin[i, chosen[i]]
    return chosen, cost[chosen, np.arange(packets)] < 1.0
