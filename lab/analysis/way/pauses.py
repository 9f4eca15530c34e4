"""When a flow was not meant to carry sound: its publisher had muted, or its listener was not subscribed.

Law: only what a client itself wrote down counts, and only where the wire agrees: a muted slot is one between the mute
and its end that was sent as silence or not at all. Without events there was no pause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.way.journey import At, Journey
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import ClientEvidence, Event
from lab.pcm import SILENT_LEVEL

FOREVER = int(np.iinfo(np.int64).max)
SIGNAL_NS = 1_000_000_000
"""How long a server may take to hear of the end of a mute, and a listener to get its first packet."""
_ENDS = frozenset({"unpublished", "disconnected", "done"})


@dataclass(frozen=True, kw_only=True)
class Spell:
    """From when to when something lasted, t_ns."""

    from_ns: int
    to_ns: int

    def and_then(self, length_ns: int) -> Spell:
        """Return the spell with `length_ns` more at its end; one without an end has none then either."""
        return self if self.to_ns == FOREVER else Spell(from_ns=self.from_ns, to_ns=self.to_ns + length_ns)


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """What the clients' events say.

    `left_ns` is when the first of the two left or let go for good, `listener_left_ns` when the listener left.
    `listener_ended_ns` is when it left or let go for good, or, killed before it could say so, when its statistics end.
    """

    muted: tuple[Spell, ...]
    unsubscribed: tuple[Spell, ...]
    left_ns: int
    listener_left_ns: int = FOREVER
    listener_ended_ns: int = FOREVER

    def quiet(self, journey: Journey) -> Flags:
        """Mark the slots that a mute silenced in the sender."""
        silent = journey.left_out | (journey.level >= SILENT_LEVEL)
        return silent & within(journey.when(), self.muted)

    def unanswered(self, journey: Journey) -> Flags:
        """Mark the slots that were at the server while a mute was in force there, or its end not heard of yet."""
        into = journey.t_ns[:, At.SERVER_IN]
        there = np.where(into == ABSENT, journey.when(), into)
        return within(there, [spell.and_then(SIGNAL_NS) for spell in self.muted])

    def apart(self, journey: Journey) -> Flags:
        """Mark, for each time the listener was not subscribed, the longest stretch without a forwarded packet.

        The listener's program may hear of a subscription later than the server, or never.
        """
        marked = np.zeros(journey.size, np.bool_)
        for spell in self.unsubscribed:
            marked |= _unforwarded(journey, spell)
        return marked

    def again(self, journey: Journey) -> tuple[tuple[Spell, Flags], ...]:
        """Return each such time, and mark what the server had begun to forward again in it."""
        found = []
        for spell in self.unsubscribed:
            stretch = np.flatnonzero(_unforwarded(journey, spell))
            behind = np.arange(journey.size) > (stretch[-1] if stretch.size else journey.size)
            found.append((spell, behind & journey.seen(At.SERVER_OUT) & within(journey.when(), [spell])))
        return tuple(found)


def pauses(source: ClientEvidence, listener: ClientEvidence) -> Pauses:
    """Read the events of `source` and, about it, of `listener`."""
    about = [event for event in listener.events if event.detail.get("publisher", source.name) == source.name]
    apart = _spells(about, "unsubscribed", "subscribed", open_ns=0 if _begins(about, "subscribed") else None)
    source_left_ns, listener_left_ns = (
        min((event.t_ns for event in one.events if event.name in _ENDS), default=FOREVER) for one in (source, listener)
    )
    gone_ns = min((spell.from_ns for spell in apart if spell.to_ns == FOREVER), default=FOREVER)
    last_ns = max((sample.t_ns for sample in listener.inbound), default=FOREVER)
    ended_ns = min(listener_left_ns, gone_ns)
    return Pauses(
        muted=_spells(source.events, "muted", "unmuted"),
        unsubscribed=apart,
        left_ns=min(source_left_ns, ended_ns),
        listener_left_ns=listener_left_ns,
        listener_ended_ns=last_ns if ended_ns == FOREVER else ended_ns,
    )


def within(t_ns: Ints, spells: Sequence[Spell]) -> Flags:
    """Mark the times inside any of `spells`."""
    inside = np.zeros(t_ns.size, np.bool_)
    for spell in spells:
        inside |= (t_ns >= spell.from_ns) & (t_ns < spell.to_ns)
    return inside


def _unforwarded(journey: Journey, spell: Spell) -> Flags:
    """Mark the longest stretch without a forwarded packet that reaches into `spell`."""
    out, slots, when = np.flatnonzero(journey.seen(At.SERVER_OUT)), np.arange(journey.size), journey.when()
    inside = np.flatnonzero(within(when, [spell]))
    if not inside.size:
        return np.zeros(slots.size, np.bool_)
    edges = np.concatenate(([-1], out, [slots.size]))
    shared = np.minimum(edges[1:], inside[-1] + 1) - np.maximum(edges[:-1] + 1, inside[0])
    at = int(shared.argmax())
    in_gap = (slots > edges[at]) & (slots < edges[at + 1])
    return np.asarray(in_gap & (when < spell.and_then(SIGNAL_NS).to_ns), dtype=np.bool_)


def _begins(events: Sequence[Event], name: str) -> bool:
    """Say whether of `name` and its opposite, `name` comes first."""
    return next((event.name for event in events if event.name in (name, f"un{name}")), "") == name


def _spells(events: Sequence[Event], begin: str, end: str, open_ns: int | None = None) -> tuple[Spell, ...]:
    """Return the spells from each `begin` to the next `end`; `open_ns` when one had begun before the first event."""
    found: list[Spell] = []
    for event in events:
        if event.name == begin and open_ns is None:
            open_ns = event.t_ns
        elif event.name == end and open_ns is not None:
            found.append(Spell(from_ns=open_ns, to_ns=event.t_ns))
            open_ns = None
    return tuple(found) if open_ns is None else (*found, Spell(from_ns=open_ns, to_ns=FOREVER))
