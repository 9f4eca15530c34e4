"""Why a client lost audio, or had silence put in: its pushes, its event loop, its SDK and the machine it runs on.

Law: audio that was available late is the backend's; available in time and pushed late while the event loop lagged for
at least half of that, the loop was blocked; while it lagged for less than a fifth, the script was slow; in between it
is undecided. A push that kept its time can only have been too short a lead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.analysis.containers.pushes import Pushes, line_of, pushes
from lab.analysis.ledger.pieces import Piece, Story, Told, everything
from lab.analysis.wire.streams import Flags, Ints

Floats = NDArray[np.float64]

_PUNCTUAL_MS = 20.0
_BLOCKED, _FREE = 0.5, 0.2


def client(story: Story, piece: Piece) -> list[Told]:
    """Return what the sending or the listening program did."""
    match piece.fate:
        case "cut" | "withheld":
            return _muted(story, piece)
        case "unsubscribed":
            return _unsubscribed(story, piece)
        case "read":
            return _unread(story, piece)
    push, at = pushes(story.lines), line_of(story.lines)[piece.rows]
    return _unpushed(story, push, at) if piece.fate == "push" else _late(push, at)


def sdk(story: Story, piece: Piece) -> list[Told]:
    """Return what the SDK did to audio that it had taken."""
    if piece.kind == "silence":
        return everything(piece, "sdk-silence", f"silence on the wire for {piece.frames}, and it had taken the audio")
    return everything(piece, "sdk-content", f"{piece.frames} taken and never sent, the packets' numbers whole")


def _muted(story: Story, piece: Piece) -> list[Told]:
    """Return what a mute did to audio that had been pushed."""
    left = story.case.scene.evidence(story.flow.publisher.name)
    times = sum(event.name == "muted" for event in left.events) if left else 0
    return everything(
        piece, "muted", f"{piece.frames} were on their way at a mute or came too early after it, {times} x"
    )


def _unsubscribed(story: Story, piece: Piece) -> list[Told]:
    """Tell what came when the listener had left from what came before it was subscribed, or meanwhile."""
    left = story.flow.made.sent_ns[piece.rows] >= story.flow.pauses.listener_left_ns
    gone = f"{piece.frames_of(left)} sent when the listener had left"
    return _parted(
        (left, "end-cut", gone),
        (~left, "subscribed-late", f"{piece.frames_of(~left)} went by while nobody was subscribed"),
    )


def _unread(story: Story, piece: Piece) -> list[Told]:
    """Tell the end, behind the last 10 ms that was read, from what a slow reader's queue dropped."""
    ear = story.flow.ear
    ended = piece.rows > (int(np.flatnonzero(ear.sample >= 0).max(initial=-1)) if ear else piece.rows.max())
    behind = f"{piece.frames_of(ended)} behind the last that the program read"
    unread = f"{piece.frames_of(~ended)} that NetEQ delivered and the program did not read"
    return _parted((ended, "end-cut", behind), (~ended, "reader-slow", unread))


def backend(story: Story, piece: Piece) -> list[Told]:
    """Tell bursts, of which each line's audio comes with that of the next, from single late ones."""
    push, at = pushes(story.lines), line_of(story.lines)[piece.rows]
    late_ms = (np.maximum(push.available_ns, push.came_ns) - push.expected_ns)[at] / 1e6
    bursty = push.grouped[at]
    named = ((bursty, "backend-bursty", "bursts came"), (~bursty, "backend-late", "pushes waited for audio that came"))
    return [
        Told(
            reason=reason, chosen=chosen, note=f"{_lines(at, chosen)} {words} up to {late_ms[chosen].max():.0f} ms late"
        )
        for chosen, reason, words in named
        if chosen.any()
    ]


def _unpushed(story: Story, push: Pushes, at: Ints) -> list[Told]:
    refused = push.refused[at]
    error = min((line.error for line in story.lines if line.error), default="")
    never = f"{_lines(at, ~refused)} frames made and never pushed"
    return _parted(
        (refused, "push-refused", f"{_lines(at, refused)} pushes refused: {error}"), (~refused, "frames-dropped", never)
    )


def _parted(*parts: tuple[Flags, str, str]) -> list[Told]:
    """Return the parts that hold anything: what was chosen, the reason, the words."""
    return [Told(reason=reason, chosen=chosen, note=note) for chosen, reason, note in parts if chosen.any()]


def _late(push: Pushes, at: Ints) -> list[Told]:
    late_ms, lag_ms = push.late_ms[at], push.lag_ms[at]
    punctual = late_ms < _PUNCTUAL_MS
    waited_ms = np.where(push.stood_ms[at] < _PUNCTUAL_MS, late_ms, np.minimum(late_ms, push.stood_ms[at]))
    waited_ms = np.minimum(waited_ms, push.kept_ms[at])
    blocked = ~punctual & (lag_ms >= _BLOCKED * waited_ms)
    free = ~punctual & (lag_ms < _FREE * waited_ms)
    small = punctual & (push.lead_ms < push.length_ms)
    found = [
        ("loop-blocked", blocked, "while the event loop lagged {lag:.0f} ms"),
        ("script-slow", free, "while the event loop was free (it lagged {lag:.0f} ms at most)"),
        (
            "buffer-too-small",
            small,
            f"with {max(0.0, push.lead_ms):.0f} ms ahead, which is less than the {push.length_ms:g} ms of one",
        ),
        (
            "undecided",
            ~(blocked | free | small),
            "while the event loop lagged {lag:.0f} ms: loop-blocked or script-slow",
        ),
    ]
    return [
        Told(reason=reason, chosen=chosen, note=_spoken(at, chosen, waited_ms) + words.format(lag=lag_ms[chosen].max()))
        for reason, chosen, words in found
        if chosen.any()
    ]


def _spoken(at: Ints, chosen: Flags, late_ms: Floats) -> str:
    return f"{_lines(at, chosen)} pushes late by up to {max(0.0, late_ms[chosen].max()):.0f} ms "


def _lines(at: Ints, chosen: Flags) -> int:
    return int(np.unique(at[chosen]).size)
