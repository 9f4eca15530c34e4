"""Whose delay is whose: what each part of the way took beyond the usual, per owner.

Law: a part's excess is its owner's: a late push the client's or its backend's, the way to the wire whoever put silence
before it and else the client host's, a wait for another copy that of the hop where the packet died, a hop that hop's.
What a jitter buffer holds it holds because packets came late: as much as sound was made up for somebody is theirs, and
the rest the owner's whose part was slowest; nobody's where none was slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.owners import NOBODY, OWNERS
from lab.analysis.values import Owner
from lab.analysis.way.journey import At
from lab.analysis.wire.streams import Ints
from lab.pcm import BLOCK_MS

Floats = NDArray[np.float64]

SLOW_MS = 10.0
"""What is slower by less is a quiet lab's own noise, and makes no buffer grow."""
_WORST = 0.99
CROSSED = ("send", "uplink", "server", "downlink")
"""The hops that packets cross."""
_DIED = {At.NOWHERE: "send", At.SENT: "uplink", At.UPLINKED: "uplink", At.SERVER_IN: "server",
         At.SERVER_OUT: "downlink", At.ROUTED: "downlink"}  # fmt: skip


def slowness(flow: Flow, loss: Damage, hop_owner: Mapping[str, Ints]) -> Mapping[Owner, Floats]:
    """Return per owner the ms that it added to each 10 ms of the window; NaN where that never arrived.

    `hop_owner` is per hop of CROSSED and slot whose it is, as an index in OWNERS.
    """
    inside = flow.made.inside(flow.window)
    excess = flow.delays.excess_ms[inside]
    owners = np.stack([_push(flow)[inside], _send(loss), _repair(flow, hop_owner)[inside]], axis=1)
    slot = np.maximum(flow.made.slot[inside], 0)
    hops = [hop_owner[hop][slot] for hop in CROSSED[1:]]
    owners, before = np.column_stack([owners, *hops]), excess[:, :-1]
    found = {i: np.where(owners == i, before, 0.0).sum(axis=1) for i in np.unique(owners)}
    for i, ms in _playout(excess[:, -1], loss, _slowest(owners, before)):
        found[i] = found.get(i, 0.0) + ms
    return {OWNERS[i]: ms for i, ms in found.items() if i != NOBODY}


def _playout(excess: Floats, loss: Damage, slowest: int) -> Iterator[tuple[int, Floats]]:
    """Yield what a buffer holds by owner: as much as was made up by then for each, and the rest the slowest part's."""
    made_up = [np.cumsum(loss.made_up.of(i)) * float(BLOCK_MS) for i in range(len(OWNERS))]
    left = excess
    for i in sorted(range(len(OWNERS)), key=lambda i: -float(made_up[i].max(initial=0.0))):
        if made_up[i].any():
            yield i, np.minimum(left, made_up[i])
            left = np.maximum(left - made_up[i], 0.0)
    yield slowest, left


def _push(flow: Flow) -> Ints:
    return np.where(flow.made.late_source, OWNERS.index(Owner.BACKEND), OWNERS.index(Owner.CLIENT))


def _send(loss: Damage) -> Ints:
    """Return whose the wait for the wire is: silence that was put in keeps everything behind it waiting."""
    silence, rows = loss.silence, np.arange(loss.silence.count.size)
    latest = np.maximum.accumulate(np.where(silence.count > 0, rows, -1))
    return np.where(latest >= 0, silence.most[np.maximum(latest, 0)], OWNERS.index(Owner.CLIENT_HOST))


def _repair(flow: Flow, hop_owner: Mapping[str, Ints]) -> Ints:
    """Return whose hop a block's own packet died in."""
    own = flow.prediction.copies[0]
    died = np.full(own.size, NOBODY, np.int64)
    for at, hop in _DIED.items():
        died = np.where(own == at, hop_owner[hop], died)
    return died[np.maximum(flow.made.slot, 0)] if own.size else np.full(flow.made.slot.size, NOBODY)


def _slowest(owners: Ints, before: Floats) -> int:
    """Return the owner of the slowest part, of all but the last, which is the buffer itself."""
    known = ~np.isnan(before).any(axis=1)
    if not known.any():
        return NOBODY
    worst = np.quantile(before[known], _WORST, axis=0)
    part = int(worst.argmax())
    return int(owners[known][before[known][:, part].argmax(), part]) if worst[part] >= SLOW_MS else NOBODY
