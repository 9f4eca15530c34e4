"""`router/steps.jsonl`: each change of the network and each reading of its counters, one `StepState` a line.

Apart from `values`, because the rig needs these before it needs numpy. Times are `t_ns`, nanoseconds of CLOCK_REALTIME.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lab.evidence.decode import decode
from lab.evidence.lines import read_bare


@dataclass(frozen=True, kw_only=True)
class Qdisc:
    """One queueing discipline as the kernel reported it (`tc -j -s qdisc show`)."""

    kind: str
    handle: str
    parent: str  # "root" or a class
    options_json: str
    sent_packets: int
    sent_bytes: int
    dropped: int
    overlimits: int
    backlog_packets: int


@dataclass(frozen=True, kw_only=True)
class DirectionState:
    """The qdiscs of one direction of one bump, read back at one step. `argv` is what was run before."""

    client: str
    direction: Literal["up", "down"]
    argv: tuple[tuple[str, ...], ...]
    qdiscs: tuple[Qdisc, ...]


@dataclass(frozen=True, kw_only=True)
class StepState:
    """One change of the network, or a reading of its counters: `clean`, `impair`, `change-1` …, `final`.

    The change took effect between `from_ns` and `to_ns` (the read-back that confirmed it).
    """

    name: str
    due_ns: int | None
    from_ns: int
    to_ns: int
    directions: tuple[DirectionState, ...]


def to_line(step: StepState) -> str:
    """Return `step` as one line of JSON, without the line break."""
    return json.dumps(asdict(step), separators=(",", ":"), allow_nan=False)


def read_steps(path: Path) -> tuple[StepState, ...]:
    """Return the steps in `path`; EvidenceError with file:line for a torn or foreign one."""
    return tuple(decode(StepState, line.fields, line.where) for line in read_bare(path))
