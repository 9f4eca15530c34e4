"""Each 10 ms of a window: came through, lost to whom, or preceded by silence that was nobody's audio.

Law: two kinds of damage, audio lost and silence inserted, both missing time. Time missing once counts once: silence
that fills the hole of a block that never went out is that block's loss. Silence is whose fault its beginning is: the
client's when the next block had not been pushed by then, the backend's when the program itself did not have it, the
client host's when the SDK had not got round to taking it, and the SDK's when it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.fates import FATES, fates
from lab.analysis.ledger.kinds import CLIENTS, KINDS
from lab.analysis.values import Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.streams import Flags, Ints
from lab.pcm import BLOCK_MS

OWNERS = tuple(Owner)
_NOBODY = -1
_LATE_PUSH_NS = 25_000_000
"""A packet holds the two 10 ms before it leaves, and takes some more to encode: pushed before that was in time."""


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Who owns what is lost at a fate, as evidence about hosts and witnesses decides.

    `held_back` marks the blocks that were pushed late because the publisher's container was paused or throttled,
    `starved` the slots during which it was.
    """

    server: Owner
    uplink: Owner
    downlink: Owner
    held_back: Flags | None = None
    starved: Flags | None = None

    def owner(self, fate: str) -> Owner:
        """Return who owns a loss with that fate."""
        fixed = {"push": Owner.CLIENT, "content": Owner.SDK, "send": Owner.CLIENT_HOST, "unexplained": Owner.UNDECIDED}
        fixed |= {"playout": Owner.CLIENT_HOST, "read": Owner.CLIENT, "untold": Owner.UNDECIDED}
        fixed |= dict.fromkeys(CLIENTS, Owner.CLIENT) | dict.fromkeys(("downlink", "unsignalled"), self.downlink)
        return {**fixed, "server": self.server, "uplink": self.uplink}[fate]


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A row per block made in the window.

    Its fate (index in FATES), whether that is for being late, whose loss it is (index in OWNERS, -1 none), and how many
    10 ms of silence were inserted before it, with their owner.
    """

    fate: Ints
    late: Flags
    lost_to: Ints
    silence: Ints
    silence_by: Ints

    @property
    def made_frames(self) -> float:
        """How many frames were made."""
        return self.fate.size * FRAMES_PER_BLOCK

    def frames(self, chosen: Flags) -> float:
        """Return `chosen` blocks as frames."""
        return float(chosen.sum()) * FRAMES_PER_BLOCK

    def missing(self, without: frozenset[Owner] = frozenset()) -> Ints:
        """Return per block the 10 ms that are missing at it, all damage of `without` taken away."""
        gone = [OWNERS.index(owner) for owner in without] + [_NOBODY]
        return (~np.isin(self.lost_to, gone)).astype(np.int64) + np.where(
            np.isin(self.silence_by, gone), 0, self.silence
        )

    def by_owner(self) -> Mapping[Owner, float]:
        """Return the share of the intended time that each owner cost."""
        size = max(1, self.fate.size)
        shares = {
            owner: float(((self.lost_to == i).sum() + self.silence[self.silence_by == i].sum()) / size)
            for i, owner in enumerate(OWNERS)
        }
        return {owner: share for owner, share in shares.items() if share > 0}

    def inserted_ms(self) -> Mapping[Owner, float]:
        """Return the inserted silence in ms per owner."""
        sums = {owner: float(self.silence[self.silence_by == i].sum()) for i, owner in enumerate(OWNERS)}
        return {owner: count * BLOCK_MS for owner, count in sums.items() if count > 0}


def damage(flow: Flow, blame: Blame) -> Damage:
    """Settle every block of the flow's window."""
    inside = flow.made.inside(flow.window)
    fate, late = fates(flow)
    fate, late = fate[inside], late[inside]
    nobodys = ("decodable", *KINDS)
    owners = np.array([_NOBODY if name in nobodys else OWNERS.index(blame.owner(name)) for name in FATES])
    lost_to = owners[fate]
    lost_to = np.where(
        (fate == FATES.index("push")) & flow.made.late_source[inside], OWNERS.index(Owner.BACKEND), lost_to
    )
    silence, silence_by = _silence(flow, inside, blame)
    return Damage(fate=fate, late=late, lost_to=lost_to, silence=silence, silence_by=silence_by)


def _silence(flow: Flow, inside: Flags, blame: Blame) -> tuple[Ints, Ints]:
    """Return per block of the window how many 10 ms of silence stand before it, and whose they are."""
    rows = np.flatnonzero(inside)
    count, owner = np.zeros(rows.size, np.int64), np.full(rows.size, _NOBODY, np.int64)
    order = flow.made.order[rows]
    went = np.flatnonzero(order >= 0)
    owed = _owed(flow.made.slot[rows] < 0)
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
    return count, owner


def _owed(never_sent: Flags) -> Ints:
    """Return per block how many never went out up to the next that did: a hole may lie before its silence or behind."""
    size = never_sent.size
    next_sent = np.minimum.accumulate(np.where(never_sent, size, np.arange(size))[::-1])[::-1]
    return np.concatenate(([0], np.cumsum(never_sent)))[next_sent]


def _who(flow: Flow, blame: Blame, block: int, slot: int, sent_ns: int) -> Owner:
    """Return whose the silence before `block` is, whose first packet, in `slot`, was sent at `sent_ns`."""
    needed_ns = sent_ns - _LATE_PUSH_NS
    late = flow.made.pushed_ns[block] >= needed_ns
    stopped = blame.held_back if late else blame.starved
    if stopped is not None and stopped[block if late else slot]:
        return Owner.CLIENT_HOST
    if late:
        return Owner.BACKEND if flow.made.late_source[block] else Owner.CLIENT
    return Owner.CLIENT_HOST if flow.made.taken_ns[block] >= needed_ns else Owner.SDK
