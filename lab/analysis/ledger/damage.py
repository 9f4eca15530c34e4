"""Each 10 ms of a window: came through, lost to whom, or preceded by what was nobody's audio.

Law: three kinds of damage, all of them missing time: audio lost, silence inserted on the wire, and sound that a jitter
buffer made up between what it played. Time missing once counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.fates import FATES, fates
from lab.analysis.ledger.inserted import Inserted
from lab.analysis.ledger.kinds import KINDS
from lab.analysis.ledger.owners import NOBODY, OWNERS, Blame
from lab.analysis.ledger.silence import silence
from lab.analysis.ledger.waited import Waited, waited
from lab.analysis.values import Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.streams import Flags, Ints


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A row per block made in the window.

    Its fate (index in FATES), whether that is for being late, whose loss it is (index in OWNERS, -1 none), what stands
    before it: silence on the wire, and sound that the jitter buffer made up while it waited, and for what.
    """

    fate: Ints
    late: Flags
    lost_to: Ints
    silence: Inserted
    made_up: Inserted
    waited: Waited

    @property
    def made_frames(self) -> float:
        """How many frames were made."""
        return self.fate.size * FRAMES_PER_BLOCK

    def frames(self, chosen: Flags) -> float:
        """Return `chosen` blocks as frames."""
        return float(chosen.sum()) * FRAMES_PER_BLOCK

    def missing(self, without: frozenset[Owner] = frozenset()) -> Ints:
        """Return per block the 10 ms that are missing at it, all damage of `without` taken away."""
        gone = [OWNERS.index(owner) for owner in without] + [NOBODY]
        return (~np.isin(self.lost_to, gone)).astype(np.int64) + self.inserted(without)

    def inserted(self, without: frozenset[Owner] = frozenset()) -> Ints:
        """Return per block the 10 ms that were inserted before it, all that `without` did taken away."""
        return self.silence.without(without) + self.made_up.without(without)

    def assigned(self, owner: Owner) -> Damage:
        """Return the same damage, all that is undecided laid at `owner`'s door."""
        undecided, now = OWNERS.index(Owner.UNDECIDED), OWNERS.index(owner)
        lost_to = np.where(self.lost_to == undecided, now, self.lost_to)
        return replace(self, lost_to=lost_to, made_up=self.made_up.moved(Owner.UNDECIDED, owner))

    def by_owner(self) -> Mapping[Owner, float]:
        """Return the share of the intended time that each owner cost."""
        size = max(1, self.fate.size)
        costs = {owner: (self.lost_to == i) + self.silence.of(i) + self.made_up.of(i) for i, owner in enumerate(OWNERS)}
        shares = {owner: float(cost.sum() / size) for owner, cost in costs.items()}
        return {owner: share for owner, share in shares.items() if share > 0}


def damage(flow: Flow, blame: Blame) -> Damage:
    """Settle every block of the flow's window."""
    inside = flow.made.inside(flow.window)
    fate, late = fates(flow)
    nobodys = ("decodable", *KINDS)
    owners = np.array([NOBODY if name in nobodys else OWNERS.index(blame.owner(name)) for name in FATES])
    rows = np.flatnonzero(inside)
    lost_to = _loaded(flow, blame, fate[inside], rows, owners)
    lost_to = np.where(
        (fate[inside] == FATES.index("push")) & flow.made.late_source[inside], OWNERS.index(Owner.BACKEND), lost_to
    )
    waits = waited(flow, fate, late).of(inside)
    waits_for = _loaded(flow, blame, waits.fate, np.where(waits.lost >= 0, waits.lost, rows), owners)
    waits_for = np.where(waits.fate >= 0, waits_for, NOBODY)
    unsure = waits.unsure if blame.unhindered is None else waits.unsure & ~blame.unhindered[inside]
    waits_for = np.where(unsure, OWNERS.index(Owner.UNDECIDED), waits_for)
    return Damage(
        fate=fate[inside],
        late=late[inside],
        lost_to=lost_to,
        silence=silence(flow, inside, blame),
        made_up=Inserted.of_one(flow.made_up.count[inside], waits_for),
        waited=waits,
    )


def _loaded(flow: Flow, blame: Blame, fate: Ints, rows: Ints, owners: Ints) -> Ints:
    """Return whose the `fate` of the blocks `rows` is by `owners`, or the load's where the server had no CPU for it."""
    found = owners[fate]
    if blame.loaded is None or not blame.loaded.any():
        return found
    starved = blame.loaded[np.maximum(flow.made.slot[rows], 0)]
    return np.where((fate == FATES.index("server")) & starved, OWNERS.index(Owner.LOAD), found)
