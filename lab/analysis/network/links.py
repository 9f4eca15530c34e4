"""What each direction of a bump did, by two witnesses: the captures on both sides, and the kernel's own counters.

Law: over all packets of the link, between two readings, tap-before = sent + dropped + held and tap-after = sent. A
packet seen while a reading was being taken may stand on either side of it, and so may one that is not IPv4 and shows no
direction. Where the kernel alters packets, some come out with addresses that are nobody's. Witnesses that disagree make
the hop undecided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from lab.analysis.network.configured import NETEM, ROOT, SIGMAS, SINK, TBF, Configured, configured, qdisc, together
from lab.analysis.wire.scene import Scene, Seat, goes_up
from lab.evidence.steps import DirectionState, StepState
from lab.evidence.values import Packets

Way = Literal["up", "down"]
_OUTAGE_SHARE = 0.9  # hardly anything passed: not a firewall's choice
_FAR_SHARE, _FAR_PACKETS = 0.01, 10


@dataclass(frozen=True, kw_only=True)
class Span:
    """Between two readings: packets dropped at random, by the full queue, and by an `outage` or else a firewall."""

    from_ns: int
    to_ns: int
    random: int
    queue: int
    blocked: int
    outage: bool


@dataclass(frozen=True, kw_only=True)
class Account:
    """One direction of one link. `before` and `after` are [least, most] packets at the taps.

    `held` is how many more were in the kernel's queues at the last reading than at the first.
    """

    client: str
    way: Way
    sent: int
    dropped: int
    before: tuple[int, int]
    after: tuple[int, int]
    spans: tuple[Span, ...]
    configured: Configured
    held: int = 0

    @property
    def undecided(self) -> str:
        """Say how the witnesses disagree; empty when they agree."""
        offered = self.sent + self.dropped + self.held
        entered = offered >= self.before[0] if self.configured.duplicates else _within(offered, self.before)
        if not entered:
            return f"{_spell(self.before)} packets before the bump, {offered} sent, dropped or held by the kernel"
        if not _within(self.sent, (self.after[0], self.after[1] + self._strayed())):
            return f"{self.sent} packets sent by the kernel, {_spell(self.after)} behind the bump"
        return ""

    def _strayed(self) -> int:
        """Return how many packets may have come out with other addresses."""
        altered = self.configured.corrupt * self.sent
        return math.ceil(altered + SIGMAS * math.sqrt(altered))

    @property
    def walked_past(self) -> int:
        """How many packets the taps saw that the kernel never had in its hands, when too many to be a stray."""
        missed = max(self.before[0] - self.sent - self.dropped - self.held, self.after[0] - self.sent)
        return missed if missed > max(_FAR_PACKETS, _FAR_SHARE * self.before[0]) else 0


Times = tuple[int, int]
"""From when to when, t_ns."""


def accounts(scene: Scene, window: Times, control: Times | None = None) -> tuple[Account, ...]:
    """Return the account of every direction that was read at least twice; delays are those in force in the window.

    `control` is when the clean control was; without one the window is measured against itself.
    """
    found = []
    for seat in scene.seats:
        for way in ("up", "down"):
            readings = _readings(scene.steps, seat.name, way)
            if len(readings) >= 2:
                usual = _in_force(readings, control or window)
                held = replace(_in_force(readings, window), usual_ms=usual.delay_ms)
                found.append(_account(scene, seat, way, readings, held))
    return tuple(found)


Reading = tuple[StepState, DirectionState]


def _readings(steps: Sequence[StepState], client: str, way: Way) -> list[Reading]:
    return [
        (step, state)
        for step in steps
        for state in step.directions
        if state.client == client and state.direction == way
    ]


def _account(scene: Scene, seat: Seat, way: Way, readings: Sequence[Reading], held: Configured) -> Account:
    (first, opened), (last, closed) = readings[0], readings[-1]
    outer, inner = scene.outer(seat), scene.inner(seat)
    before, after = (outer, inner) if way == "up" else (inner, outer)
    return Account(
        client=seat.name,
        way=way,
        sent=qdisc(closed, ROOT).sent_packets - qdisc(opened, ROOT).sent_packets,
        dropped=qdisc(closed, ROOT).dropped - qdisc(opened, ROOT).dropped,
        before=_counted(before, seat, way, first, last),
        after=_counted(after, seat, way, first, last),
        spans=tuple(_span(a, b) for a, b in pairwise(readings)),
        configured=held,
        held=qdisc(closed, ROOT).backlog_packets - qdisc(opened, ROOT).backlog_packets,
    )


def _counted(packets: Packets, seat: Seat, way: Way, first: StepState, last: StepState) -> tuple[int, int]:
    t_ns = packets["t_ns"]
    nameless = packets["proto"] == 0
    ours = ~nameless & (goes_up(packets, seat.ip) == (way == "up"))
    surely = ours & (t_ns > first.to_ns) & (t_ns < last.from_ns)
    perhaps = (ours | nameless) & (t_ns >= first.from_ns) & (t_ns <= last.to_ns)
    return int(surely.sum()), int(perhaps.sum())


def _span(opened: Reading, closed: Reading) -> Span:
    def grown(handle: str) -> int:
        return qdisc(closed[1], handle).dropped - qdisc(opened[1], handle).dropped

    queue, blocked = grown(TBF), grown(SINK)
    passed = qdisc(closed[1], ROOT).sent_packets - qdisc(opened[1], ROOT).sent_packets
    return Span(
        from_ns=opened[0].from_ns,
        to_ns=closed[0].to_ns,
        random=grown(NETEM) - queue,
        queue=queue,
        blocked=blocked,
        outage=blocked > _OUTAGE_SHARE * (blocked + passed),
    )


def _in_force(readings: Sequence[Reading], window: Times) -> Configured:
    ends = [step.from_ns for step, _ in readings[1:]] + [window[1]]
    held = [
        configured(state)
        for (step, state), end in zip(readings, ends, strict=True)
        if end > window[0] and step.to_ns < window[1]
    ] or [configured(readings[-1][1])]
    return together(held)


def _within(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _spell(bounds: tuple[int, int]) -> str:
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"
