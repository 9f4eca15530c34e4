"""Why the packets of a flow died on a link, when the kernel only counts for the whole link.

Law: every drop has its cause in a counter of its own. Where one counter moved between two readings, it is the cause of
every drop between them. Where the queue's and the random one both moved, the drops that would have filled the queue the
most are the queue's, as many as it counted: how full it was shows in how long the packet before had to wait. What the
sink took is an outage where nothing passed that way from the first drop to the last, and else a block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lab.analysis.network.links import Account, Span
from lab.analysis.wire.joins import behind
from lab.analysis.wire.scene import Scene, goes_up
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import Packets

Names = NDArray[np.str_]

_IP_UDP = 17
_MOSTLY = 0.9
"""A change takes effect while it is being read: drops of the state before it may stand in the counters after it."""
_MS = 1_000_000
_EDGE_MS = 50.0
"""What entered before the link died may still come out, this much later than the link holds it at most."""


def causes(scene: Scene, account: Account, dropped_ns: Ints) -> Mapping[str, int]:
    """Count the drops of a flow, given when each packet entered the link, per cause: random, queue, outage, blocked."""
    found = Counter(name for name in named(scene, account, dropped_ns).tolist() if name)
    return dict(sorted(found.items()))


def named(scene: Scene, account: Account, dropped_ns: Ints) -> Names:
    """Return the cause of each drop, given when each packet entered the link; empty where no counter moved.

    A change takes effect while it is being read, so spans overlap there; the later one, in which the change is in
    force, comes first, and one in which nothing was counted takes none.
    """
    found = np.full(dropped_ns.size, "", "<U8")
    for span in reversed(account.spans):
        inside = (found == "") & (dropped_ns > span.from_ns) & (dropped_ns <= span.to_ns)
        if inside.any() and span.random + span.queue + span.blocked > 0:
            found[inside] = _of_span(scene, account, span, dropped_ns[inside])
    return found


def _of_span(scene: Scene, account: Account, span: Span, mine: Ints) -> Names | str:
    counted = {"random": span.random, "queue": span.queue, "sink": span.blocked}
    moved = {cause: count for cause, count in counted.items() if count > 0}
    main = [cause for cause, count in moved.items() if count >= _MOSTLY * sum(moved.values())]
    if len(moved) == 1 or main == ["sink"]:
        only = (main or list(moved))[0]
        return _sunk(scene, account, span, mine) if only == "sink" else only
    queued = np.isin(mine, _queue_drops(scene, account, span))
    return np.where(queued, "queue", "random")


def _sunk(scene: Scene, account: Account, span: Span, mine: Ints) -> str:
    if not span.outage:
        return "blocked"
    _, after = _sides(scene, account)
    from_ns = mine.min() + int((account.configured.longest_ms + _EDGE_MS) * _MS)
    passed = (after["t_ns"] > from_ns) & (after["t_ns"] < mine.max())
    return "blocked" if passed.any() else "outage"


def _queue_drops(scene: Scene, account: Account, span: Span) -> Ints:
    """Return when the packets entered that the full queue dropped: those that would have filled it the most."""
    before, after = _sides(scene, account)
    before = before[_udp(before) & (before["t_ns"] > span.from_ns) & (before["t_ns"] <= span.to_ns)]
    after = after[_udp(after) & (after["t_ns"] > span.from_ns)]
    out_ns = behind(before, after)
    lost = np.flatnonzero(out_ns == ABSENT)
    latest = np.maximum.accumulate(np.where(out_ns == ABSENT, 0, np.arange(before.size)))[lost]
    queued_ns = out_ns[latest] - before["t_ns"][lost]  # until the one before had left
    own_ns = before["length"][lost] / account.configured.rate_bytes * 1e9
    fullest = lost[np.argsort(-(queued_ns + own_ns), kind="stable")[: span.queue]]
    return np.asarray(before["t_ns"][fullest], dtype=np.int64)


def crossing(scene: Scene, account: Account) -> Packets:
    """Return every IPv4 packet that entered this direction of the link."""
    return _sides(scene, account)[0]


def _sides(scene: Scene, account: Account) -> tuple[Packets, Packets]:
    """Return the IPv4 packets of this direction before and behind the bump."""
    seat = scene.seat(account.client)
    sides = (scene.outer(seat), scene.inner(seat))
    before, after = (
        side[(side["proto"] != 0) & (goes_up(side, seat.ip) == (account.way == "up"))]
        for side in (sides if account.way == "up" else sides[::-1])
    )
    return before, after


def _udp(packets: Packets) -> Flags:
    return np.asarray(packets["proto"] == _IP_UDP, dtype=np.bool_)
