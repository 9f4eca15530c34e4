"""Why a client's machine lost or delayed audio: its quota, a pause, or too much to do.

Law: a holdup that ended within a second before the audio left is its reason. Without one, numbers that are missing at
the first tap were dropped by the client's machine; what is late all the same, the machine or the SDK held back.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.containers.holdups import Holdup, during
from lab.analysis.containers.hosts import withheld
from lab.analysis.ledger.pieces import Piece, Story, Told
from lab.analysis.wire.streams import Flags

_AFTER_NS = 1_000_000_000
_REASONS = {"throttled": "host-throttled", "paused": "host-paused", "busy": "host-busy", "unknown": "undecided"}
_UNTOLD = {
    ("playout", "lost"): "that arrived in time and were not played, while NetEQ made up sound",
    ("playout", "late"): "of sound made up although all had come in time",
}
_OPEN = "host-throttled, host-paused, host-busy, or the SDK itself"


def told(story: Story, piece: Piece) -> list[Told]:
    """Return the reasons of a piece of a client's host's damage: the publisher's, or in playout the listener's."""
    holdups = story.listener_held if piece.hop == "playout" else story.held
    when = story.flow.made.sent_ns[piece.rows]
    left: Flags = np.ones(when.size, np.bool_)
    found = []
    for by, reason in _REASONS.items():
        held = [one for one in holdups if one.by == by and (piece.kind != "lost" or by in ("throttled", "paused"))]
        chosen = left & during(held, when, _AFTER_NS)
        left = left & ~chosen
        if chosen.any():
            found.append(Told(reason=reason, chosen=chosen, note=_spoken(held)))
    return [*found, *([_without(piece, left)] if left.any() else [])]


def _spoken(held: list[Holdup]) -> str:
    longest = max(one.to_ns - one.from_ns for one in held) / 1e6
    if held[0].by == "throttled":
        worst = max(one.share for one in held)
        return withheld(worst, "up to ")
    how = "stood still: no packets, no ticks, no quota in the way" if held[0].by == "paused" else "sent nothing"
    spoken = f"{len(held)} times it {how}, {longest:.0f} ms at the longest"
    return f"{spoken}: {_OPEN}" if held[0].by == "unknown" else spoken


def _without(piece: Piece, left: Flags) -> Told:
    frames = piece.frames_of(left)
    if piece.kind == "lost" and piece.hop == "send":
        words = f"{frames} whose numbers are missing at the first capture"
        return Told(reason="host-dropped", chosen=left, note=words)
    words = _UNTOLD.get((piece.hop, piece.kind), "late")
    return Told(reason="undecided", chosen=left, note=f"{frames} {words}: {_OPEN}")
