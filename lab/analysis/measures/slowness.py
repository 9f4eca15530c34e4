"""Whose delay is whose: what each part of the way took beyond the usual, per owner.

Law: a part's excess is its owner's: a late push the client's or its backend's, the way to the wire whoever put silence
before it and else the client host's, a wait for another copy that of the hop where the packet died, a hop that hop's.
What a jitter buffer holds it holds because packets came late: its excess is the owner's whose part was slowest. Where
none was slow, as much of it as sound was made up is theirs for whom the buffer made up most; the rest is nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.owners import NOBODY, OWNERS
from lab.analysis.values import Owner
from lab.analysis.way.delay import PARTS
from lab.analysis.way.journey import At
from lab.analysis.wire.streams import Ints
from lab.pcm import BLOCK_MS

Floats = NDArray[np.float64]

SLOW_MS = 10.0
"""What is slower by less is a quiet lab's own noise, and makes no buffer grow."""
_WORST = 0.99
_HOPS = ("uplink", "server", "downlink")
_DIED = {At.NOWHERE: "send", At.SENT: "uplink", At.UPLINKED: "uplink", At.SERVER_IN: "server",
         At.SERVER_OUT: "downlink", At.ROUTED: "downlink"}  # fmt: skip


def slowness(flow: Flow, loss: Damage, hop_owner: Mapping[str, Owner]) -> Mapping[Owner, Floats]:
    """Return per owner the ms that it added to each 10 ms of the window; NaN where that never arrived."""
    inside = flow.made.inside(flow.window)
    excess = flow.delays.excess_ms[inside]
    owners = np.stack([_push(flow)[inside], _send(loss), _repair(flow, hop_owner)[inside]], axis=1)
    hops = [np.full(excess.shape[0], _index(hop_owner, hop)) for hop in _HOPS]
    owners = np.column_stack([owners, *hops])
    slowest = _slowest(owners, excess)
    if slowest == NOBODY:
        slowest, made_up_ms = _waited_most(loss)
        excess = np.column_stack([excess[:, :-1], np.minimum(excess[:, -1], made_up_ms)])
    owners = np.column_stack([owners, np.full(excess.shape[0], slowest)])
    return {OWNERS[i]: np.where(owners == i, excess, 0.0).sum(axis=1) for i in np.unique(owners) if i != NOBODY}


def _index(hop_owner: Mapping[str, Owner], hop: str) -> int:
    return OWNERS.index(hop_owner.get(hop, Owner.UNDECIDED))


def _push(flow: Flow) -> Ints:
    return np.where(flow.made.late_source, OWNERS.index(Owner.BACKEND), OWNERS.index(Owner.CLIENT))


def _send(loss: Damage) -> Ints:
    """Return whose the wait for the wire is: silence that was put in keeps everything behind it waiting."""
    silence, rows = loss.silence, np.arange(loss.silence.count.size)
    latest = np.maximum.accumulate(np.where(silence.count > 0, rows, -1))
    return np.where(latest >= 0, silence.owner[np.maximum(latest, 0)], OWNERS.index(Owner.CLIENT_HOST))


def _repair(flow: Flow, hop_owner: Mapping[str, Owner]) -> Ints:
    """Return whose hop a block's own packet died in."""
    died = np.full(len(At) + 1, NOBODY, np.int64)
    for at, hop in _DIED.items():
        died[at] = _index(hop_owner, hop)
    own = flow.prediction.copies[0]
    return died[own[np.maximum(flow.made.slot, 0)]] if own.size else np.full(flow.made.slot.size, NOBODY)


def _waited_most(loss: Damage) -> tuple[int, float]:
    """Return the owner for whom the buffer made up most sound, and how many ms of it."""
    counts = [int(loss.made_up.of(i).sum()) for i in range(len(OWNERS))]
    return (int(np.argmax(counts)), float(BLOCK_MS * max(counts))) if any(counts) else (NOBODY, 0.0)


def _slowest(owners: Ints, excess: Floats) -> int:
    """Return the owner of the slowest part, of all but the last, which is the buffer itself."""
    before = excess[:, : PARTS.index("playout")]
    known = ~np.isnan(before).any(axis=1)
    if not known.any():
        return NOBODY
    worst = np.quantile(before[known], _WORST, axis=0)
    part = int(worst.argmax())
    return int(owners[known][before[known][:, part].argmax(), part]) if worst[part] >= SLOW_MS else NOBODY
