"""What each direction of a bump did, by two witnesses: the captures on both sides, and the kernel's own counters.

Law: over all packets of the link, between two readings, tap-before = sent + dropped + held and tap-after = sent. A
packet seen while a reading was being taken may stand on either side of it, and so may one that is not IPv4 and shows no
direction. Where the kernel alters packets, some come out with addresses that are nobody's. Witnesses that disagree make
the hop undecided. What was configured is only what the kernel says it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from lab.analysis.scene import Scene, Seat, goes_up
from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.decode import decode, parse
from lab.evidence.values import DirectionState, Packets, Qdisc, StepState

Way = Literal["up", "down"]
_ROOT, _NETEM, _TBF, _SINK = "1:", "2:", "20:", "3:"
_OUTAGE_SHARE = 0.9  # hardly anything passed: not a firewall's choice
_UNLIMITED_BYTES = 125_000_000  # 1 Gbit/s
_SIGMAS = 4  # netem's delay tables end four standard deviations out
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
class Configured:
    """What the kernel held: delay, rate, and the longest time that delay, jitter and a full queue explain together.

    `usual_ms` is the delay that it held during the clean control already: what is measured against the control has it.
    `jitter_ms` is netem's spread, `queue_ms` how long a full queue takes to leave at the rate, `corrupt` the share of
    packets that it alters.
    """

    delay_ms: float
    longest_ms: float
    rate_bytes: float  # per second; infinite when nothing in a lab can fill it
    duplicates: bool
    usual_ms: float = 0.0
    jitter_ms: float = 0.0
    queue_ms: float = 0.0
    corrupt: float = 0.0


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
        return math.ceil(altered + _SIGMAS * math.sqrt(altered))

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
        sent=_of(closed, _ROOT).sent_packets - _of(opened, _ROOT).sent_packets,
        dropped=_of(closed, _ROOT).dropped - _of(opened, _ROOT).dropped,
        before=_counted(before, seat, way, first, last),
        after=_counted(after, seat, way, first, last),
        spans=tuple(_span(a, b) for a, b in pairwise(readings)),
        configured=held,
        held=_of(closed, _ROOT).backlog_packets - _of(opened, _ROOT).backlog_packets,
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
        return _of(closed[1], handle).dropped - _of(opened[1], handle).dropped

    queue, blocked = grown(_TBF), grown(_SINK)
    passed = _of(closed[1], _ROOT).sent_packets - _of(opened[1], _ROOT).sent_packets
    return Span(
        from_ns=opened[0].from_ns,
        to_ns=closed[0].to_ns,
        random=grown(_NETEM) - queue,
        queue=queue,
        blocked=blocked,
        outage=blocked > _OUTAGE_SHARE * (blocked + passed),
    )


def _in_force(readings: Sequence[Reading], window: Times) -> Configured:
    ends = [step.from_ns for step, _ in readings[1:]] + [window[1]]
    held = [
        _configured(state)
        for (step, state), end in zip(readings, ends, strict=True)
        if end > window[0] and step.to_ns < window[1]
    ] or [_configured(readings[-1][1])]
    return Configured(
        delay_ms=max(one.delay_ms for one in held),
        longest_ms=max(one.longest_ms for one in held),
        rate_bytes=min(one.rate_bytes for one in held),
        duplicates=any(one.duplicates for one in held),
        jitter_ms=max(one.jitter_ms for one in held),
        queue_ms=max(one.queue_ms for one in held),
        corrupt=max(one.corrupt for one in held),
    )


def _configured(state: DirectionState) -> Configured:
    """Read delay, jitter and queue out of iproute2's JSON: netem in seconds, tbf's rate in bytes/s, limit in bytes."""
    where = f"{names.STEPS}: {state.client} {state.direction}"
    netem, tbf = (parse(_of(state, handle).options_json or "{}", f"{where} {handle}") for handle in (_NETEM, _TBF))
    delay = netem.get("delay", {})
    if not isinstance(delay, dict):
        raise EvidenceError(f"{where}: delay {delay!r} is no object", fix="this is not what the kernel says")
    delay_ms, jitter_ms = (1000 * _number(delay.get(key, 0), f"{where}: {key}") for key in ("delay", "jitter"))
    rate, queue_ms = _rate(tbf, where)
    return Configured(
        delay_ms=delay_ms,
        longest_ms=delay_ms + _SIGMAS * jitter_ms + queue_ms,
        rate_bytes=rate,
        duplicates="duplicate" in netem,
        jitter_ms=jitter_ms,
        queue_ms=queue_ms,
        corrupt=_corrupt(netem, where),
    )


def _corrupt(netem: Mapping[str, object], where: str) -> float:
    told = netem.get("corrupt", {})
    if not isinstance(told, dict):
        raise EvidenceError(f"{where}: corrupt {told!r} is no object", fix="this is not what the kernel says")
    return _number(told.get("corrupt", 0), f"{where}: corrupt")


def _rate(tbf: Mapping[str, object], where: str) -> tuple[float, float]:
    """Return the rate in bytes per second, and how many ms its queue holds; infinite and 0 without a limit."""
    rate = _number(tbf.get("rate", _UNLIMITED_BYTES), f"{where}: rate")
    if rate >= _UNLIMITED_BYTES:
        return math.inf, 0.0
    if rate == 0:
        raise EvidenceError(f"{where}: a rate of 0", fix="this is not what the kernel says")
    return rate, 1000 * _number(tbf.get("limit"), f"{where}: limit") / rate


def _number(raw: object, where: str) -> float:
    """Return `raw` as a number that is not negative."""
    value = decode(float, raw, where)
    if value < 0:
        raise EvidenceError(f"{where}: {value:g} is negative", fix="this is not what the kernel says")
    return value


def _of(state: DirectionState, handle: str) -> Qdisc:
    absent = Qdisc(
        kind="", handle=handle, parent="", options_json="{}",
        sent_packets=0, sent_bytes=0, dropped=0, overlimits=0, backlog_packets=0,
    )  # fmt: skip
    return next((qdisc for qdisc in state.qdiscs if qdisc.handle == handle), absent)


def _within(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _spell(bounds: tuple[int, int]) -> str:
    return str(bounds[0]) if bounds[0] == bounds[1] else f"{bounds[0]} to {bounds[1]}"
