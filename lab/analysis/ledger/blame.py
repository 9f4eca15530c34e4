"""Who may be blamed for what in one flow, before any of it is counted.

Law: a link whose witnesses disagree may not be blamed, nor a door of the server whose witnesses do; a server that had
no CPU is its load's. Pushes that came late while the publisher's container was paused or throttled are its host's and
not its program's.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.containers.holdups import Client, Holdup, during, held_ns, holdups, most_ns
from lab.analysis.containers.pushes import line_of, pushes
from lab.analysis.flows.case import Case
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.load import loaded
from lab.analysis.ledger.owners import Blame
from lab.analysis.values import Owner
from lab.analysis.wire.scene import Seat
from lab.analysis.wire.streams import Flags
from lab.evidence import names
from lab.pcm import BLOCK_MS

_MOSTLY = 0.5
_LOOK_NS = 250_000_000
"""Between two looks at a container."""
_MS = 1_000_000
_LEAD_NS = 500_000_000
_AFTERMATH_NS = 1_000_000_000
_TICK_NS = 40_000_000
"""What the SDK sends within two packets behind a holdup it had to make up for."""


def blame(case: Case, flow: Flow, held: tuple[Holdup, ...], listening: tuple[Holdup, ...]) -> Blame:
    """Return who owns what is lost where, `held` being the publisher's holdups, and `listening` the subscriber's."""

    def network(name: str, way: str, owner: Owner) -> Owner:
        link = case.link(name, way)
        return owner if link is not None and not link.undecided else Owner.UNDECIDED

    undecided = _undecided(case, flow)
    return Blame(
        server=Owner.UNDECIDED if undecided else Owner.SERVER,
        uplink=network(flow.publisher.name, "up", Owner.UPLINK),
        downlink=network(flow.subscriber.name, "down", Owner.DOWNLINK),
        held_back=_held_back(case, flow, held, had=False),
        kept_back=_held_back(case, flow, held, had=True),
        starved=_starved(flow, held),
        unhindered=_unhindered(case, flow, listening),
        loaded=None if undecided else loaded(case, flow),
    )


def _unhindered(case: Case, flow: Flow, listening: tuple[Holdup, ...]) -> Flags:
    """Mark the blocks that were read while the subscriber's container was watched, not held back, and had its CPU."""
    read_ns = flow.ear.place_ns if flow.ear else flow.made.due_ns
    host = case.hosts.get(names.container(flow.subscriber.name))
    if host is None or host.throttled_share(case.times.media_from_ns, case.until_ns) is None:
        return np.zeros(read_ns.size, np.bool_)
    waited = (Holdup(from_ns=span.from_ns, to_ns=span.to_ns, by="busy") for span in host.waited())
    return ~during((*listening, *waited), read_ns, _AFTERMATH_NS)


def _undecided(case: Case, flow: Flow) -> bool:
    at_door = case.door(flow)
    return at_door is not None and bool(at_door.undecided)


def held(case: Case, seat: Seat, *, steady: bool) -> tuple[Holdup, ...]:
    """Return when the container of the client at `seat` was held back; `steady` when it should send every 20 ms."""
    left = case.scene.evidence(seat.name)
    packets = case.scene.outer(seat)
    lags = [(line.pushed_ns, line.lag_ms) for line in left.frames if line.pushed_ns] if left else []
    lags += [(read.t_ns, read.lag_ms) for audio in (left.heard if left else ()) for read in audio.reads]
    seen = Client(
        sent_ns=packets["t_ns"][packets["src"] == seat.ip],
        lags=lags,
        host=case.hosts.get(names.container(seat.name)),
        ticks=case.ticks,
    )
    return holdups(seen, case.times.media_from_ns - _LEAD_NS, case.until_ns, steady=steady)


def _starved(flow: Flow, found: tuple[Holdup, ...]) -> Flags:
    """Mark the slots with silence of which, around them, the container may have been held back for half."""
    slots, before = flow.naming.silence_slot, flow.naming.silence_before
    _, which, count = np.unique(before, return_inverse=True, return_counts=True)
    lasts_ns, at_ns = BLOCK_MS * _MS * count[which], flow.journey.when()[slots]
    around = most_ns(found, at_ns - lasts_ns - _TICK_NS, at_ns + lasts_ns)
    starved = np.zeros(flow.journey.size, np.bool_)
    starved[slots[around >= _MOSTLY * lasts_ns]] = True
    return starved


def _held_back(case: Case, flow: Flow, found: tuple[Holdup, ...], *, had: bool) -> Flags:
    """Mark the blocks whose push was late while, for most of that time, the container was held back.

    Of that time it is asked by itself until late audio had come, and since it `had`, which is all of it where none came
    late. A quota holds it back for as much of a time as it withheld: 12 % of it explain no stall, but for one that is
    shorter than the time between two looks, in which all of that may have been.
    """
    left = case.scene.evidence(flow.publisher.name)
    lines = left.frames if left else ()
    push = pushes(lines)
    came_ns, had_ms = np.maximum(push.before_ns, push.came_ns), np.minimum(push.stood_ms, push.kept_ms)
    lasted_ms = had_ms if had else push.stood_ms - had_ms
    since_ns, until_ns = (came_ns, push.pushed_ns) if had else (push.before_ns, came_ns)
    half_ns, most = _MOSTLY * lasted_ms * _MS, most_ns(found, since_ns, until_ns)
    late = (push.late_ms > 0) & (lasted_ms > 0) & (most >= half_ns)
    for i in np.flatnonzero(late):
        from_ns, to_ns = int(since_ns[i]), int(until_ns[i])
        late[i] = to_ns - from_ns <= _LOOK_NS or held_ns(found, from_ns, to_ns) >= half_ns[i]
    return np.asarray(late[line_of(lines)], dtype=np.bool_)
