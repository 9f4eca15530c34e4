"""Which way media went: over UDP, where the taps see every packet, or over TCP, where they see no frame.

Law: the SDK's nominated pairs say it, ten times a second, and media that was on UDP ends there. Only what was sent
until then is followed: a packet behind that may be lost, and may have gone the other way. Media that was on TCP as it
began, and on UDP later, is refused: nobody saw what became of its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import Ints, rtp_of
from lab.errors import EvidenceError
from lab.evidence.values import KIND_RTP, PairSample, Tap


@dataclass(frozen=True, kw_only=True)
class Move:
    """A client whose media moved to TCP: until when (t_ns) it was seen on UDP, and what is said of it."""

    udp_ns: int
    words: str


def is_over_tcp(scene: Scene, pair: PairSample) -> bool:
    """Say whether a nominated pair is TCP to the server's own address."""
    return pair.protocol == "tcp" and pair.remote.rpartition(":")[0] == str(IPv4Address(scene.server))


def moved(scene: Scene, publisher: Seat, subscriber: Seat, from_ns: int) -> Move | None:
    """Return the first move to TCP after `from_ns`, where the media began, of one of the two; None without one.

    Raises EvidenceError where it was on TCP at first.
    """
    sent = rtp_of(scene.outer(publisher), src=publisher.ip)
    found = (_moved(scene, publisher, from_ns, sent["t_ns"]), _moved(scene, subscriber, from_ns))
    return min((move for move in found if move), key=lambda move: move.udp_ns, default=None)


def _moved(scene: Scene, seat: Seat, from_ns: int, sent_ns: Ints | None = None) -> Move | None:
    """Return the move of the client at `seat`: it had moved when all of its nominated pairs were TCP.

    One that it left may stay nominated for a while. What it sends itself on UDP, at `sent_ns`, ends with the move.
    """
    left = scene.evidence(seat.name)
    pairs = left.pairs if left else ()
    on_udp = {pair.t_ns for pair in pairs if not is_over_tcp(scene, pair)}
    over = next((pair for pair in pairs if pair.t_ns >= from_ns and pair.t_ns not in on_udp), None)
    if over is None:
        return None
    before = [t_ns for t_ns in on_udp if from_ns <= t_ns < over.t_ns]
    if not before:
        words = f"{seat.name}'s media began on TCP, to {over.remote}, and moved to UDP later"
        raise EvidenceError(words, fix="no frame is seen on TCP")
    udp_ns = max(before)
    if sent_ns is not None:
        udp_ns = min(udp_ns, int(sent_ns[sent_ns < over.t_ns].max(initial=from_ns)))
    at_s = (udp_ns - from_ns) / 1e9
    return Move(udp_ns=udp_ns, words=f"{seat.name}'s media moved to TCP, to {over.remote}, {at_s:.1f} s into the media")


def followable(scene: Scene, subscriber: Seat, move: Move) -> Scene:
    """Return `scene` without what the server forwarded after `move`: some of it had come where nobody saw it."""

    def until(tap: Tap) -> Tap:
        packets = tap.packets
        forwarded = (packets["dst"] == subscriber.ip) & (packets["kind"] == KIND_RTP)
        return replace(tap, packets=packets[~forwarded | (packets["t_ns"] <= move.udp_ns)])

    return replace(scene, taps=tuple(until(tap) if tap.place == "core" else tap for tap in scene.taps))
