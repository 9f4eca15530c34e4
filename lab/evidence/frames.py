"""`frames.jsonl` of a publisher: every frame it made, none left out.

Law: a line is written when the SDK has answered, so pushes that overlapped may stand in another order than they were
made in; what is read is in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.errors import EvidenceError
from lab.evidence.decode import decode
from lab.evidence.lines import Lines, renamed
from lab.evidence.values import FrameLine

KIND = "frames"
_T_NS = {name: f"{name}_ns" for name in ("available", "scheduled", "pushed", "returned")}


def frames(lines: Lines) -> tuple[FrameLine, ...]:
    """Return the frames in `lines`; EvidenceError with file:line for a foreign one or a gap in their numbers."""
    found = [
        (decode(FrameLine, _with_t_ns(line.fields, lines.offset_ns, line.where), line.where), line.where)
        for line in lines.lines
    ]
    found.sort(key=lambda pair: pair[0].frame)
    for expected, (frame, where) in enumerate(found):
        if frame.frame != expected:
            raise EvidenceError(f"{where}: frame {frame.frame} where {expected} belongs", fix="lines are missing")
    return tuple(frame for frame, _ in found)


def _with_t_ns(raw: Mapping[str, Any], offset_ns: int, where: str) -> dict[str, Any]:
    """Return `raw` with its monotonic times as t_ns; None stays: it never happened."""
    fields = renamed(raw, _T_NS, where)
    for name, new_name in _T_NS.items():
        if fields.get(new_name) is not None:
            fields[new_name] = decode(int, fields[new_name], f"{where}: {name}") + offset_ns
    return fields
