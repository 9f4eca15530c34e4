"""Silence that stands between the blocks on the wire, and whose it is.

Law: time missing once counts once: silence that fills the hole of a block that never went out is that block's loss.
Silence is whose fault its beginning is: the client's when the next block had not been pushed by then, and of that the
backend's for as long as the program itself did not have it, and its host's of either part for most of which the
container was held back; the client host's when the SDK had not got round to taking it, and the SDK's when it had.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.inserted import Inserted
from lab.analysis.ledger.kinds import unsaid
from lab.analysis.ledger.owners import NOBODY, OWNERS, Blame
from lab.analysis.values import Owner
from lab.analysis.wire.streams import Flags, Ints
from lab.pcm import BLOCK_MS

_LATE_PUSH_NS = 25_000_000
"""A packet holds the two 10 ms before it leaves, and takes some more to encode: pushed before that was in time."""


def silence(flow: Flow, inside: Flags, blame: Blame) -> Inserted:
    """Return the silence before each of the blocks that `inside` marks."""
    rows = np.flatnonzero(inside)
    count, owner = np.zeros(rows.size, np.int64), np.full(rows.size, NOBODY, np.int64)
    order = flow.made.order[rows]
    went = np.flatnonzero(order >= 0)
    owed = _owed((flow.made.slot < 0)[rows] & ~unsaid(flow)[rows])
    when = flow.journey.when()
    debt_at = np.searchsorted(order[went], flow.naming.silence_before)
    forgiven = 0
    for before, slot, at in zip(flow.naming.silence_before, flow.naming.silence_slot, debt_at, strict=True):
        if not 0 < at < went.size or order[went[at]] != before:
            continue
        row = int(went[at])
        if forgiven < int(owed[row]):
            forgiven += 1
            continue
        if not count[row]:
            owner[row] = OWNERS.index(_who(flow, blame, int(rows[row]), int(slot), int(when[slot])))
        count[row] += 1
    found = Inserted.of_one(count, owner)
    kept = np.minimum(count, np.rint(flow.made.kept_ms[rows] / BLOCK_MS)).astype(np.int64)
    waited = count - kept
    until, since = (np.False_ if one is None else one[rows] for one in (blame.held_back, blame.kept_back))
    found = found.moved(Owner.CLIENT, Owner.CLIENT_HOST, np.where(until, waited, 0) + np.where(since, kept, 0))
    return found.moved(Owner.CLIENT, Owner.BACKEND, np.where(until, 0, waited))


def _owed(never_sent: Flags) -> Ints:
    """Return per block how many never went out up to the next that did: a hole may lie before its silence or behind."""
    size = never_sent.size
    next_sent = np.minimum.accumulate(np.where(never_sent, size, np.arange(size))[::-1])[::-1]
    return np.concatenate(([0], np.cumsum(never_sent)))[next_sent]


def _who(flow: Flow, blame: Blame, block: int, slot: int, sent_ns: int) -> Owner:
    """Return whose the silence before `block` is, whose first packet, in `slot`, was sent at `sent_ns`."""
    needed_ns = sent_ns - _LATE_PUSH_NS
    if flow.made.pushed_ns[block] >= needed_ns:
        return Owner.CLIENT
    if blame.starved is not None and blame.starved[slot]:
        return Owner.CLIENT_HOST
    return Owner.CLIENT_HOST if flow.made.taken_ns[block] >= needed_ns else Owner.SDK
