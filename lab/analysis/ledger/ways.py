"""The way of one frame: pushed when, in which packet, what became of that, what repaired it, when it was heard.

Law: nothing is decided here that the ledger does not say of the same block, and nothing said of what a capture would
have shown behind its torn end. Times are in ms since the first frame was due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.flows.case import Case
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.fates import DIED, FATES, fates
from lab.analysis.ledger.kinds import KINDS
from lab.analysis.network.causes import named
from lab.analysis.way.journey import At
from lab.analysis.way.prediction import Copy, carriers
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.errors import UsageError
from lab.evidence import names

_MS = 1e6
_NUMBERS = 1 << 16
_UNDER_WAY_NS = 1_000_000_000
"""So long before the end of a torn capture a frame may have been pushed whose packet it should hold."""
_CAPTURED = frozenset(("content", "send", "uplink", "server", "downlink", "unexplained"))
"""The fates that captures tell."""
_NOBODYS = ("decodable", *KINDS)
"""Those of what was heard, and of what nobody misses."""


@dataclass(frozen=True, kw_only=True)
class Torn:
    """A capture that ends early, and when."""

    file: str
    ends_ms: float


@dataclass(frozen=True, kw_only=True)
class Half:
    """10 ms of a frame.

    `seq` is its packet's number on the wire, `died` the hop where that was lost (empty: it arrived) of `cause`, and
    `repaired_from` the frame whose packet brought it instead, by `mechanism`. `fate` is the ledger's word, `late`
    whether it only came too late; it is `torn`, with the capture that is, where that would have had to tell.
    """

    seq: int | None
    died: str
    cause: str
    repaired_from: int | None
    mechanism: str
    fate: str
    late: bool
    heard_ms: float | None
    torn: Torn | None = None


@dataclass(frozen=True, kw_only=True)
class Way:
    """One frame; `late_ms` is how long after its time it was pushed, `silence_ms` what was put in before it.

    `made_up_ms` is the sound that the jitter buffer made up before it while nothing was lost.
    """

    frame: int
    measured: bool
    pushed_ms: float | None
    late_ms: float
    silence_ms: int
    made_up_ms: int
    halves: tuple[Half, ...]

    @property
    def missing(self) -> bool:
        """Whether audio is missing here: lost, or waited for in silence or in sound that was made up."""
        lost = any(half.fate not in _NOBODYS for half in self.halves)
        return lost or self.silence_ms + self.made_up_ms > 0


def missing(case: Case, flow: Flow) -> tuple[Way, ...]:
    """Return the ways of those measured frames where audio is missing."""
    return tuple(way for way in _ways(case, flow, flow.window.first, flow.window.end - 1) if way.missing)


def ways(case: Case, flow: Flow, first: int, last: int) -> tuple[Way, ...]:
    """Return the ways of frames `first` to `last`. Raises UsageError when they were not all made."""
    made = int(flow.made.frame.max(initial=-1)) + 1
    if not 0 <= first <= last < made:
        asked = f"{first}-{last}" if first != last else f"{first}"
        known = f"0-{made - 1}; {flow.window.first}-{flow.window.end - 1} are measured"
        raise UsageError(f"frames {asked}: {flow.publisher.name} made {made} frames", fix=f"ask for some of {known}")
    return tuple(_ways(case, flow, first, last))


def _ways(case: Case, flow: Flow, first: int, last: int) -> Iterator[Way]:
    made = flow.made
    zero = int(made.due_ns[0])
    settled = (*fates(flow), carriers(flow.journey, flow.prediction), flow.journey.furthest())
    torn = _torn(case, flow, zero)
    for frame in range(first, last + 1):
        rows = np.arange(*np.searchsorted(made.frame, (frame, frame + 1)))
        row = int(rows[0])
        pushed = bool(made.pushed[row])
        yield Way(
            frame=frame,
            measured=flow.window.first <= frame < flow.window.end,
            pushed_ms=(int(made.pushed_ns[row]) - zero) / _MS if pushed else None,
            late_ms=max(0.0, (int(made.pushed_ns[row]) - int(made.due_ns[row])) / _MS) if pushed else 0.0,
            silence_ms=10 * int(np.isin(flow.naming.silence_before, made.order[rows][made.order[rows] >= 0]).sum()),
            made_up_ms=10 * int(flow.made_up.count[rows].sum()),
            halves=tuple(
                _known(_half(case, flow, int(one), settled, zero), int(made.pushed_ns[row]) - zero, torn)
                for one in rows
            ),
        )


def _torn(case: Case, flow: Flow, zero: int) -> Torn | None:
    """Return the capture on the way of `flow` that ends first of those that are torn."""
    ends = [
        Torn(
            file=names.tap(tap.place, tap.client),
            ends_ms=(int(tap.packets["t_ns"].max(initial=zero)) - zero) / _MS,
        )
        for tap in case.scene.taps
        if tap.torn and tap.client in (None, flow.publisher.name, flow.subscriber.name)
    ]
    return min(ends, key=lambda one: one.ends_ms, default=None)


def _known(half: Half, pushed_ns: int, torn: Torn | None) -> Half:
    """Return `half` without what nobody can tell of it because a capture ended first."""
    if torn is None or half.fate not in _CAPTURED or pushed_ns + _UNDER_WAY_NS < torn.ends_ms * _MS:
        return half
    return replace(half, died="", cause="", fate="torn", late=False, torn=torn)


def _half(case: Case, flow: Flow, row: int, settled: tuple[Ints, Flags, Ints, Ints], zero: int) -> Half:
    fate, late, carrier, furthest = settled
    slot = int(flow.made.slot[row])
    through = Copy(int(flow.prediction.through[slot])) if slot >= 0 else Copy.NONE
    repaired = through in (Copy.RED, Copy.FEC)
    died, cause = _died(case, flow, slot, furthest)
    heard_ns = ABSENT if flow.ear is None else int(flow.ear.heard_ns[row])
    numbered = slot >= 0 and flow.journey.number[slot] != ABSENT
    return Half(
        seq=int(flow.journey.number[slot]) % _NUMBERS if numbered else None,
        died=died,
        cause=cause,
        repaired_from=_carried(flow, int(carrier[slot]), row) if repaired else None,
        mechanism=through.name.lower() if repaired else "",
        fate=FATES[fate[row]],
        late=bool(late[row]),
        heard_ms=None if heard_ns == ABSENT else (heard_ns - zero) / _MS,
    )


def _carried(flow: Flow, slot: int, row: int) -> int | None:
    """Return the first other frame than that of `row` in the packet of `slot`; None when it carries silence."""
    frames = flow.made.frame[flow.made.slot == slot]
    others = frames[frames != flow.made.frame[row]]
    return int(others[0]) if others.size else None


def _died(case: Case, flow: Flow, slot: int, furthest: Ints) -> tuple[str, str]:
    """Return the hop where the packet in `slot` died, and of what; both empty when it arrived or there was none."""
    if slot < 0 or flow.journey.number[slot] == ABSENT:
        return "", ""
    reached = At(int(furthest[slot]))
    if reached == At.RECEIVED:
        return "", ""
    hop = DIED[reached]
    altered = {"uplink": flow.journey.altered_up, "downlink": flow.journey.altered_down}.get(hop)
    if altered is None:
        return hop, ""
    if altered[slot]:
        return hop, "corrupt"
    link = case.link(*((flow.publisher.name, "up") if hop == "uplink" else (flow.subscriber.name, "down")))
    entered = flow.journey.t_ns[[slot], At.SENT if hop == "uplink" else At.ROUTED]
    return hop, str(named(case.scene, link, entered)[0]) if link else ""
