"""Which packets a link dropped, so that two runs of one cell can be compared packet by packet.

Law: the dice are thrown per RTP packet from the moment at which the impairment takes effect (`impair_only: rtp`, equal
seeds), so the drops of two runs are the same packets, counted from there, and nothing less is the same. A verdict
counts its window, which begins some packets later, when the read-back has confirmed the change: at both ends it may
hold a packet more or less. The captures tell that moment to within the packets that came while `tc` worked, none of
which was dropped before it; counted from the first drop on, ordinals are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.analysis.flows.case import asked_of, case_of
from lab.analysis.wire.scene import Scene, Seat
from lab.analysis.wire.streams import rtp_of
from lab.evidence.reading import read
from lab.evidence.values import Packets


@dataclass(frozen=True, kw_only=True)
class Drops:
    """One direction of one link since its impairment began.

    `first` is the least and the most that the ordinal of the first drop may be, `then` the ordinal of each drop counted
    from that one, `packets` how many packets there were from that one on; without a drop, of how many none was.
    """

    first: tuple[int, int]
    then: tuple[int, ...]
    packets: int

    @classmethod
    def of(cls, lost: list[bool], unsure: int) -> Drops:
        """Return what `lost` (one per packet) says, the first `unsure` of which may have come before the impairment."""
        at = [place for place, gone in enumerate(lost) if gone]
        begins = at[0] if at else 0
        first = (max(0, begins - unsure), begins)
        return cls(first=first, then=tuple(each - begins for each in at), packets=len(lost) - begins)

    def same(self, other: Drops) -> bool:
        """Say whether both dropped the same packets, as far as both saw any."""
        seen = min(self.packets, other.packets)
        mine, theirs = ([each for each in one.then if each < seen] for one in (self, other))
        overlap = max(self.first[0], other.first[0]) <= min(self.first[1], other.first[1])
        return overlap and mine == theirs and bool(self.then) == bool(other.then)

    def written(self) -> dict[str, Any]:
        """Return it for JSON, on few lines."""
        return {"first": list(self.first), "then": " ".join(map(str, self.then)), "packets": self.packets}

    @classmethod
    def parse(cls, written: Mapping[str, Any]) -> Drops:
        """Read what `written` returned."""
        then = tuple(map(int, written["then"].split()))
        return cls(first=(written["first"][0], written["first"][1]), then=then, packets=written["packets"])


def drops(run: Path) -> dict[str, Drops]:
    """Return what each link of the recording in `run` dropped of the media: a publisher's up, a subscriber's down."""
    recording = read(run)
    scene = case_of(recording, asked_of(recording)).scene
    linked = [seat for seat in scene.seats if seat.linked]
    up = {f"{seat.name} up": _dropped(scene, seat, "src") for seat in linked if seat.publishes}
    return up | {f"{seat.name} down": _dropped(scene, seat, "dst") for seat in linked if seat.subscribes}


def _dropped(scene: Scene, seat: Seat, end: str) -> Drops:
    step = next(step for step in scene.steps if step.name == "impair")
    outer, inner = (rtp_of(tap, **{end: seat.ip}) for tap in (scene.outer(seat), scene.inner(seat)))
    before, after = (outer, inner) if end == "src" else (inner, outer)
    came = before[before["t_ns"] >= step.from_ns]
    arrived = set(_names(after))
    lost = [name not in arrived for name in _names(came)]
    return Drops.of(lost, int((came["t_ns"] <= step.to_ns).sum()))


def _names(packets: Packets) -> list[tuple[int, int, int]]:
    """Return SSRC, sequence number and timestamp of each packet."""
    return list(zip(*(packets[field].tolist() for field in ("ssrc", "seq", "ts")), strict=True))
