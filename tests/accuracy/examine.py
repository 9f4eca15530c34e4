"""One recording: what was right, what the judge said, what the naive rule says. Pure: it reads the folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.analysis.judge import judge
from lab.errors import LabError
from lab.evidence.manifest import SEALED
from lab.evidence.reading import read
from tests.accuracy.answers import UNKNOWN, Answer, answer
from tests.accuracy.faults import fault
from tests.accuracy.log import ContradictionError, Log, log_of
from tests.accuracy.naive import naive
from tests.accuracy.truth import truth


@dataclass(frozen=True, kw_only=True)
class Found(Answer):
    """The answer and everything else that the score needs of one run, as plain values for the journal.

    `right_*` are None where the truth is not known (`contradiction` says why) or nothing could be read.
    """

    truth_owner: str = ""
    truth_hop: str = ""
    truth_reason: str = ""
    sure: bool = False
    bounds: tuple[tuple[float, float], ...] = ()
    right_owner: bool | None = None
    right_hop: bool | None = None
    right_reason: bool | None = None
    naive_owner: str = ""
    naive_right_owner: bool | None = None
    contradiction: str = ""


def examine(folder: Path, faults: Sequence[str]) -> dict[str, Any]:
    """Judge the recording in `folder` and compare with what was put in; one that was cut short is only judged."""
    try:
        recording = read(folder)
    except LabError as error:
        return asdict(_unread(str(error)))
    said = answer(judge(recording))
    if recording.manifest.phase != SEALED:
        return asdict(Found(**asdict(said)))
    try:
        return asdict(_compared(log_of(recording), faults, said))
    except (ContradictionError, LabError) as error:
        return asdict(Found(**asdict(said), contradiction=str(error)))


def _compared(log: Log, faults: Sequence[str], said: Answer) -> Found:
    right = truth((each, each.measure(log)) for each in map(fault, faults))
    rule = naive(log.recording)
    return Found(
        **asdict(said),
        truth_owner=right.owner,
        truth_hop=right.hop,
        truth_reason=right.reason,
        sure=right.sure,
        bounds=tuple((round(100 * each.low, 2), round(100 * each.high, 2)) for each in right.effects),
        right_owner=right.has_owner(said),
        right_hop=right.has_hop(said),
        right_reason=right.has_reason(said),
        naive_owner=rule,
        naive_right_owner=right.allows(rule),
    )


def _unread(why: str) -> Found:
    return Found(outcome=UNKNOWN, owner=UNKNOWN, hops=(), reasons=(), points={}, unexplained=0.0, made=0.0, why=(why,))
