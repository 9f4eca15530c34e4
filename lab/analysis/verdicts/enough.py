"""Whether what a run has recorded so far decides every rate it was asked for, so that it may stop.

Law: it waits for rates and quantiles with a limit of their own; a count and a limit relative to the network are facts
of whatever was recorded, and a trend takes all the time there is. Each must be certain twice: by the judge's own
interval of what is there, and by `sequential`, which may be looked at again and again. Less than 10 s of media is never
enough. What is still on its way is not lost: the last two seconds are left out, and as long as the slowest packet took.
There is no ear here: listening costs more than all the rest, and tells a rate little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lab.analysis.flows.case import Asked, Case, case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.ledger.damage import damage
from lab.analysis.ledger.owners import Blame
from lab.analysis.measures.expectations import UNKNOWN, check
from lab.analysis.measures.measures import PLAYED, QUANTILES, SHARES, Measures
from lab.analysis.numbers.sequential import Side, chain, side
from lab.analysis.values import Owner
from lab.analysis.way.journey import At
from lab.analysis.wire.scene import Seat
from lab.analysis.wire.streams import ABSENT, Flags
from lab.errors import EvidenceError
from lab.evidence.recording import Recording
from lab.pcm import BLOCK_MS, FRAME_MS
from lab.scenario.expectations import ANSWERS, spelled
from lab.scenario.metrics import metric
from lab.scenario.model import Expectation

FLOOR_MS = 10_000
"""Less media than this is never enough: a jitter buffer takes seconds to settle."""
UNSEEN_BURST_MS = 100.0
"""A burst that nobody has seen yet is taken to last as long on average at most."""
UNDER_WAY_NS = 2_000_000_000
"""What was sent within the last two seconds may still arrive."""
_BLAME = Blame(server=Owner.SERVER, uplink=Owner.UPLINK, downlink=Owner.DOWNLINK)
"""Which owner of a kind it is never decides a rate, and the links' second witness comes with the end of the run."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How much media was looked at, and what is not decided yet, each a line for people."""

    seconds: float
    open: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Say whether the run may stop."""
        return not self.open and self.seconds * 1000 >= FLOOR_MS


def awaited(expected: Sequence[Expectation]) -> tuple[Expectation, ...]:
    """Return the expectations that a run can stop for."""
    own = (one for one in expected if one.metric not in ANSWERS and not one.relative)
    return tuple(one for one in own if metric(one.metric).kind in ("rate", "quantile"))


def standing(recording: Recording, asked: Asked, now_ns: int) -> Standing:
    """Say how things stand at `now_ns`, with what there is of `recording` by then."""
    try:
        case = case_of(_deaf(recording), asked)
        flows = [_measured(case, *pair, now_ns) for pair in case.scene.pairs] if case.measured else []
    except EvidenceError as failure:
        return Standing(seconds=0.0, open=(str(failure),))
    seconds = min((flow.loss.made_frames * FRAME_MS / 1000 for flow in flows), default=0.0)
    wanted = awaited(asked.expect)
    left = (f"{one.metric} {spelled(one)}" for flow in flows for one in wanted if not certain(flow, one))
    return Standing(seconds=seconds, open=tuple(dict.fromkeys(left)) if flows else ("no media yet",))


def certain(measures: Measures, expected: Expectation) -> bool:
    """Say whether `expected` is decided, by the judge's interval and by the sequential test alike."""
    (found,) = check(measures, [expected])
    return found.result != UNKNOWN and _side(measures, expected) is not None


def _deaf(recording: Recording) -> Recording:
    return replace(recording, clients=tuple(replace(each, heard=()) for each in recording.clients))


def _measured(case: Case, publisher: Seat, subscriber: Seat, now_ns: int) -> Measures:
    flow = _until(case, publisher, subscriber, now_ns - UNDER_WAY_NS)
    slowest = _slowest_ns(flow)
    if slowest > UNDER_WAY_NS // 2:
        flow = _until(case, publisher, subscriber, now_ns - UNDER_WAY_NS - slowest)
    hops = {"uplink": _BLAME.uplink, "server": _BLAME.server, "downlink": _BLAME.downlink}
    return Measures(flow=flow, loss=damage(flow, _BLAME), hop_owner=hops)


def _until(case: Case, publisher: Seat, subscriber: Seat, until_ns: int) -> Flow:
    frames = max(0, (until_ns - case.times.media_from_ns) // (FRAME_MS * 1_000_000))
    times = replace(case.times, media_frames=min(case.times.media_frames, frames))
    return follow(case.scene, publisher, subscriber, times, case.links)


def _slowest_ns(flow: Flow) -> int:
    sent, received = flow.journey.t_ns[:, At.SENT], flow.journey.t_ns[:, At.RECEIVED]
    both = (sent != ABSENT) & (received != ABSENT)
    return int((received - sent)[both].max(initial=0))


def _side(measures: Measures, expected: Expectation) -> Side | None:
    """Return on which side of its limit the value is for certain."""
    name, limit = expected.metric, expected.limit
    if name in SHARES:
        return _of_time(measures, name, limit)
    if name in QUANTILES:
        step_ms = UNSEEN_BURST_MS if name == "gap_p95" else float(BLOCK_MS)
        return _line_side(measures.series(name) > limit, 1 - QUANTILES[name], step_ms)
    if name in PLAYED:
        return _line_side(_spread(measures.series(name)), limit, float(BLOCK_MS))
    return _line_side(measures.series(name) > 0, limit, float(FRAME_MS))


def _of_time(measures: Measures, name: str, limit: float) -> Side | None:
    """Return the side of a share of intended time; inserted silence lengthens the line, so that it must be clearer."""
    line = measures.line(frozenset(Owner) - SHARES[name])[:: FRAME_MS // BLOCK_MS]
    if _line_side(line, limit / (1 + limit), float(FRAME_MS)) is Side.BELOW:
        return Side.BELOW
    return Side.ABOVE if _line_side(line, limit, float(FRAME_MS)) is Side.ABOVE else None


def _line_side(line: Flags, limit: float, step_ms: float) -> Side | None:
    return side(chain(line), limit, UNSEEN_BURST_MS / step_ms)


def _spread(shares: NDArray[np.float64]) -> Flags:
    """Return shares of 100 ms as a line of 10 ms, whole ones in a row, what is left over carried on."""
    steps = 100 // BLOCK_MS
    whole = np.diff(np.floor(np.cumsum(shares) * steps), prepend=0.0)
    return np.asarray((np.arange(steps) < whole[:, None]).reshape(-1), dtype=np.bool_)
