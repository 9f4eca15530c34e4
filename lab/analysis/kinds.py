"""What became of audio that nothing lost: left out by DTX, muted, before the first or after the last that was heard.

Law: a kind needs positive evidence. DTX: it was asked for, and the sender's clock went on while its numbers did not.
Mute: the client's own event, pushed after it, silence on the wire or a server that forwarded nothing. Start-up: nothing
had been forwarded to this listener yet. Tail: one of the two had left. Start-up and tail are kinds up to 500 ms
together, else they are damage. What was on its way when a mute began (`cut`), or came too early after it (`withheld`),
and what a listener missed who was not subscribed (`unsubscribed`) are the clients' damage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab.analysis.journey import At, Journey
from lab.analysis.pauses import within
from lab.analysis.streams import ABSENT, Flags, Ints
from lab.marks import BLOCK_MS, SILENT_LEVEL

if TYPE_CHECKING:
    from lab.analysis.flow import Flow

KINDS = ("dtx", "mute", "start-up", "tail")
"""No loss."""
CLIENTS = ("cut", "withheld", "unsubscribed")
"""The clients' damage."""
HOPS = {"content": "send", "cut": "send", "withheld": "server", "unsubscribed": "server"}
"""The hop of a fate that is not called the same."""
BOOKED = (*KINDS, *CLIENTS)
MOST_EDGES_MS = 500
_SIGNAL_NS = 1_000_000_000
"""How long a server may take to hear of the end of a mute, and a listener to get its first packet."""
_DRAIN_NS = 500_000_000
_NONE = -1


def booked(flow: Flow) -> Ints:
    """Return per block made the index in BOOKED of what became of it, -1 where none of these did."""
    made, journey, pauses = flow.made, flow.journey, flow.pauses
    on_wire, slot = made.slot >= 0, np.maximum(made.slot, 0)
    found = np.full(made.slot.size, _NONE, np.int64)
    if not journey.size:
        return found
    held = on_wire & (flow.prediction.reached == At.SERVER_IN)[slot]
    muting = within(made.pushed_ns, pauses.muted) | (made.level >= SILENT_LEVEL)
    unanswered = held & within(_at_server(journey), [one.and_then(_SIGNAL_NS) for one in pauses.muted])[slot]
    _book(found, "unsubscribed", held & _apart(flow)[slot])
    _book(found, "withheld", unanswered & ~muting)
    _book(found, "mute", unanswered & muting)
    _book(found, "dtx", on_wire & flow.left_out[slot])
    _book(found, "cut", on_wire & flow.quiet[slot] & ~muting)
    _book(found, "mute", on_wire & flow.quiet[slot] & muting)
    _edges(flow, found, held)
    return found


def _at_server(journey: Journey) -> Ints:
    """Return per slot when it went into the server, or was sent where that is not known."""
    into = journey.t_ns[:, At.SERVER_IN]
    return np.where(into == ABSENT, journey.when(), into)


def _book(found: Ints, name: str, chosen: Flags) -> None:
    found[chosen] = BOOKED.index(name)


def _apart(flow: Flow) -> Flags:
    """Mark the slots of each stretch without a forwarded packet in which the listener was not subscribed."""
    out = np.flatnonzero(flow.journey.seen(At.SERVER_OUT))
    when, slots = flow.journey.when(), np.arange(flow.journey.size)
    marked = np.zeros(slots.size, np.bool_)
    for spell in flow.pauses.unsubscribed:
        inside = np.flatnonzero(within(when, [spell]))
        if inside.size:
            at = int(np.searchsorted(out, inside[inside.size // 2]))
            first, end = int(out[at - 1]) + 1 if at else 0, int(out[at]) if at < out.size else slots.size
            marked |= (slots >= first) & (slots < end) & (when < spell.and_then(_SIGNAL_NS).to_ns)
    return marked


def _edges(flow: Flow, found: Ints, held: Flags) -> None:
    """Book what lies before the first forwarded packet and behind the last received, if it is little."""
    journey, made = flow.journey, flow.made
    inside = made.inside(flow.window)
    out, arrived = (np.flatnonzero(journey.seen(at)) for at in (At.SERVER_OUT, At.RECEIVED))
    first = int(out[0]) if out.size else journey.size
    last = int(arrived[-1]) if arrived.size else -1
    early = inside & held & (made.slot < first)
    gone = made.sent_ns >= flow.pauses.left_ns - _DRAIN_NS
    late = inside & gone & ((made.slot > last) | (made.pushed & (made.slot < 0)))
    if BLOCK_MS * int((early | late).sum()) <= MOST_EDGES_MS:
        _book(found, "start-up", early)
        _book(found, "tail", late)
