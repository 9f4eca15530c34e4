"""`router/steps.jsonl`: each change of the network and each reading of its counters, one `StepState` a line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lab.evidence.decode import decode
from lab.evidence.lines import read_bare
from lab.evidence.values import StepState


def to_line(step: StepState) -> str:
    """Return `step` as one line of JSON, without the line break."""
    return json.dumps(asdict(step), separators=(",", ":"), allow_nan=False)


def read_steps(path: Path) -> tuple[StepState, ...]:
    """Return the steps in `path`; EvidenceError with file:line for a torn or foreign one."""
    return tuple(decode(StepState, line.fields, line.where) for line in read_bare(path))
