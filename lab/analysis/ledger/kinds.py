"""What became of audio that nothing lost: left out by DTX, muted, before the first or after the last that was heard.

Law: a kind needs positive evidence. DTX: it was asked for, and the sender's clock went on while its numbers did not.
Mute: the client's own event, its turn to be pushed after it, silence on the wire or a server that forwarded nothing.
Start-up: nothing had been forwarded to this listener yet. Tail: one of the two had left, or the audio had not come to
its turn when the listener stopped. Start-up and tail are kinds up to 500 ms together, else they are damage; what was
under way, by the delay that the last frames had, is no damage, and more of it than 500 ms is not measured (`limits`).
What was on its way when a mute began (`cut`), or came too early after it (`withheld`), and what a listener missed who
was not subscribed, or had left (`unsubscribed`), are the clients' damage. What came to a listener whose program was not
told of it in time is the link's where that held up what the server told (`unsignalled`), and else nobody's (`untold`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.analysis.way.journey import At
from lab.analysis.way.pauses import within
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.pcm import BLOCK_MS, SILENT_LEVEL

if TYPE_CHECKING:
    from lab.analysis.flows.flow import Flow

KINDS = ("dtx", "mute", "start-up", "tail")
"""No loss."""
CLIENTS = ("cut", "withheld", "unsubscribed")
"""The clients' damage."""
UNTOLD = ("unsignalled", "untold")
"""The link's damage, and nobody's."""
HOPS = {"content": "send", "cut": "send", "withheld": "server", "unsubscribed": "server", "unsignalled": "downlink",
        "untold": "playout"}  # fmt: skip
"""The hop of a fate that is not called the same."""
BOOKED = (*KINDS, *CLIENTS, *UNTOLD)
MOST_EDGES_MS = 500
_FADE_SLOTS = 3
_DRAIN_NS = 500_000_000
_LAST = 10
"""Packets whose median says how long the server and the way behind it took at the end."""
_NONE = -1


def booked(flow: Flow) -> Ints:
    """Return per block made the index in BOOKED of what became of it, -1 where none of these did."""
    made, journey, pauses = flow.made, flow.journey, flow.pauses
    on_wire, slot = made.slot >= 0, np.maximum(made.slot, 0)
    found = np.full(made.slot.size, _NONE, np.int64)
    if not journey.size:
        return found
    held = on_wire & (flow.prediction.reached == At.SERVER_IN)[slot]
    muting = _muting(flow)
    unanswered = held & pauses.unanswered(journey)[slot]
    _book(found, "unsubscribed", held & pauses.apart(journey)[slot])
    arrived = on_wire & flow.prediction.decodable[slot]
    _book(found, "unsubscribed", arrived & flow.untold.joining[slot])
    _book(found, "unsignalled", arrived & flow.untold.held_up[slot])
    _book(found, "untold", arrived & flow.untold.unclear[slot])
    _book(found, "withheld", unanswered & ~muting)
    _book(found, "mute", unanswered & muting)
    _book(found, "dtx", on_wire & flow.left_out[slot])
    _book(found, "cut", on_wire & flow.quiet[slot] & ~muting)
    _book(found, "mute", on_wire & flow.quiet[slot] & muting)
    _book(found, "mute", unsaid(flow))
    _edges(flow, found, held)
    return found


def faded(flow: Flow) -> Ints:
    """Return per block the index in BOOKED of what it is if the ear misses it: beside a mute sound fades; else -1.

    The sender fades out and in, and a jitter buffer joins what came before to what comes after.
    """
    found = np.full(flow.made.slot.size, _NONE, np.int64)
    if flow.quiet.any():
        beside = np.flatnonzero(flow.quiet)[:, None] + np.arange(-1, _FADE_SLOTS + 1)
        near = (flow.made.slot >= 0) & np.isin(flow.made.slot, beside)
        _book(found, "cut", near)
        _book(found, "mute", near & _muting(flow))
    return found


def unsaid(flow: Flow) -> Flags:
    """Mark the blocks never pushed that had their turn in a mute, and their hole in its silence on the wire."""
    made, when = flow.made, flow.journey.when()
    there = np.maximum(np.searchsorted(when, made.due_ns, side="right") - 1, 0)
    silent: Flags = flow.quiet[there] if when.size else np.zeros(made.slot.size, np.bool_)
    return ~made.pushed & _muting(flow) & silent


def _muting(flow: Flow) -> Flags:
    """Mark the blocks that nobody meant to be heard: pushed while muted, or to be pushed then, or silence."""
    return within(flow.made.turn_ns, flow.pauses.muted) | (flow.made.level >= SILENT_LEVEL)


def _book(found: Ints, name: str, chosen: Flags) -> None:
    found[chosen] = BOOKED.index(name)


def _edges(flow: Flow, found: Ints, held: Flags) -> None:
    """Book what lies before the first forwarded packet and behind the last received, if it is little."""
    journey, made = flow.journey, flow.made
    inside = made.inside(flow.window)
    out, arrived = (np.flatnonzero(journey.seen(at)) for at in (At.SERVER_OUT, At.RECEIVED))
    first = int(out[0]) if out.size else journey.size
    last = int(arrived[-1]) if arrived.size else -1
    early = inside & held & (made.slot < first)
    behind = inside & ((made.slot > last) | (made.pushed & (made.slot < 0)))
    late = behind & (made.sent_ns >= flow.pauses.left_ns - _DRAIN_NS)
    if BLOCK_MS * int((early | late).sum()) <= MOST_EDGES_MS:
        _book(found, "start-up", early)
        _book(found, "tail", late)
    unbooked = inside & held & (found == _NONE)
    _book(found, "unsubscribed", unbooked & (made.sent_ns >= flow.pauses.listener_left_ns))
    _book(found, "tail", unbooked & behind & _under_way(flow, arrived))


def _under_way(flow: Flow, arrived: Ints) -> Flags:
    """Mark the blocks whose packet was in the server, and would have arrived after the listener had left.

    By how long the last packets before, the slots `arrived`, took from there.
    """
    t_ns, slot = flow.journey.t_ns, np.maximum(flow.made.slot, 0)
    seen = arrived[t_ns[arrived, At.SERVER_IN] != ABSENT][-_LAST:]
    if not seen.size:
        return np.zeros(slot.size, np.bool_)
    took_ns = int(np.median(t_ns[seen, At.RECEIVED] - t_ns[seen, At.SERVER_IN]))
    into, left_ns = t_ns[slot, At.SERVER_IN], flow.pauses.listener_ended_ns
    return np.asarray((into != ABSENT) & (into < left_ns) & (into >= left_ns - took_ns), np.bool_)
