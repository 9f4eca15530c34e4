"""Why a client's machine lost or delayed audio: its quota, a pause, or too much to do.

Law: a holdup that ended within a second before the audio left is its reason; without one the machine was busy: numbers
are missing at the first tap, or the SDK was slow, and neither quota nor pause was in the way.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.holdups import Holdup, during
from lab.analysis.pieces import Piece, Story, Told
from lab.analysis.streams import Flags
from lab.marks import BLOCK_MS, FRAME_MS

_AFTER_NS = 1_000_000_000
_REASONS = {"throttled": "host-throttled", "paused": "host-paused", "busy": "host-busy", "unknown": "undecided"}


def told(story: Story, piece: Piece) -> list[Told]:
    """Return the reasons of a piece of a client's host's damage: the publisher's, or in playout the listener's."""
    holdups = story.listener_held if piece.hop == "playout" else story.held
    when = story.flow.made.sent_ns[piece.rows]
    left: Flags = np.ones(when.size, np.bool_)
    found = []
    for by, reason in _REASONS.items():
        held = [one for one in holdups if one.by == by and (by, piece.kind) != ("busy", "lost")]
        chosen = left & during(held, when, _AFTER_NS)
        left = left & ~chosen
        if chosen.any():
            found.append(Told(reason=reason, chosen=chosen, note=_spoken(held)))
    return [*found, *([_without(piece, left)] if left.any() else [])]


def _spoken(held: list[Holdup]) -> str:
    longest = max(one.to_ns - one.from_ns for one in held) / 1e6
    if held[0].by == "throttled":
        worst = max(one.share for one in held)
        return f"its quota withheld CPU for up to {100 * worst:.0f} % of the time"
    how = "stood still: no packets, no ticks, no quota in the way" if held[0].by == "paused" else "sent nothing"
    spoken = f"{len(held)} times it {how}, {longest:.0f} ms at the longest"
    return f"{spoken}; host-throttled or host-paused" if held[0].by == "unknown" else spoken


def _without(piece: Piece, left: Flags) -> Told:
    frames = f"{piece.weight[left].sum() * BLOCK_MS / FRAME_MS:g} frames"
    if piece.hop == "playout":
        words = f"{frames} that arrived in time and were not played, while NetEQ made up sound"
        return Told(reason="host-busy", chosen=left, note=words)
    note = {"lost": f"{frames} whose numbers are missing at the first capture", "late": f"{frames} that left late"}
    return Told(reason="host-busy", chosen=left, note=note.get(piece.kind, f"{frames} that the SDK took late"))
