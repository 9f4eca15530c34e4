"""Validity gates: what must hold, outside the thing under test, for a measurement to count.

Law: VOID needs a witness outside: a pacing container that nobody throttles, the captures' own counters, packets that
walked past the bump, a bump slower than its configuration, a clock that jumped, a scheduler that kept a container
waiting without a quota. A witness that is missing proves nothing either way and voids nothing; what a quota or a pause
does to one container is evidence about that container.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np
from numpy.typing import NDArray

from lab.analysis.flows.flow import Flow
from lab.analysis.network.links import Account
from lab.analysis.values import Gate
from lab.analysis.verdicts.clocks import moved
from lab.analysis.verdicts.starving import LATE_MS, STEAL_SHARE
from lab.analysis.way.journey import At
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import rtp_of
from lab.analysis.wire.transport import is_over_tcp
from lab.evidence.accounts import HostSecond, Tick
from lab.evidence.values import Packets, PairSample

LATE_P99_MS = 40.0  # of 10 ms ticks; pushes are 60 ms ahead, so beyond this the machine itself makes silence
LATE_MAX_MS = 60.0
SLOW_P99_MS = 10.0
SLOW_MAX_MS = 40.0
CLOCK_STEP_MS = 5.0  # so much off, client times moved no owner of 31 stored calls; 20 ms accused the SDK falsely
STARVED_SHARE = 0.002
_MS = 1e6


@dataclass(frozen=True, kw_only=True)
class Witnesses:
    """What the gates look at, ticks and seconds being those of the measured time; `recorded` are all seconds."""

    scene: Scene
    links: tuple[Account, ...]
    flows: tuple[Flow, ...]
    ticks: tuple[Tick, ...]
    seconds: tuple[HostSecond, ...]
    recorded: tuple[HostSecond, ...]
    from_ns: int
    to_ns: int
    starved_share: float | None = None  # what code is charged with for moments in which the machine was starved


def gates(seen: Witnesses) -> tuple[Gate, ...]:
    """Return every gate with its value, limit and result."""
    return tuple(gate(seen) for gate in _GATES)


def _pacer(seen: Witnesses) -> Gate:
    worst = max((tick.late_p99_ms for tick in seen.ticks), default=None)
    most = max((tick.late_max_ms for tick in seen.ticks), default=None)
    late = worst is not None and most is not None and (worst > LATE_P99_MS or most > LATE_MAX_MS)
    return Gate(
        name="pacer",
        value=None if most is None else round(most, 1),
        limit=f"p99 of a second ≤ {LATE_P99_MS:g} ms, no tick > {LATE_MAX_MS:g} ms late",
        ok=None if worst is None else not late,
        why="an unthrottled container ticked late: this machine could not keep time" if late else "",
    )


def _steal(seen: Witnesses) -> Gate:
    late = [tick.t_ns for tick in seen.ticks if tick.late_max_ms > LATE_P99_MS]
    stolen = [second for second in seen.seconds if second.steal > STEAL_SHARE]
    together = any(abs(second.t_ns - t_ns) <= 1_000_000_000 for second in stolen for t_ns in late)
    known = bool(seen.seconds and seen.ticks)
    return Gate(
        name="steal",
        value=round(max((second.steal for second in seen.seconds), default=0.0), 3) if known else None,
        limit=f"not > {STEAL_SHARE:g} together with late ticks",
        ok=not together if known else None,
        why="the hypervisor took the CPU away while ticks came late" if together else "",
    )


def _starved(seen: Witnesses) -> Gate:
    share = seen.starved_share
    damaged = share is not None and share >= STARVED_SHARE
    return Gate(
        name="starved",
        value=None if share is None else round(100 * share, 2),
        limit=f"< {100 * STARVED_SHARE:g} points charged to who is blamed, mostly for moments without a CPU to be had",
        ok=None if share is None else not damaged,
        why=f"{100 * share:.1f} points are charged to code for moments in which it may have been this machine: "
        + _short(seen)
        if share is not None and damaged
        else "",
    )


def _short(seen: Witnesses) -> str:
    """Say what tells that the machine was short of CPU, and for how much of the media: it may have been all of it."""
    late = sum(tick.late_max_ms > LATE_MS for tick in seen.ticks)
    stolen = sum(second.steal > STEAL_SHARE for second in seen.seconds)
    signs = [f"CPU was stolen in {stolen} of {len(seen.seconds)} s"] if stolen else []
    signs += [f"the pacer was late in {late} of {len(seen.ticks)} s"] if late else []
    return " and ".join(signs) or "a task waited in the run queue"


def _captures(seen: Witnesses) -> Gate:
    silent = [tap for tap in seen.scene.taps if tap.dropped is None] or seen.scene.missing_taps()
    dropped = sum(tap.dropped or 0 for tap in seen.scene.taps)
    names = ", ".join(f"{tap.place} {tap.client or ''}".strip() for tap in seen.scene.taps if tap.dropped)
    return Gate(
        name="captures",
        value=float(dropped) if dropped or not silent else None,
        limit="0 packets dropped by a capture",
        ok=False if dropped else None if silent else True,
        why=f"the capture dropped packets itself: {names}" if dropped else "",
    )


def _bump_passed(seen: Witnesses) -> Gate:
    past = {f"{link.client} {link.way}": link.walked_past for link in seen.links if link.walked_past}
    counts = {seat.name: _around(seen.scene, seat) for seat in seen.scene.seats if seat.linked}
    around = {name: count for name, count in counts.items() if count}
    missed = sum(past.values()) + sum(around.values())
    known = None not in counts.values()
    return Gate(
        name="bump passed",
        value=float(missed) if missed or known else None,
        limit="0 packets walked past the bump",
        ok=False if missed else True if known else None,
        why=f"packets did not pass the bump: {', '.join(sorted({*past, *around}))}" if missed else "",
    )


def _around(scene: Scene, seat: Seat) -> int | None:
    """Count the client's RTP packets at the server's door that nobody saw come out of its bump.

    None when one of the two captures is missing or torn: it cannot say what it did not see. A packet is told by its
    timestamp too, for sequence numbers come round every 22 minutes.
    """
    taps = (scene.tap("inner", seat.name), scene.tap("core"))
    if any(tap is None or tap.torn for tap in taps):
        return None
    crossed, arrived = (_identities(rtp_of(tap.packets, src=seat.ip)) for tap in taps if tap)
    return len(arrived - crossed)


def _identities(packets: Packets) -> set[tuple[int, int, int]]:
    """Return SSRC, sequence number and timestamp of each packet."""
    return set(zip(*(packets[key].tolist() for key in ("ssrc", "seq", "ts")), strict=True))


def _bump_slow(seen: Witnesses) -> Gate:
    crossed = [times for flow in seen.flows for times in _crossings(flow, seen.links) if times.size]
    p99 = max((float(np.quantile(own_ms(times), 0.99)) for times in crossed), default=None)
    most = max((float((times[:, 1] - times[:, 0]).max()) for times in crossed), default=None)
    slow = p99 is not None and most is not None and (p99 > SLOW_P99_MS or most > SLOW_MAX_MS)
    return Gate(
        name="bump slow",
        value=None if p99 is None else round(p99, 1),
        limit=f"beyond what is configured: p99 ≤ {SLOW_P99_MS:g} ms, max ≤ {SLOW_MAX_MS:g} ms",
        ok=None if p99 is None else not slow,
        why=f"the bump was slower than configured: p99 {p99:.1f} ms of its own, {most:.0f} ms in all" if slow else "",
    )


def own_ms(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ms that the bump itself took for each packet: the wait behind one's own lump is the sender's doing."""
    due, out = times[np.argsort(times[:, 0], kind="stable")].T
    before = np.concatenate(([-np.inf], np.maximum.accumulate(out)[:-1]))
    return np.asarray(out - np.maximum(due, before))


def _crossings(flow: Flow, links: Sequence[Account]) -> list[NDArray[np.float64]]:
    """Return, for each bump, when each packet of the window should have come out at the latest, and did (ms, n x 2)."""
    ends = ((flow.publisher, "up", At.SENT, At.UPLINKED), (flow.subscriber, "down", At.ROUTED, At.RECEIVED))
    found = []
    for seat, way, start, end in ends:
        link = next((link for link in links if (link.client, link.way) == (seat.name, way)), None)
        if link is None:
            continue
        times = flow.journey.t_ns[flow.slots]
        both = (times[:, start] >= 0) & (times[:, end] >= 0)
        pair = (times[both][:, [start, end]] - times[both, start].min(initial=np.iinfo(np.int64).max)) / _MS
        found.append(pair + np.array([link.configured.longest_ms, 0.0]))
    return found


def _path(seen: Witnesses) -> Gate:
    server = f"{IPv4Address(seen.scene.server)}:{seen.scene.server_port}"
    used = {
        f"{client.name} → {pair.remote} ({pair.protocol})"
        for client in seen.scene.clients
        for pair in client.pairs
        if seen.from_ns <= pair.t_ns <= seen.to_ns and _strays(seen.scene, pair)
    }
    known = any(client.pairs for client in seen.scene.clients)
    return Gate(
        name="path",
        value=", ".join(sorted(used)) or (server if known else None),
        limit=f"media to {server} over udp",
        ok=not used if known else None,
        why=f"media left the path that was measured: {', '.join(sorted(used))}" if used else "",
    )


def _strays(scene: Scene, pair: PairSample) -> bool:
    """Say whether a pair does not end at the server; a peer-reflexive one (RFC 8445) has no address to tell.

    TCP to the server is evidence about the configuration.
    """
    host, _, port = pair.remote.rpartition(":")
    if not host or is_over_tcp(scene, pair):
        return False
    return (host, port, pair.protocol) != (str(IPv4Address(scene.server)), str(scene.server_port), "udp")


def _clock(seen: Witnesses) -> Gate:
    move = moved(seen.recorded, seen.scene.clients, (seen.from_ns, seen.to_ns))
    jumped = move is not None and abs(move.ms) > CLOCK_STEP_MS
    return Gate(
        name="clock",
        value=None if move is None else abs(move.ms),
        limit=f"no step > {CLOCK_STEP_MS:g} ms",
        ok=None if move is None else not jumped,
        why=move.words if move is not None and jumped else "",
    )


_GATES: tuple[Callable[[Witnesses], Gate], ...] = (
    _pacer,
    _steal,
    _starved,
    _captures,
    _bump_passed,
    _bump_slow,
    _path,
    _clock,
)
