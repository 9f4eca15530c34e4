"""The verdict of a flow without a ledger: no media came about, it went another way, or nothing can be told.

Law: without packets to count there is no loss to measure; there is an owner where the evidence names one, and the
expectations are unknown where it does not.
"""

from __future__ import annotations

from dataclasses import replace

from lab.analysis.flows.case import Case
from lab.analysis.measures.measured import nothing_measured
from lab.analysis.measures.symptoms import never_there
from lab.analysis.values import Cause, FlowVerdict, Frames, Hop, Owner, Symptoms
from lab.analysis.verdicts.connect import Break, broken
from lab.analysis.verdicts.verdict import unmeasured
from lab.analysis.wire.scene import Seat

_NO_FRAMES = Frames(made=None, decodable=None, heard=None, lost=None, inserted_ms={}, unexplained=None)


def unconnected(case: Case, publisher: Seat, subscriber: Seat) -> FlowVerdict | None:
    """Return the verdict of two between whom no connection came about, None where nothing says why."""
    found = broken(case.scene, (publisher, subscriber), case.hosts)
    return broken_off(case, publisher, subscriber, found) if found else None


def broken_off(case: Case, publisher: Seat, subscriber: Seat, found: Break) -> FlowVerdict:
    """Return the verdict of two whose media was broken off, or went where it is not measured."""
    row = Hop(
        name="connect",
        owner=found.owner,
        packets_in=found.packets_in,
        packets_dropped=found.packets_dropped,
        note=found.reason,
    )
    cause = Cause(owner=found.owner, hop="connect", reason=found.code, share=float(found.silent), note=found.reason)
    words = f"no media: {found.reason}" if found.silent else found.reason
    verdict = silent(case, publisher, subscriber, found.owner, (words,), (cause,) if found.code else ())
    return replace(verdict, hops=(row,))


def silent(
    case: Case, publisher: Seat, subscriber: Seat, owner: Owner, reasons: tuple[str, ...], why: tuple[Cause, ...]
) -> FlowVerdict:
    """Return the verdict of a flow without a ledger: failed with an owner, or unknown without."""
    heard = owner == Owner.UNDECIDED or any(cause.share < 1 for cause in why)
    media_ms = None if heard else float(case.asked.media.duration_ms)
    found = unmeasured(owner, case.asked.expect, why, media_ms=media_ms)
    return FlowVerdict(
        publisher=publisher.name,
        subscriber=subscriber.name,
        outcome=found.outcome,
        owner=owner,
        frames=_NO_FRAMES,
        hops=(),
        expectations=found.checked,
        damage={},
        causes=why,
        reasons=reasons,
        symptoms=Symptoms() if media_ms is None else never_there(media_ms),
        metrics=nothing_measured(media_ms),
    )
