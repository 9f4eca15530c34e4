"""A verdict as a table for a terminal: values, rows, text. Nothing is decided here.

Law: plain text, the same for the same verdict; control characters in what others wrote never reach the terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from lab.analysis.values import Checked, FlowVerdict, Frames, Hop, Outcome, Owner, RunVerdict
from lab.marks import FRAME_MS

_INDENT = "  "
_HEADS = ("hop", "owner", "packets in", "dropped", "frames lost", "repaired")
_RIGHT = ("packets in", "frames lost", "repaired")
_EN_DASH = "–"
_MECHANISMS = {"red": "RED", "fec": "in-band FEC"}
_PERCENT_UNITS = ("_loss", "concealed")


def render(run: RunVerdict, folder: str, width: int = 120) -> str:
    """Return the tables of every flow and the verdict's line; `folder` is where the run is, lines at most `width` wide
    are padded to the right end."""
    lines = [line for flow in run.flows for line in (*_flow(run, flow, width), "")]
    lines += [_INDENT + "VOID " + reason for reason in run.void]
    lines.append(_last(run, folder, width))
    return "\n".join(clean(line).rstrip() for line in lines) + "\n"


def clean(text: str) -> str:
    """Return `text` without control characters and invisible formatting."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs"))


def _flow(run: RunVerdict, flow: FlowVerdict, width: int) -> list[str]:
    rows = [_row(hop) for hop in flow.hops]
    lines = [_title(run, flow, width), *_table([_HEADS, *rows], _extras(flow.hops))]
    lines += (
        [_balance(flow.frames)] if flow.frames.made is not None else [_INDENT + "frames: unknown, none was measured"]
    )
    lines += _checks(flow.expectations)
    several = len(run.flows) > 1
    lines += [f"{_INDENT}{flow.outcome}   owner {flow.owner}"] if several else []
    if flow.outcome != Outcome.PASS or several:
        lines += [_INDENT + "· " + reason for reason in flow.reasons]
    return lines


def _title(run: RunVerdict, flow: FlowVerdict, width: int) -> str:
    version = f"LiveKit {(run.server_version or '').removeprefix('v')}".strip()
    parts = [run.scenario, f"{flow.publisher} → {version} → {flow.subscriber}"]
    if flow.frames.made is not None:
        seconds = flow.frames.made * FRAME_MS / 1000
        parts.append(f"{seconds:g} s = {_count(flow.frames.made)} frames of {FRAME_MS} ms")
    if run.netem_driver is not None:
        parts.append(f"netem: {run.netem_driver}, seed {_count(run.seed)}" + ("" if run.netem_seeded else " not taken"))
    return _spread(parts, width)


def _spread(parts: Sequence[str], width: int) -> str:
    """Set parts three spaces apart, wider where the line has room."""
    room = max(0, min(width, 120) - sum(map(len, parts)) - 3 * (len(parts) - 1))
    return ("   " + " " * min(2, room // max(1, len(parts) - 1))).join(parts)


def _row(hop: Hop) -> tuple[str, ...]:
    owner = hop.owner.split("/")[0].lower() if hop.owner != Owner.NONE else _EN_DASH
    if hop.undecided:
        owner = "undecided"
    dropped = "" if hop.packets_dropped is None else _count(hop.packets_dropped)
    if hop.causes:
        dropped += " (" + " · ".join(f"{name} {count}" for name, count in hop.causes.items()) + ")"
    if hop.packets_dropped is None and hop.packets_in is not None:
        dropped = hop.note
    lost = "" if hop.frames_lost is None else _count(hop.frames_lost)
    return (hop.name, owner, _count(hop.packets_in, absent=""), dropped, lost, _repaired(hop))


def _extras(hops: Sequence[Hop]) -> list[str]:
    """Return what a row has to add below the table."""
    lines = []
    for hop in hops:
        words = [hop.note] if hop.note and (hop.packets_dropped is not None or hop.packets_in is None) else []
        words += [f"{_count(hop.late)} of them late"] if hop.late else []
        words += [f"{_count(hop.contributing)} lost elsewhere lost a copy here"] if hop.contributing else []
        words += [f"witnesses disagree: {hop.undecided}"] if hop.undecided else []
        lines += [f"{_INDENT}{hop.name}: {' · '.join(words)}"] if words else []
    return lines


def _repaired(hop: Hop) -> str:
    return " · ".join(
        f"{_count(count)} {_MECHANISMS[name]}" for name, count in sorted(hop.repaired.items(), reverse=True)
    )


def _table(rows: Sequence[tuple[str, ...]], extras: Sequence[str]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    right = [head in _RIGHT for head in _HEADS]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(size) if end else cell.ljust(size) for cell, size, end in zip(row, widths, right, strict=True)
        ]
        lines.append(_INDENT + "  ".join(cells))
    return [*lines, *extras]


def _balance(frames: Frames) -> str:
    kept = ("heard", frames.heard) if frames.heard is not None else ("heard-able", frames.decodable)
    words = f"made {_count(frames.made)} = {kept[0]} {_count(kept[1])} + lost {_count(frames.lost)}"
    words += f" + unexplained {_count(frames.unexplained)}"
    inserted = sum(frames.inserted_ms.values())
    words += f"   and {inserted:g} ms of silence inserted" if inserted else ""
    words += f"   ({_count(frames.transition)} in transition)" if frames.transition else ""
    return _INDENT * 4 + words


def _checks(checks: Sequence[Checked]) -> list[str]:
    rows = [(one.metric, _value(one), _interval(one), _limit(one), one.result, one.note) for one in checks]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*rows, strict=True)]
    return [_INDENT + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _limit(one: Checked) -> str:
    return one.limit.replace("<=", "≤").replace(">=", "≥").replace("== ", "= ")


def _value(one: Checked) -> str:
    if one.value is None:
        return "unknown"
    if isinstance(one.value, str):
        return one.value
    if one.metric.endswith(_PERCENT_UNITS):
        return f"{100 * one.value:.1f} %"
    return _count(one.value)


def _interval(one: Checked) -> str:
    return "" if one.interval is None else f"(95 % CI {100 * one.interval[0]:.1f}{_EN_DASH}{100 * one.interval[1]:.1f})"


def _last(run: RunVerdict, folder: str, width: int) -> str:
    points = run.flows and max((flow.damage.get(run.owner, 0.0) for flow in run.flows), default=0.0)
    text = f"{run.outcome}   owner {run.owner}" + (f" {100 * points:.1f} points" if points else "")
    gap = max(3, min(width, 90) - len(text) - len(folder))
    return text + " " * gap + folder


def _count(value: float | None, absent: str = "unknown") -> str:
    return absent if value is None else f"{value:g}" if value < 1e6 else f"{value:.0f}"
