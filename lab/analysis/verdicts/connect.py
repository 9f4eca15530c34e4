"""Why there was no media at all: what was tried before a link, and what came out behind it.

Law: packets of a kind seen before a link and never behind it died there: NETWORK/connect. What reached the server's
door and got no answer is the server's; media sent to a wrong address or port is configuration, and so is media that ran
over TCP from its start, where the captures show no frames. A client that never joined and whose quota left it no CPU is
its host's. Where a link let only some of the handshake through, its time is counted: who waits for an answer tries
again, and from one try to the next is the link's time if nothing of that connection came out of it meanwhile (`tries`).
Half of the time that a client tries for, and its link is why: NETWORK/connect. Less than a quarter excuses nobody, for
joining takes about a second: a SYN that was lost and repeated after one does not excuse a client that then sat still.
Between the two it is undecided. Only then is it what the client itself says. What is not followed is unknown, not 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from lab.analysis.containers.hosts import Host, withheld
from lab.analysis.values import Owner
from lab.analysis.verdicts.tries import TCP, Way, union_ns
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import Flags
from lab.analysis.wire.transport import is_over_tcp
from lab.evidence import names
from lab.evidence.values import KIND_DTLS, KIND_STUN, ClientEvidence, Packets

_TCP_KIND = 0
_KINDS = ((_TCP_KIND, "signalling"), (KIND_STUN, "STUN"), (KIND_DTLS, "DTLS"))
_HELD_SHARE = 0.9
"""Of the time that a client was watched; one that can join uses its quota up for moments."""
_LINK_S, _OPEN_S = 10.0, 5.0
"""Of the 20 s that a client tries for (`lab.clients.participant`): from when its link is why, and may be why."""
_STUN_PORT = 3478
"""Where a client asks which address it has (RFC 8489); nobody need answer, and it is not where media would go."""


@dataclass(frozen=True, kw_only=True)
class Break:
    """Where joining broke off, whose it is, why (a code, empty when nothing tells), and the counts that say so.

    `silent` is whether there was no media at all.
    """

    owner: Owner
    reason: str
    code: str = ""
    silent: bool = True
    packets_in: int | None = None
    packets_dropped: int | None = None


def broken(scene: Scene, seats: Sequence[Seat], hosts: Mapping[str, Host]) -> Break | None:
    """Return why the clients in `seats`, whose containers are among `hosts`, never got media; None: nothing says so."""
    for seat in seats:
        for kind, name in _KINDS:
            found = _on_the_way(scene, seat, kind, name)
            if found:
                return found
    left = {seat.name: scene.evidence(seat.name) for seat in seats}
    held = [
        _held_short(hosts.get(names.container(name)), name) for name, one in left.items() if not (one and one.pairs)
    ]
    hindered = [_hindered(scene, seat, left[seat.name]) for seat in seats]
    told = [_told(one, name) for name, one in left.items()]
    return next((found for found in (*held, *hindered, *told) if found), None)


def over_tcp(scene: Scene, seats: Sequence[Seat], during: tuple[int, int]) -> Break | None:
    """Return who of `seats` had its media on TCP to the server in that time, None when nobody did."""
    for seat in seats:
        left = scene.evidence(seat.name)
        pairs = [pair for pair in (left.pairs if left else ()) if during[0] <= pair.t_ns <= during[1]]
        if pairs and all(is_over_tcp(scene, pair) for pair in pairs):
            reason = f"{seat.name} had its media on TCP, to {pairs[0].remote}: loss is delay there, no frame is seen"
            return Break(owner=Owner.CONFIG, reason=reason, code="media-over-tcp", silent=False)
    return None


def _on_the_way(scene: Scene, seat: Seat, kind: int, name: str) -> Break | None:
    outer, inner, core = (_kind(side, kind) for side in (scene.outer(seat), scene.inner(seat), scene.core))
    asked = outer[outer["src"] == seat.ip]
    if not asked.size:
        return None
    passed, arrived = inner[inner["src"] == seat.ip], _for_media(core[core["src"] == seat.ip])
    answered, delivered = inner[inner["dst"] == seat.ip], outer[outer["dst"] == seat.ip]
    strangers = _for_media(asked[~_to_server(scene, asked, kind)])
    if strangers.size and strangers.size == _for_media(asked).size:
        reason = f"{seat.name} sent its {name} to {_where(scene, strangers)}, which is not the server"
        return Break(owner=Owner.CONFIG, reason=reason, code="wrong-address")
    if not passed.size:
        return _stopped(seat, name, kind, int(asked.size), "before its link and none behind it")
    if answered.size and not delivered.size:
        return _stopped(
            seat, f"answers to its {name}", kind, int(answered.size), "behind its link and none came through"
        )
    if arrived.size and not answered.size:
        reason = f"the server got {arrived.size} {name} packets of {seat.name} and answered none"
        return Break(owner=Owner.SERVER, reason=reason, packets_in=int(arrived.size))
    return None


def _where(scene: Scene, strangers: Packets) -> str:
    """Return the address that gives it away: another host's where there is one, else the server's wrong port."""
    elsewhere = strangers[strangers["dst"] != scene.server]
    first = (elsewhere if elsewhere.size else strangers)[0]
    return f"{IPv4Address(int(first['dst']))}:{int(first['dport'])}"


def _stopped(seat: Seat, what: str, kind: int, count: int, where: str) -> Break:
    """STUN is only tried when signalling has passed, and only DTLS after it has: then some UDP passes."""
    reason = f"{what} of {seat.name}: {count} packets {where}"
    code = {_TCP_KIND: "all-blocked", KIND_STUN: "udp-blocked"}.get(kind, "")
    return Break(owner=Owner.CONNECT, reason=reason, code=code, packets_in=count, packets_dropped=count)


def _held_short(host: Host | None, name: str) -> Break | None:
    """Return whose own quota left it no CPU to join with, as its kernel says."""
    looks = host.cgroup if host else ()
    share = host.throttled_share(looks[0].t_ns, looks[-1].t_ns) if host and len(looks) > 1 else None
    if share is None or share < _HELD_SHARE:
        return None
    words = f"{name} never joined: {withheld(share)}"
    return Break(owner=Owner.CLIENT_HOST, reason=words, code="host-throttled")


def _hindered(scene: Scene, seat: Seat, left: ClientEvidence | None) -> Break | None:
    """Return what the link of a client that never joined kept from it, where that is enough to tell, or to doubt."""
    if not seat.linked or (left and left.pairs):
        return None
    ways = tuple(_ways(scene, seat, left))
    waited_s = union_ns([wait for way in ways for wait in way.waits()]) / 1e9
    if waited_s < _OPEN_S:
        return None
    counts = ", ".join(f"{way.lost} of {way.entered.size} {way.name}" for way in ways if way.lost)
    words = f"{seat.name} never joined: for {waited_s:.1f} s what was sent did not come through its link before it was "
    return Break(
        owner=Owner.CONNECT if waited_s >= _LINK_S else Owner.UNDECIDED,
        reason=f"{words}sent again; lost: {counts or 'nothing'}",
        packets_in=sum(int(way.entered.size) for way in ways),
        packets_dropped=sum(way.lost for way in ways),
    )


def _ways(scene: Scene, seat: Seat, left: ClientEvidence | None) -> Iterator[Way]:
    """Yield each kind on each way, until the client gave up: what its kernel sends then, nobody waits for."""
    until = min((event.t_ns for event in (left.events if left else ()) if event.name == "error"), default=None)
    for kind, name in _KINDS:
        outer, inner = (_for_media(_kind(side, kind)) for side in (scene.outer(seat), scene.inner(seat)))
        if until is not None:
            outer, inner = (side[side["t_ns"] < until] for side in (outer, inner))
        asked, passed = (side[side["src"] == seat.ip] for side in (outer, inner))
        answered, delivered = (side[side["dst"] == seat.ip] for side in (inner, outer))
        yield Way(name=f"{name} packets up", port="sport", entered=asked, came=passed)
        yield Way(name=f"{name} packets down", port="dport", entered=answered, came=delivered)


def _told(left: ClientEvidence | None, name: str) -> Break | None:
    """Return what the client itself said, when the packets say nothing."""
    if left is None:
        return Break(owner=Owner.UNDECIDED, reason=f"client {name} left nothing: it would have told what it tried")
    errors = [event.detail.get("text", event.name) for event in left.events if event.name == "error"]
    if left.oom_killed or errors or left.exit_code not in (0, None):
        why = "ran out of memory" if left.oom_killed else errors[0] if errors else f"exited with {left.exit_code}"
        return Break(owner=Owner.CLIENT, reason=f"{name}: {why}")
    return None


def _kind(packets: Packets, kind: int) -> Packets:
    chosen = packets["proto"] == TCP if kind == _TCP_KIND else packets["kind"] == kind
    return np.asarray(packets[chosen])


def _for_media(packets: Packets) -> Packets:
    """Return those of `packets` that do not only ask which address their sender has."""
    return np.asarray(packets[packets["dport"] != _STUN_PORT])


def _to_server(scene: Scene, packets: Packets, kind: int) -> Flags:
    right = packets["dst"] == scene.server
    return np.asarray(right if kind == _TCP_KIND else right & (packets["dport"] == scene.server_port), dtype=np.bool_)
