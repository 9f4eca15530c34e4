"""`frames.jsonl` of a publisher: every frame it made, in order, none left out."""

from __future__ import annotations

from typing import Any

from lab.errors import EvidenceError
from lab.evidence.decode import decode
from lab.evidence.lines import Lines
from lab.evidence.values import FrameLine

KIND = "frames"
_TIMES = ("available", "scheduled", "pushed", "returned")


def frames(lines: Lines) -> tuple[FrameLine, ...]:
    """Return the frames in `lines`; EvidenceError with file:line for a foreign one or a gap in their numbers."""
    found = tuple(
        decode(FrameLine, _with_t_ns(line.fields, lines.offset_ns, line.where), line.where) for line in lines.lines
    )
    for expected, (frame, line) in enumerate(zip(found, lines.lines, strict=True)):
        if frame.frame != expected:
            raise EvidenceError(f"{line.where}: frame {frame.frame} where {expected} belongs", fix="lines are missing")
    return found


def _with_t_ns(fields: dict[str, Any], offset_ns: int, where: str) -> dict[str, Any]:
    """Return `fields` with its monotonic times as t_ns."""
    times = {f"{name}_ns": _t_ns(fields, name, offset_ns, where) for name in _TIMES if name in fields}
    return {**{name: value for name, value in fields.items() if name not in _TIMES}, **times}


def _t_ns(fields: dict[str, Any], name: str, offset_ns: int, where: str) -> int | None:
    """Return one time, None when it never happened."""
    return None if fields[name] is None else decode(int, fields[name], f"{where}: {name}") + offset_ns
