"""Who was where, and which tap saw whom: the parts of a recording that every account of a flow starts from.

Law: a linked client is seen at `edge` and `inner`, on either side of its bump; one without a link at `open`, and then
at `core`, which sees everybody at the server's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from lab.analysis.wire.streams import Flags
from lab.errors import EvidenceError
from lab.evidence.steps import StepState
from lab.evidence.values import PACKET, ClientEvidence, Packets, Tap


def address(text: str) -> int:
    """Return a dotted IPv4 address as the number that captures hold."""
    try:
        return int(IPv4Address(text))
    except ValueError as failure:
        raise EvidenceError(f"address {text!r}: not IPv4", fix="record the run again") from failure


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One client's place in the lab."""

    name: str
    ip: int
    linked: bool
    publishes: bool
    subscribes: bool


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Seats, taps, steps and what the clients left."""

    server: int
    server_port: int
    seats: tuple[Seat, ...]
    taps: tuple[Tap, ...]
    steps: tuple[StepState, ...]
    clients: tuple[ClientEvidence, ...]

    def seat(self, name: str) -> Seat:
        """Return the seat of client `name`."""
        return next(seat for seat in self.seats if seat.name == name)

    def evidence(self, name: str) -> ClientEvidence | None:
        """Return what client `name` left, None when it left nothing."""
        return next((client for client in self.clients if client.name == name), None)

    def tap(self, place: str, client: str | None = None) -> Tap | None:
        """Return the capture at `place` (of `client`), None when there is none."""
        return next((tap for tap in self.taps if tap.place == place and tap.client == client), None)

    def outer(self, seat: Seat) -> Packets:
        """Return what was captured on the client's side of everything."""
        return _packets(self.tap("edge", seat.name) if seat.linked else self.tap("open"))

    def inner(self, seat: Seat) -> Packets:
        """Return what was captured behind the client's link: between bump and core, or on the core."""
        return _packets(self.tap("inner", seat.name) if seat.linked else self.tap("core"))

    def describes(self, seat: Seat) -> bool:
        """Say whether the session description of `seat` was kept: else the number of its level is inferred."""
        tap = self.tap("edge", seat.name) if seat.linked else self.tap("open")
        return tap is not None and seat.ip in tap.described

    @property
    def core(self) -> Packets:
        """What was captured at the server's door."""
        return _packets(self.tap("core"))

    def missing_taps(self) -> tuple[str, ...]:
        """Name the captures that these seats should have and do not."""
        wanted: list[tuple[str, str | None]] = [("core", None)]
        for seat in self.seats:
            wanted += [("edge", seat.name), ("inner", seat.name)] if seat.linked else [("open", None)]
        return tuple(
            f"the {place} capture" + (f" of {client}" if client else "")
            for place, client in dict.fromkeys(wanted)
            if self.tap(place, client) is None
        )

    @property
    def pairs(self) -> Sequence[tuple[Seat, Seat]]:
        """Every publisher with every subscriber but itself."""
        return [(p, s) for p in self.seats for s in self.seats if p.publishes and s.subscribes and p.name != s.name]


def goes_up(packets: Packets, client: int) -> Flags:
    """Mark the packets of a link that travel from the client's side to the router's.

    The source is the nearer address then: networks are blocks of addresses, so nearer is the longer common prefix.
    """
    here = np.uint32(client)
    return np.asarray((packets["src"] ^ here) < (packets["dst"] ^ here), dtype=np.bool_)


def _packets(tap: Tap | None) -> Packets:
    return np.zeros(0, PACKET) if tap is None else tap.packets
