"""How much damage fell in moments in which the machine itself kept a container waiting for a CPU.

Law: three witnesses, none of which a program under test can move: the kernel's account of how long a task stood in the
run queue though no quota withheld it, CPU that a hypervisor took away, and the pacer, which nothing throttles and which
ticked late. An owner most of whose charge fell in such moments, or right behind them, is blamed for what the lab's
machine may have done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.containers.hosts import Span
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.ledger.pieces import Piece, Story, pieces
from lab.analysis.values import Owner
from lab.evidence import names
from lab.evidence.accounts import HostSecond, Tick

LATE_MS = 25.0
STEAL_SHARE = 0.10
_AROUND_NS = 300_000_000
"""What was due just before a moment is late by it, and what a jitter buffer still held is not there behind it."""
_MOST = 0.5
_CODE = frozenset(owner for owner in OWNERS if owner.startswith("CODE/"))
_NO_HURRY = frozenset({"push", "cut", "withheld", "unsubscribed", "unsignalled"})
"""Fates for which nothing had to be in time: what was never pushed no machine was too slow for."""
_LISTENING = ("playout", "read")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What tells of the machine as a whole while the media was measured."""

    ticks: Sequence[Tick]
    seconds: Sequence[HostSecond]

    def slow(self) -> Iterator[Span]:
        """Yield the seconds in which the pacer came late or the hypervisor took CPU away."""
        late = [tick.t_ns for tick in self.ticks if tick.late_max_ms > LATE_MS]
        stolen = [second.t_ns for second in self.seconds if second.steal > STEAL_SHARE]
        for t_ns in (*late, *stolen):
            yield Span(from_ns=t_ns - 1_000_000_000, to_ns=t_ns)


def starved_share(story: Story, machine: Machine, blamed: Owner) -> float:
    """Return the share of the intended time that whoever is `blamed` is charged with, mostly for such moments.

    The largest of all code's owners where `BOTH` are blamed; 0 where no code is.
    """
    owners = _CODE if blamed == Owner.BOTH else _CODE & {blamed}
    slow, size = tuple(machine.slow()), max(1, story.loss.fate.size)
    charged: dict[Owner, tuple[int, int]] = {}
    for piece in pieces(story):
        if piece.owner in owners and piece.fate not in _NO_HURRY:
            within, whole = charged.get(piece.owner, (0, 0))
            charged[piece.owner] = (within + _within(story, piece, slow), whole + int(piece.weight.sum()))
    return max((within / size for within, whole in charged.values() if within >= _MOST * whole), default=0.0)


def _within(story: Story, piece: Piece, slow: Sequence[Span]) -> int:
    """Count the 10 ms of a piece that fell in moments in which the machine, or its container, was starved."""
    when = story.flow.made.sent_ns[piece.rows]
    inside = np.zeros(when.size, np.bool_)
    host = story.case.hosts.get(_where(story, piece))
    for span in (*slow, *(host.waited() if host else ())):
        inside |= (when >= span.from_ns - _AROUND_NS) & (when <= span.to_ns + _AROUND_NS)
    return int(piece.weight[inside].sum())


def _where(story: Story, piece: Piece) -> str:
    """Return the container in which a piece of damage came about."""
    if piece.owner in (Owner.SERVER, Owner.LOAD):
        return names.SERVER
    return names.container(story.flow.subscriber.name if piece.hop in _LISTENING else story.flow.publisher.name)
