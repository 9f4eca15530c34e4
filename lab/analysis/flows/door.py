"""The server's hop by two witnesses: the tap at its door, and LiveKit's own account of each track.

Law: both speak of the same packets, those from the account's first sequence number to its highest, each once. What
went in and was not read, the server's host lost (its kernel counts why); what was written and did not come out, too;
what was read and not written, LiveKit did not forward. More read than went in, more out than written, or more missing
than the kernel counted: the witnesses disagree, and nobody behind that door may be blamed.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from lab.analysis.containers.hosts import Host
from lab.analysis.flows.flow import Flow
from lab.analysis.way.journey import At
from lab.analysis.wire.scene import Scene
from lab.analysis.wire.streams import ABSENT, rtp_of, unwrap
from lab.evidence.accounts import ServerTrack
from lab.evidence.values import Packets

_GOODBYE = 20  # packets; LiveKit's silence is ten


@dataclass(frozen=True, kw_only=True)
class Door:
    """One flow at the server's door over the whole run, in packets; silence of the server's own is not among them.

    `refused` were read, and dropped for their number. `kernel_in` and `kernel_out` are what the kernel says it dropped
    in the server's namespace on either side of the program, whosever it was; None when it was not asked. `unfinished`
    were written last, while it hung up, and the capture did not see them.
    """

    entered: int
    read: int
    refused: int
    written: int
    left: int
    kernel_in: int | None
    kernel_out: int | None
    unfinished: int = 0

    @property
    def lost_unread(self) -> int:
        """How many packets went in and were never read, or refused: the server's host had them, but for `refused`."""
        return self.entered - self.read

    @property
    def lost_unsent(self) -> int:
        """How many packets were written and never came out."""
        return self.written - self.left

    @property
    def undecided(self) -> str:
        """Say how the witnesses disagree; empty when they agree, or when the kernel was not asked."""
        if self.lost_unread < 0:
            return f"the server says that it read {self.read} packets, {self.entered} went in"
        if self.lost_unsent < 0:
            return f"the server says that it wrote {self.written} packets, {self.left} came out"
        if self.kernel_in is not None and self.lost_unread > self.kernel_in + self.refused:
            return f"{self.lost_unread} packets went in unread, the kernel counted {self.kernel_in} drops there"
        if self.kernel_out is not None and self.lost_unsent > self.kernel_out + self.unfinished:
            return f"{self.lost_unsent} packets were written and did not come out, the kernel counted {self.kernel_out}"
        return ""


def door(scene: Scene, flow: Flow, tracks: Sequence[ServerTrack], host: Host | None) -> Door | None:
    """Return the account of `flow` at the server's door, None when the server gave none of one of its sides.

    Nor of media that moved to TCP: the server speaks of all of it, and the tap saw only some.
    """
    source = scene.evidence(flow.publisher.name)
    sent = {sample.ssrc for sample in source.outbound} if source else set()
    up = _of(tracks, flow.publisher.name, "upstream", sent)
    down = _of(tracks, flow.subscriber.name, "downstream", {sample.ssrc for sample in flow.inbound})
    if flow.move or not up or not down:
        return None
    went_in = [rtp_of(scene.core, src=flow.publisher.ip, ssrc=track.ssrc) for track in up]
    came_out = [rtp_of(scene.core, dst=flow.subscriber.ip, ssrc=track.ssrc) for track in down]
    arrived = flow.journey.t_ns[:, At.SERVER_IN] != ABSENT
    altered = int((flow.journey.altered_up & arrived).sum())  # what cannot be decrypted is not read
    return Door(
        entered=sum(map(_counted, went_in, up)) - altered,
        read=sum(track.packets_seen + track.packets_padding for track in up),
        refused=sum(track.packets_dropped or 0 for track in up),
        written=sum(track.packets_seen + track.packets_padding - track.packets_marked for track in down),
        left=sum(
            _counted(packets[packets["marker"] == 0], track) for packets, track in zip(came_out, down, strict=True)
        ),
        kernel_in=host.dropped_unread if host else None,
        kernel_out=host.dropped_unsent if host else None,
        unfinished=sum(map(_unfinished, came_out, down)),
    )


def _unfinished(packets: Packets, track: ServerTrack) -> int:
    """Count the numbers at the end of `track` that did not come out.

    A server that closes a track says goodbye in silence, and hangs up meanwhile.
    """
    last = np.arange(max(track.first_seq, track.last_seq - _GOODBYE + 1), track.last_seq + 1)
    return int((~np.isin(last, unwrap(packets["seq"], 16, track.first_seq))).sum())


def _of(tracks: Sequence[ServerTrack], who: str, direction: str, ssrcs: Set[int]) -> list[ServerTrack]:
    return [
        track for track in tracks if (track.participant, track.direction) == (who, direction) and track.ssrc in ssrcs
    ]


def _counted(packets: Packets, track: ServerTrack) -> int:
    """Count the different numbers among `packets` that are within what `track` speaks of."""
    seen = unwrap(packets["seq"], 16, track.first_seq)
    return int(np.unique(seen[(seen >= track.first_seq) & (seen <= track.last_seq)]).size)
