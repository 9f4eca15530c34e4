"""Why there was no media at all: what was tried before a link, and what came out behind it.

Law: packets of a kind seen before a link and never behind it died there: NETWORK/connect. What reached the server's
door and got no answer is the server's; media sent to a wrong address or port is configuration. Nothing was made, so
frames are unknown, not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from lab.analysis.scene import Scene, Seat
from lab.analysis.streams import Flags
from lab.analysis.values import Owner
from lab.evidence.values import KIND_DTLS, KIND_STUN, ClientEvidence, Packets

_TCP = 6
_TCP_KIND = 0


@dataclass(frozen=True, kw_only=True)
class Break:
    """Where joining broke off, whose it is, and the counts that say so."""

    owner: Owner
    reason: str
    packets_in: int | None = None
    packets_dropped: int | None = None


def broken(scene: Scene, seats: Sequence[Seat]) -> Break | None:
    """Return why the clients in `seats` never got media, None when nothing here says so."""
    for seat in seats:
        for kind, name in ((_TCP_KIND, "signalling"), (KIND_STUN, "STUN"), (KIND_DTLS, "DTLS")):
            found = _on_the_way(scene, seat, kind, name)
            if found:
                return found
    return next((told for seat in seats if (told := _told(scene.evidence(seat.name), seat.name))), None)


def _on_the_way(scene: Scene, seat: Seat, kind: int, name: str) -> Break | None:
    outer, inner, core = (_kind(side, kind) for side in (scene.outer(seat), scene.inner(seat), scene.core))
    asked = outer[outer["src"] == seat.ip]
    if not asked.size:
        return None
    passed, arrived = inner[inner["src"] == seat.ip], core[core["src"] == seat.ip]
    answered, delivered = inner[inner["dst"] == seat.ip], outer[outer["dst"] == seat.ip]
    strangers = asked[~_to_server(scene, asked, kind)]
    if strangers.size == asked.size:
        where = f"{IPv4Address(int(strangers['dst'][0]))}:{int(strangers['dport'][0])}"
        return Break(owner=Owner.CONFIG, reason=f"{seat.name} sent its {name} to {where}, which is not the server")
    if not passed.size:
        return _stopped(seat, name, int(asked.size), "before its link and none behind it")
    if answered.size and not delivered.size:
        return _stopped(seat, f"answers to its {name}", int(answered.size), "behind its link and none came through")
    if arrived.size and not answered.size:
        reason = f"the server got {arrived.size} {name} packets of {seat.name} and answered none"
        return Break(owner=Owner.SERVER, reason=reason, packets_in=int(arrived.size))
    return None


def _stopped(seat: Seat, what: str, count: int, where: str) -> Break:
    reason = f"{what} of {seat.name}: {count} packets {where}"
    return Break(owner=Owner.CONNECT, reason=reason, packets_in=count, packets_dropped=count)


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
    chosen = packets["proto"] == _TCP if kind == _TCP_KIND else packets["kind"] == kind
    return np.asarray(packets[chosen])


def _to_server(scene: Scene, packets: Packets, kind: int) -> Flags:
    right = packets["dst"] == scene.server
    return np.asarray(right if kind == _TCP_KIND else right & (packets["dport"] == scene.server_port), dtype=np.bool_)
