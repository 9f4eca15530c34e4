"""Why the audio was damaged: one code of the closed table for every piece of the damage.

Law: a reason needs positive evidence of its own; where two cannot be told apart the cause is `undecided` and its note
names both. The shares of all causes add up to the damage; what DTX left out is none, and comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.pieces import Piece, Story, Told, pieces, undecided
from lab.analysis.reasons import client, host, links, server
from lab.analysis.values import Cause, Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK

_Key = tuple[Owner, str, str]


def causes(story: Story) -> tuple[Cause, ...]:
    """Return the causes of a flow's damage, the costliest first."""
    found: dict[_Key, list[tuple[int, str]]] = {}
    for piece in pieces(story):
        for told in _told(story, piece):
            weight = int(piece.weight[told.chosen].sum())
            found.setdefault((piece.owner, piece.hop, told.reason), []).append((weight, told.note))
    size = max(1, story.loss.fate.size)
    made = [_cause(key, parts, size) for key, parts in found.items()]
    costly = sorted(made, key=lambda one: (-one.share, one.owner, one.hop, one.reason))
    return (*costly, *_left_out(story, size))


def _left_out(story: Story, size: int) -> tuple[Cause, ...]:
    """Return what DTX left out: nobody's damage, but the reason why packets are missing."""
    count = int((story.loss.fate == FATES.index("dtx")).sum())
    if not count:
        return ()
    note = f"{count * FRAMES_PER_BLOCK:g} frames of silence not sent: numbers without a gap, timestamps with"
    return (Cause(owner=Owner.NONE, hop="send", reason="dtx", share=count / size, note=note),)


def _cause(key: _Key, parts: list[tuple[int, str]], size: int) -> Cause:
    owner, hop, reason = key
    share = sum(weight for weight, _ in parts) / size
    return Cause(owner=owner, hop=hop, reason=reason, share=share, note=max(parts)[1])


_WHO_KNOWS: Mapping[Owner, Callable[[Story, Piece], list[Told]]] = {
    Owner.UPLINK: links.told,
    Owner.DOWNLINK: links.told,
    Owner.CLIENT: client.client,
    Owner.BACKEND: client.backend,
    Owner.SDK: client.sdk,
    Owner.CLIENT_HOST: host.told,
    Owner.SERVER: server.own,
    Owner.LOAD: server.load,
}


def _told(story: Story, piece: Piece) -> list[Told]:
    """Ask whoever knows about the piece's owner."""
    known = _WHO_KNOWS.get(piece.owner)
    return known(story, piece) if known else undecided(piece, _doubt(story, piece.hop))


def _doubt(story: Story, hop: str) -> str:
    """Return why nobody may be blamed at a hop."""
    ends = {"uplink": (story.flow.publisher.name, "up"), "downlink": (story.flow.subscriber.name, "down")}
    account = story.case.door(story.flow) if hop == "server" else story.case.link(*ends[hop]) if hop in ends else None
    if account is None:
        return "nobody counted its packets" if hop in ends else "no evidence accounts for it"
    return (
        account.undecided
        or "waited for, but not so long: the buffer filled up again, or the listener's machine was slow"
    )
