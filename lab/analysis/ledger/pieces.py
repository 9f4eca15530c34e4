"""Damage cut into pieces that each have one owner and one hop, for reasons to be found for.

Law: the pieces are the damage, no more and no less: what they weigh adds up to `Damage.by_owner`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.analysis.containers.holdups import Holdup
from lab.analysis.flows.case import Case
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.kinds import HOPS
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.values import Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import FrameLine

Kind = Literal["lost", "late", "silence"]
_SILENCE_AT = {Owner.CLIENT: "push", Owner.BACKEND: "push"}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a reason may be read from: the recording laid out, one flow followed, and what was settled about it.

    `held` is when the publisher's container was held back, `listener_held` when the subscriber's was; `loaded` marks
    the slots whose packet came to a server without CPU, None where nobody asked.
    """

    case: Case
    flow: Flow
    loss: Damage
    held: tuple[Holdup, ...] = ()
    listener_held: tuple[Holdup, ...] = ()
    loaded: Flags | None = None

    @property
    def lines(self) -> tuple[FrameLine, ...]:
        """What the publisher logged."""
        left = self.case.scene.evidence(self.flow.publisher.name)
        return left.frames if left else ()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Damage of one owner at one hop.

    `rows` are the places of its blocks among all that were made, `weight` how many 10 ms are missing at each, what was
    made up while that was waited for included.
    """

    owner: Owner
    hop: str
    kind: Kind
    fate: str
    rows: Ints
    weight: Ints

    @property
    def frames(self) -> str:
        """How much it is, in words."""
        return self.frames_of(np.ones(self.rows.size, np.bool_))

    def frames_of(self, chosen: Flags) -> str:
        """Return in words how much of it is in the `chosen` rows."""
        return f"{self.weight[chosen].sum() * FRAMES_PER_BLOCK:g} frames"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A reason for some of a piece: `chosen` marks its rows, `note` says which witness and what it saw."""

    reason: str
    chosen: Flags
    note: str


def pieces(story: Story) -> Iterator[Piece]:
    """Yield every piece of the damage."""
    rows = np.flatnonzero(story.flow.made.inside(story.flow.window))
    for i, owner in enumerate(OWNERS):
        yield from _lost(story.loss, i, rows)
        yield from _silence(story.loss.silence.of(i), owner, rows)


def _lost(loss: Damage, owner: int, rows: Ints) -> Iterator[Piece]:
    """Yield what was lost or late, and what was made up meanwhile: as the block's whose packet died, or came late."""
    lost, made_up = loss.lost_to == owner, loss.made_up.of(owner)
    waited, died = made_up > 0, loss.waited.lost >= 0
    fate = np.concatenate([loss.fate[lost], loss.waited.fate[waited]])
    late = np.concatenate([loss.late[lost], ~died[waited]])
    row = np.concatenate([rows[lost], np.where(died, loss.waited.lost, rows)[waited]])
    weight = np.concatenate([np.ones(lost.sum(), np.int64), made_up[waited]])
    kinds: tuple[tuple[Kind, Flags], ...] = (("lost", ~late), ("late", late))
    for kind, chosen in kinds:
        for one in np.unique(fate[chosen]):
            here = chosen & (fate == one)
            yield _piece(OWNERS[owner], kind, FATES[one], row[here], weight[here])


def _piece(owner: Owner, kind: Kind, fate: str, rows: Ints, weight: Ints) -> Piece:
    """Return a piece, each row in it once."""
    each, where = np.unique(rows, return_inverse=True)
    summed = np.bincount(where, weights=weight).astype(np.int64)
    return Piece(owner=owner, hop=HOPS.get(fate, fate), kind=kind, fate=fate, rows=each, weight=summed)


def _silence(count: Ints, owner: Owner, rows: Ints) -> Iterator[Piece]:
    at, hop = np.flatnonzero(count), _SILENCE_AT.get(owner, "send")
    if at.size:
        yield Piece(owner=owner, hop=hop, kind="silence", fate="", rows=rows[at], weight=count[at])


def everything(piece: Piece, reason: str, note: str) -> list[Told]:
    """Return one reason for all of a piece."""
    return [Told(reason=reason, chosen=np.ones(piece.rows.size, np.bool_), note=note)]


def undecided(piece: Piece, note: str) -> list[Told]:
    """Say that nothing tells, and between what."""
    return everything(piece, "undecided", note)
