"""What the server told a client, and what of it the client's link kept back.

Law: signalling is TCP (RFC 9293): its bytes are heard in their order, and none before all that stand in front of it
have come. A byte that had gone into the link, and had not come out so far well after all that the link is configured to
hold it, was held up there, until then or for good. Of a segment that went in several times each may have been dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.way.journey import Journey
from lab.analysis.way.pauses import FOREVER, SIGNAL_NS, Pauses, Spell, within
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import Flags, Ints, unwrap
from lab.evidence.values import Packets

_HELD_NS = 200_000_000
"""Longer than the link holds anything: TCP sends again after no less."""


@dataclass(frozen=True, kw_only=True)
class Untold:
    """Which slots the server forwarded while the listener's program had not been told of the track.

    `joining`: it was not yet time; `held_up`: the link had what would have told it; `unclear`: nobody knows why.
    """

    joining: Flags
    held_up: Flags
    unclear: Flags

    @property
    def any(self) -> Flags:
        """All of them."""
        return self.joining | self.held_up | self.unclear


@dataclass(frozen=True, kw_only=True)
class Way:
    """One TCP stream of the server to a client: its segments in front of the client's link and behind it."""

    before: Packets
    after: Packets

    def held_up(self, longest_ms: float) -> Iterator[Spell]:
        """Yield from when to when a byte was held up by the link, which holds what passes `longest_ms` at most."""
        near = int(self.before["tcp_seq"][0])
        went, came = (unwrap(side["tcp_seq"], 32, near) for side in (self.before, self.after))
        ends = [start + side["tcp_bytes"] for start, side in ((went, self.before), (came, self.after))]
        edges = np.unique(np.concatenate([went, came, *ends]))
        entered = _first_ns(edges, went, ends[0], self.before["t_ns"])
        heard = np.maximum.accumulate(_first_ns(edges, came, ends[1], self.after["t_ns"]))
        late = heard - _HELD_NS - int(longest_ms * 1e6) > entered
        for from_ns, to_ns in zip(entered[late].tolist(), heard[late].tolist(), strict=True):
            yield Spell(from_ns=from_ns, to_ns=to_ns)

    def dropped_ns(self) -> Ints:
        """Return when each segment went in that never came out: each that came is the last that had gone in by then."""
        gone: dict[tuple[int, int], list[int]] = {}
        for side in (self.before, self.after):
            for row in side[np.argsort(side["t_ns"], kind="stable")]:
                times = gone.setdefault((int(row["tcp_seq"]), int(row["tcp_bytes"])), [])
                if side is self.before:
                    times.append(int(row["t_ns"]))
                elif earlier := [t_ns for t_ns in times if t_ns <= row["t_ns"]]:
                    times.remove(earlier[-1])
        return np.sort(np.array([t_ns for times in gone.values() for t_ns in times], np.int64))


def ways(scene: Scene, seat: Seat) -> Iterator[Way]:
    """Yield every stream of the server that crosses the link of the client at `seat`; none where it has no link."""
    inner, outer = (_told(side, scene.server, seat.ip) for side in (scene.inner(seat), scene.outer(seat)))
    if not seat.linked:
        return
    for ends in np.unique(inner[["sport", "dport"]]):
        yield Way(before=inner[inner[["sport", "dport"]] == ends], after=outer[outer[["sport", "dport"]] == ends])


def untold(journey: Journey, pauses: Pauses, held_up: Sequence[Spell]) -> Untold:
    """Tell apart what was forwarded and not told of, `held_up` being when the link held up what the server told.

    A program that hears of its subscription in time misses what came meanwhile as what came before.
    """
    found = Untold(**{name: np.zeros(journey.size, np.bool_) for name in ("joining", "held_up", "unclear")})
    when = journey.when()
    late = within(when, [spell.and_then(SIGNAL_NS) for spell in held_up])
    for spell, again in pauses.again(journey):
        due_ns = int(when[again].min(initial=FOREVER - SIGNAL_NS)) + SIGNAL_NS
        if (again & late).any() or spell.to_ns > due_ns:
            found.held_up[again & late] = True
            found.joining[again & ~late & (when < due_ns)] = True
            found.unclear[again & ~late & (when >= due_ns)] = True
    return found


def _told(packets: Packets, server: int, client: int) -> Packets:
    return np.asarray(packets[(packets["src"] == server) & (packets["dst"] == client) & (packets["tcp_bytes"] > 0)])


def _first_ns(edges: Ints, start: Ints, end: Ints, t_ns: Ints) -> Ints:
    """Return when each stretch between two of `edges` was first seen in a segment, FOREVER where it never was."""
    found = np.full(max(0, edges.size - 1), FOREVER, np.int64)
    rows = zip(np.searchsorted(edges, start), np.searchsorted(edges, end), t_ns.tolist(), strict=True)
    for first, last, seen_ns in rows:
        np.minimum(found[first:last], seen_ns, out=found[first:last])
    return found
