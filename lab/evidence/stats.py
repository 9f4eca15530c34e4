"""`stats.jsonl` and `events.jsonl` of a client: the SDK's own statistics each 100 ms, and what happened when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from lab.errors import EvidenceError
from lab.evidence.decode import decode
from lab.evidence.lines import Lines, renamed
from lab.evidence.values import Event, InboundSample, OutboundSample, PairSample

KIND = "stats"
EVENTS_KIND = "events"
_LISTS = ("inbound", "outbound", "pairs")

Sample = TypeVar("Sample", InboundSample, OutboundSample, PairSample)


@dataclass(frozen=True, kw_only=True)
class Stats:
    """All samples of one client, in order of time."""

    inbound: tuple[InboundSample, ...] = ()
    outbound: tuple[OutboundSample, ...] = ()
    pairs: tuple[PairSample, ...] = ()


def stats(lines: Lines) -> Stats:
    """Return the samples in `lines`; EvidenceError with file:line for a foreign one."""
    records = list(lines.timed())
    for where, fields in records:
        if set(fields) != {"t_ns", *_LISTS}:
            raise EvidenceError(
                f"{where}: keys {sorted(fields)}, not t, {', '.join(_LISTS)}", fix="not lab's statistics"
            )
    return Stats(
        inbound=tuple(_samples(InboundSample, "inbound", records)),
        outbound=tuple(_samples(OutboundSample, "outbound", records)),
        pairs=tuple(_samples(PairSample, "pairs", records)),
    )


def _samples(kind: type[Sample], name: str, records: list[tuple[str, dict[str, Any]]]) -> Iterator[Sample]:
    """Yield the samples of one kind, each with the time of its line."""
    for where, fields in records:
        if not isinstance(fields[name], list):
            raise EvidenceError(f"{where}: {name} is no list", fix="not lab's statistics")
        for raw in fields[name]:
            stamped = {**raw, "t_ns": fields["t_ns"]} if isinstance(raw, dict) else raw
            yield decode(kind, stamped, f"{where}: {name}")


def events(lines: Lines) -> tuple[Event, ...]:
    """Return the events in `lines`; EvidenceError with file:line for a foreign one."""
    return tuple(decode(Event, renamed(fields, {"event": "name"}, where), where) for where, fields in lines.timed())
