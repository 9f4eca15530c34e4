"""Why the packets of a flow died on a link, when the kernel only counts for the whole link.

Law: every drop has its cause in a counter of its own. Where one counter moved between two readings, it is the cause of
every drop between them. Where the queue's and the random one both moved, the drops that would have filled the queue the
most are the queue's, as many as it counted: how full it was shows in how long the packet before had to wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from lab.analysis.joins import behind
from lab.analysis.links import Account, Span
from lab.analysis.scene import Scene, goes_up
from lab.analysis.streams import ABSENT, Ints
from lab.evidence.values import Packets

_IP_UDP = 17
_MOSTLY = 0.9
"""A change takes effect while it is being read: drops of the state before it may stand in the counters after it."""


def causes(scene: Scene, account: Account, dropped_ns: Ints) -> Mapping[str, int]:
    """Count the drops of a flow, given when each packet entered the link, per cause: random, queue, outage, blocked.

    A change takes effect while it is being read, so spans overlap there; the later one, in which the change is in
    force, comes first, and one in which nothing was counted takes none. A drop for which no counter moved has no cause
    here.
    """
    found: Counter[str] = Counter()
    for span in reversed(account.spans):
        inside = (dropped_ns > span.from_ns) & (dropped_ns <= span.to_ns)
        if inside.any() and span.random + span.queue + span.blocked > 0:
            found.update(_of_span(scene, account, span, dropped_ns[inside]))
            dropped_ns = dropped_ns[~inside]
    return dict(sorted(found.items()))


def _of_span(scene: Scene, account: Account, span: Span, mine: Ints) -> Mapping[str, int]:
    counted = {"random": span.random, "queue": span.queue, ("outage" if span.outage else "blocked"): span.blocked}
    moved = {cause: count for cause, count in counted.items() if count > 0}
    main = [cause for cause, count in moved.items() if count >= _MOSTLY * sum(moved.values())]
    if len(moved) == 1 or (main and main != ["random"] and main != ["queue"]):
        return {(main or list(moved))[0]: int(mine.size)}
    queued = int(np.isin(mine, _queue_drops(scene, account, span)).sum())
    return {cause: count for cause, count in (("queue", queued), ("random", int(mine.size) - queued)) if count}


def _queue_drops(scene: Scene, account: Account, span: Span) -> Ints:
    """Return when the packets entered that the full queue dropped: those that would have filled it the most."""
    before, after = _sides(scene, account, span)
    out_ns = behind(before, after)
    lost = np.flatnonzero(out_ns == ABSENT)
    latest = np.maximum.accumulate(np.where(out_ns == ABSENT, 0, np.arange(before.size)))[lost]
    queued_ns = out_ns[latest] - before["t_ns"][lost]  # until the one before had left
    own_ns = before["length"][lost] / account.configured.rate_bytes * 1e9
    fullest = lost[np.argsort(-(queued_ns + own_ns), kind="stable")[: span.queue]]
    return np.asarray(before["t_ns"][fullest], dtype=np.int64)


def _sides(scene: Scene, account: Account, span: Span) -> tuple[Packets, Packets]:
    seat = scene.seat(account.client)
    sides = (scene.outer(seat), scene.inner(seat))
    before, after = (
        side[(side["proto"] == _IP_UDP) & (goes_up(side, seat.ip) == (account.way == "up"))]
        for side in (sides if account.way == "up" else sides[::-1])
    )
    entered = (before["t_ns"] > span.from_ns) & (before["t_ns"] <= span.to_ns)
    return before[entered], after[after["t_ns"] > span.from_ns]
