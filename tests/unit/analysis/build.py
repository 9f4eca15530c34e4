"""A small, exact make-believe run: an SDK that takes 10 ms at a time, two bumps, a server, six captures.

Everything that goes wrong is a list of ordinals, never a probability. Packet 0 is the one that carries frame 0 when
nothing was inserted; packets before it are the room's opening silence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from lab.evidence.accounts import CgroupSecond, HostSecond, Tick
from lab.evidence.manifest import Manifest, Marks, Netem, Phase, Place, ServerPlace
from lab.evidence.recording import Recording
from lab.evidence.steps import DirectionState, Qdisc, StepState
from lab.evidence.values import (
    KIND_RTP,
    PACKET,
    ClientEvidence,
    FrameLine,
    InboundSample,
    OutboundSample,
    Packets,
    PairSample,
    Tap,
)
from lab.marks import marked_frame
from lab.pcm import BLOCK_SAMPLES
from tests.fakes.levels import level_dbov

MS = 1_000_000
GO_NS = 1_800_000_000 * 1_000_000_000
LEAD = 25
SERVER, PUBLISHER, SUBSCRIBER = "198.18.0.10", "198.18.0.138", "198.18.0.202"
UP_SSRC, DOWN_SSRC = 111, 222
_SILENT_BUFFER = {"jitter_buffer_emitted_count": 0}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens. Ordinals of packets, numbers of frames, milliseconds."""

    frames: int = 300
    media: int = 200
    control_from_ms: int = 200
    control_to_ms: int = 1200
    phase_ms: int = 0
    first_seq: int = 65_400
    first_ts: int = 2**32 - 50_000
    red: bool = True
    fec: bool = False
    up_lost: Sequence[int] = ()
    up_altered: Sequence[int] = ()
    up_copied: Sequence[int] = ()
    server_lost: Sequence[int] = ()
    down_lost: Sequence[int] = ()
    down_altered: Sequence[int] = ()
    down_copied: Sequence[int] = ()
    host_lost: Sequence[int] = ()
    server_delay_ms: Mapping[int, float] = field(default_factory=dict)
    up_delay_ms: Mapping[int, float] = field(default_factory=dict)
    down_delay_ms: Mapping[int, float] = field(default_factory=dict)
    stalls: Mapping[int, int] = field(default_factory=dict)
    skips: Sequence[int] = ()
    concealed_frames: float = 0.0
    stretched_frames: float = 0.0
    buffer_ms: float = 40.0
    emitted: bool = True
    up_held_ms: float = 0.0
    queue_drops: int = 0
    miscounted: int = 0
    late_ms: float = 1.0
    ssrc_down_shift: int = 0
    throttled: bool = False


@dataclass(frozen=True, kw_only=True)
class Wire:
    """What the SDK sent: per packet its time and level."""

    t_ns: tuple[int, ...]
    level: tuple[int, ...]


@cache
def levels(frame: int) -> tuple[float, ...]:
    """Return the levels of the two blocks of marked frame `frame`."""
    pcm = marked_frame(frame)
    return level_dbov(pcm[:BLOCK_SAMPLES]), level_dbov(pcm[BLOCK_SAMPLES:])


def lines(plan: Plan) -> tuple[FrameLine, ...]:
    """Return what the publisher logged, 60 ms ahead of its schedule."""
    found, zero = [], GO_NS
    for k in range(plan.frames):
        due = zero + k * 20 * MS
        available = pushed = max(GO_NS, due - 60 * MS)
        if k in plan.stalls:
            pushed = available + plan.stalls[k] * MS
            zero += max(0, pushed - due)
        skipped = k in plan.skips
        found.append(
            FrameLine(
                frame=k,
                available_ns=available,
                scheduled_ns=due,
                pushed_ns=None if skipped else pushed,
                returned_ns=None if skipped else pushed,
                samples=960,
                levels=levels(k),
                lag_ms=0.0,
                error=None,
            )
        )
    return tuple(found)


def wire(plan: Plan, pushed: Sequence[FrameLine]) -> Wire:
    """Take 10 ms at each tick, or silence; two make a packet."""
    waiting = [(line.pushed_ns, level) for line in pushed if line.pushed_ns is not None for level in line.levels]
    t_ns, heard, at = [], [], 0
    start = GO_NS - LEAD * 20 * MS + plan.phase_ms * MS
    for tick in range(2 * (plan.frames + LEAD + 50 + sum(plan.stalls.values()) // 20)):
        now = start + tick * 10 * MS
        ready = at < len(waiting) and waiting[at][0] <= now
        heard.append(10 ** (-waiting[at][1] / 10) if ready else 0.0)
        at += ready
        if tick % 2:
            t_ns.append(now + MS)
    power = np.array(heard).reshape(-1, 2).mean(axis=1)
    with np.errstate(divide="ignore"):
        level = np.minimum(127, np.floor(-10 * np.log10(power) + 0.5))
    return Wire(t_ns=tuple(t_ns), level=tuple(int(one) for one in level))


def number(ip: str) -> int:
    """Return an address as captures hold it."""
    return int.from_bytes(bytes(int(part) for part in ip.split(".")), "big")


def packets(plan: Plan, sent: Wire, ends: tuple[str, str], ssrc: int, chosen: Mapping[int, float]) -> Packets:
    """Return the packets with ordinals `chosen`, each delayed by so many ms, in capture order."""
    rows = np.zeros(len(chosen), PACKET)
    i = np.fromiter(chosen, np.int64, len(chosen)) + LEAD
    shifted = plan.ssrc_down_shift if ssrc == DOWN_SSRC else 0
    rows["t_ns"] = np.array(sent.t_ns)[i] + (np.fromiter(chosen.values(), float, len(chosen)) * MS).astype(np.int64)
    rows["src"], rows["dst"] = number(ends[0]), number(ends[1])
    rows["sport"], rows["dport"], rows["proto"], rows["kind"] = 5000, 7882, 17, KIND_RTP
    rows["length"], rows["pt"], rows["ssrc"] = 300, 63 if plan.red else 111, ssrc
    rows["seq"] = (plan.first_seq + i + shifted) % 2**16
    rows["ts"] = (plan.first_ts + 960 * i) % 2**32
    rows["level"] = np.array(sent.level)[i] if ssrc == UP_SSRC else -1
    rows["digest"] = (i * 2_654_435_761 + ssrc) % 2**32
    return rows[np.argsort(rows["t_ns"], kind="stable")]


def recording(plan: Plan, path: Path = Path("nowhere")) -> Recording:
    """Return the recording that `plan` leaves."""
    pushed = lines(plan)
    sent = wire(plan, pushed)
    every = range(-LEAD, len(sent.t_ns) - LEAD)
    left = {i: 0.0 for i in every if i not in plan.host_lost}
    behind = {i: 1.0 + plan.up_delay_ms.get(i, 0.0) for i in left if i not in plan.up_lost}
    core = {i: delay + 0.1 for i, delay in behind.items()}
    out = {
        i: delay + 0.5 + plan.server_delay_ms.get(i, 0.0)
        for i, delay in core.items()
        if i not in plan.server_lost and i not in plan.up_altered
    }
    routed = {i: delay + 0.1 for i, delay in out.items()}
    arrived = {
        i: delay + 1.0 + plan.down_delay_ms.get(i, 0.0) for i, delay in routed.items() if i not in plan.down_lost
    }
    up, down = (PUBLISHER, SERVER), (SERVER, SUBSCRIBER)
    inner_up = _damaged(plan, packets(plan, sent, up, UP_SSRC, behind), plan.up_altered, plan.up_copied)
    outer_down = packets(plan, sent, down, DOWN_SSRC, arrived)
    outer_down = _damaged(plan, outer_down, plan.down_altered, plan.down_copied)
    taps = (
        _tap("edge", "publisher", packets(plan, sent, up, UP_SSRC, left)),
        _tap("inner", "publisher", inner_up),
        _tap("core", None, _merged(packets(plan, sent, up, UP_SSRC, core), packets(plan, sent, down, DOWN_SSRC, out))),
        _tap("inner", "subscriber", packets(plan, sent, down, DOWN_SSRC, routed)),
        _tap("edge", "subscriber", outer_down),
    )
    counts = ((len(left), len(inner_up)), (len(routed), len(outer_down)))
    end_ns = sent.t_ns[-1] + 500 * MS
    return Recording(
        path=path,
        manifest=manifest(plan, end_ns),
        taps=taps,
        clients=(_publisher(plan, pushed, end_ns), _subscriber(plan, sent, end_ns)),
        steps=_steps(plan, counts, end_ns),
        ticks=tuple(
            Tick(t_ns=t, ticks=100, late_p99_ms=plan.late_ms, late_max_ms=plan.late_ms) for t in _seconds(end_ns)
        ),
        seconds=tuple(HostSecond(t_ns=t, steal=0.0, busy=0.2, clock_offset_ns=7) for t in _seconds(end_ns)),
        cgroups={"server": _server_host(plan, end_ns)},
        problems=(),
    )


def manifest(plan: Plan, end_ns: int) -> Manifest:
    """Return the manifest of a sealed run with two linked clients."""
    return Manifest(
        run="20270115-080000-abcd",
        scenario="made-up",
        seed=7,
        phases=(Phase(name="sealed", t_ns=end_ns),),
        versions={"server": "v1.13.5"},
        netem=Netem(driver="vm", seeded=True, kernel="6.12", iproute2="6.15"),
        clients=(
            Place(name="publisher", role="publisher", ip=PUBLISHER, linked=True),
            Place(name="subscriber", role="subscriber", ip=SUBSCRIBER, linked=True),
        ),
        server=ServerPlace(ip=SERVER, port=7882),
        marks=Marks(
            go_ns=GO_NS,
            control_from_ns=GO_NS + plan.control_from_ms * MS,
            control_to_ns=GO_NS + plan.control_to_ms * MS,
            media_from_ns=GO_NS + (plan.control_to_ms + 50) * MS,
            media_to_ns=end_ns - 500 * MS,
            end_ns=end_ns,
        ),
    )


def first_measured(plan: Plan) -> int:
    """Return the first frame sent after the impairment was confirmed, when nothing was inserted before."""
    confirmed = GO_NS + (plan.control_to_ms + 40) * MS
    sent = wire(plan, lines(plan)).t_ns
    return next(i for i, t_ns in enumerate(sent[LEAD:]) if t_ns >= confirmed)


def qdisc(handle: str, kind: str, sent: int, dropped: int, options: Mapping[str, object] | None = None) -> Qdisc:
    """Return one qdisc's counters."""
    return Qdisc(
        kind=kind,
        handle=handle,
        parent="root" if handle == "1:" else "1:2",
        options_json=json.dumps(options or {}),
        sent_packets=sent,
        sent_bytes=300 * sent,
        dropped=dropped,
        overlimits=0,
        backlog_packets=0,
    )


def _steps(plan: Plan, counts: Sequence[tuple[int, int]], end_ns: int) -> tuple[StepState, ...]:
    """Read every direction before anything, at the impairment (nothing lost by then), and at the end."""
    times = ((GO_NS - 900 * MS, "clean"), (GO_NS + (plan.control_to_ms + 40) * MS, "impair"), (end_ns, "final"))
    ways = (("publisher", "up", counts[0]), ("subscriber", "down", counts[1]))
    idle = (("publisher", "down", (0, 0)), ("subscriber", "up", (0, 0)))
    steps = []
    for t_ns, name in times:
        final = name == "final"
        states = []
        for client, way, (before, after) in (*ways, *idle):
            dropped = (before - after if final else 0) + (plan.miscounted if final and way == "up" and before else 0)
            queue = min(dropped, plan.queue_drops) if way == "up" else 0
            tree = (
                qdisc("1:", "prio", after if final else 0, dropped, {"priomap": [1] * 16}),
                qdisc("2:", "netem", after if final else 0, dropped, _held(plan, name, way)),
                qdisc("20:", "tbf", after if final else 0, queue),
                qdisc("3:", "netem", 0, 0),
            )
            states.append(DirectionState(client=client, direction=way, argv=(), qdiscs=tree))
        steps.append(StepState(name=name, due_ns=None, from_ns=t_ns - MS, to_ns=t_ns, directions=tuple(states)))
    return tuple(steps)


def _held(plan: Plan, step: str, way: str) -> Mapping[str, object]:
    """Return netem's options: the delay that the uplink was told to have since the impairment."""
    told = plan.up_held_ms and way == "up" and step != "clean"
    return {"delay": {"delay": plan.up_held_ms / 1000, "jitter": 0.0, "correlation": 0.0}} if told else {}


def _server_host(plan: Plan, end_ns: int) -> tuple[CgroupSecond, ...]:
    """Count throttled time: half of each second when the plan says so, else none."""
    seconds = enumerate(_seconds(end_ns))
    return tuple(
        CgroupSecond(
            t_ns=t_ns,
            cpu_ns=0,
            throttled_ns=i * 500 * MS * plan.throttled,
            throttled_periods=0,
            memory_bytes=0,
        )
        for i, t_ns in seconds
    )


def _publisher(plan: Plan, pushed: tuple[FrameLine, ...], end_ns: int) -> ClientEvidence:
    outbound = tuple(
        OutboundSample(
            t_ns=t,
            ssrc=UP_SSRC,
            packets_sent=1,
            bytes_sent=1,
            remote_packets_lost=0,
            remote_fraction_lost=0.0,
            round_trip_time_s=0.0,
        )
        for t in _seconds(end_ns)
    )
    return _client("publisher", PUBLISHER, frames=pushed, outbound=outbound)


def _subscriber(plan: Plan, sent: Wire, end_ns: int) -> ClientEvidence:
    """Sample each 100 ms; concealment grows evenly while the first packet that came late is played."""
    slow = {**plan.server_delay_ms, **plan.up_delay_ms}
    at_ns = sent.t_ns[min(slow) + LEAD] if slow else GO_NS + 2000 * MS
    inbound = []
    for t_ns in range(GO_NS - 500 * MS, end_ns, 100 * MS):
        played = (t_ns - GO_NS + 500 * MS) // MS * 48
        grown = min(1.0, max(0.0, (t_ns - at_ns) / (400 * MS)))
        sample = inbound_sample(
            t_ns, played, int(grown * plan.concealed_frames * 960), played // 960 * 2 if plan.fec else 0
        )
        stretched = int(grown * plan.stretched_frames * 960)
        kept = {"jitter_buffer_delay_s": played * plan.buffer_ms / 1000} if plan.emitted else _SILENT_BUFFER
        inbound.append(replace(sample, inserted_samples_for_deceleration=stretched, **kept))
    return _client("subscriber", SUBSCRIBER, inbound=tuple(inbound))


def inbound_sample(t_ns: int, played: int, concealed: int, fec: int) -> InboundSample:
    """Return what a subscriber's statistics said at `t_ns`: samples played and concealed, packets of FEC received."""
    return InboundSample(
        t_ns=t_ns,
        publisher="publisher",
        track="TR_1",
        ssrc=DOWN_SSRC,
        packets_received=0,
        packets_lost=0,
        packets_discarded=0,
        fec_packets_received=fec,
        jitter_s=0.0,
        total_samples_received=played,
        concealed_samples=concealed,
        silent_concealed_samples=0,
        concealment_events=0,
        inserted_samples_for_deceleration=0,
        removed_samples_for_acceleration=0,
        jitter_buffer_delay_s=0.0,
        jitter_buffer_emitted_count=played,
    )


def _client(name: str, address: str, **left: tuple[object, ...]) -> ClientEvidence:
    pair = PairSample(
        t_ns=GO_NS + 2000 * MS, local=f"{address}:5000", remote=f"{SERVER}:7882", protocol="udp", round_trip_time_s=0.0
    )
    empty: ClientEvidence = ClientEvidence(
        name=name,
        role=name,
        address=address,
        events=(),
        frames=(),
        inbound=(),
        outbound=(),
        pairs=(pair,),
        exit_code=0,
        oom_killed=False,
    )
    return replace(empty, **left)


def _damaged(plan: Plan, crossed: Packets, altered: Sequence[int], copied: Sequence[int]) -> Packets:
    """Flip bits of some packets behind a link, and repeat others."""
    moved = plan.ssrc_down_shift * (crossed["ssrc"] == DOWN_SSRC)
    ordinal = (crossed["seq"].astype(np.int64) - moved - plan.first_seq) % 2**16 - LEAD
    crossed["digest"] ^= np.isin(ordinal, list(altered)).astype(np.uint32)
    return _merged(crossed, crossed[np.isin(ordinal, list(copied))])


def _merged(*parts: Packets) -> Packets:
    both = np.concatenate(parts)
    return both[np.argsort(both["t_ns"], kind="stable")]


def _tap(place: str, client: str | None, seen: Packets) -> Tap:
    return Tap(place=place, client=client, packets=seen, dropped=0)


def _seconds(end_ns: int) -> range:
    return range(GO_NS - 1000 * MS, end_ns, 1000 * MS)
