"""A verdict as a table for a terminal: values, rows, text. Nothing is decided here.

Law: plain text, the same for the same verdict; control characters in what others wrote never reach the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

from lab.analysis.values import Cause, Checked, FlowVerdict, Frames, Hop, Outcome, Owner, Repair, RunVerdict
from lab.pcm import FRAME_MS
from lab.report.amounts import many
from lab.report.figures import end, whole, with_unit
from lab.report.plain import clean
from lab.report.symptoms import spoken
from lab.report.table import FIXED, grid, records, wrapped
from lab.report.void import next_steps

_INDENT = "  "
_HEADS = ("hop", "owner", "packets in", "dropped", "frames lost", "repaired by RED", "by in-band FEC")
_RIGHT = ("packets in", "frames lost", "repaired by RED", "by in-band FEC")
_MECHANISMS = ("red", "fec")
_NOBODY = "\N{EN DASH}"
_TITLE_GAPS = 3
_LAST_WIDTH = 90
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|s|points|frames?|packets?|kbit/s)\b|%)")
_WORTH_A_LINE = 0.002
"""A cause is told from 0.2 points on, like an owner."""


def render(run: RunVerdict, folder: str, width: int = 120) -> str:
    """Return the table of every flow, the verdict's line, ending in `folder`, and why; `width` is the terminal's."""
    lines = [line for flow in run.flows for line in (*_flow(run, flow, width), "")]
    lines += [_INDENT + "VOID " + reason for reason in run.void]
    told = {reason for flow in run.flows for reason in flow.reasons}
    lines += [_INDENT + reason for reason in run.reasons if reason not in told]
    lines.append(_last(run, folder, width))
    if run.outcome == Outcome.VOID:
        lines += [_INDENT + step for step in next_steps(run.gates)]
    elif len(run.flows) == 1:
        lines += _causes(run.flows[0].causes)
    return "\n".join(part.rstrip() for line in lines for part in _folded(_kept(clean(line)), width)) + "\n"


def _folded(line: str, width: int) -> list[str]:
    """Return `line` in lines that fit: what stands far in moves out, and if need be the rest goes further in below."""
    words = line.lstrip()
    space = line[: len(line) - len(words)]
    if cell_len(line) > width:
        space = space[: len(_INDENT)]
    first, *more = [words] if cell_len(space + words) <= width else wrapped(words, width - 2 * len(_INDENT))
    return [part.replace(FIXED, " ") for part in (space + first, *(space + _INDENT + each for each in more))]


def _kept(words: str) -> str:
    """Return `words` with a number and its unit in one piece."""
    return _UNIT.sub(FIXED, words)


def _flow(run: RunVerdict, flow: FlowVerdict, width: int) -> list[str]:
    lines = [_title(run, flow, width), *_table([_HEADS, *(_row(hop) for hop in flow.hops)], width - len(_INDENT))]
    lines += [line for hop in flow.hops for line in _remarks(hop)]
    lines += [_INDENT + line for line in _repairs(flow.repairs)]
    lines.append(_balance(flow.frames))
    lines += _names(flow.named_share)
    lines += [_INDENT + line for line in [spoken(flow.symptoms)] if line]
    lines += _checks(flow.expectations, width - len(_INDENT))
    several = len(run.flows) > 1
    if several:
        lines.append(f"{_INDENT}{flow.outcome}   owner {flow.owner}{_points(flow.damage.get(flow.owner))}")
        lines += [_INDENT + line for line in _causes(flow.causes)]
    if several or flow.outcome != Outcome.PASS or len(flow.damage) > 1:
        lines += [_INDENT + reason for reason in flow.reasons]
    return lines


def _title(run: RunVerdict, flow: FlowVerdict, width: int) -> str:
    version = f"LiveKit {(run.server_version or '').removeprefix('v')}".strip()
    parts = [run.scenario, f"{flow.publisher} → {version} → {flow.subscriber}"]
    if flow.frames.made is not None:
        seconds = flow.frames.made * FRAME_MS / 1000
        parts.append(f"{seconds:g} s = {_count(flow.frames.made)} frames of {FRAME_MS} ms")
    if run.netem_driver is not None:
        parts.append(f"netem: {run.netem_driver}, seed {_count(run.seed)}" + ("" if run.netem_seeded else " not taken"))
    room = (min(width, 120) - sum(map(len, parts))) // max(1, len(parts) - 1)
    return (" " * max(_TITLE_GAPS, min(room, _TITLE_GAPS + 2))).join(parts)


def _row(hop: Hop) -> tuple[str, ...]:
    owner = _NOBODY if hop.owner == Owner.NONE else hop.owner.split("/")[0].lower()
    dropped = _count(hop.packets_dropped, absent="")
    if hop.causes:
        dropped += " (" + " · ".join(f"{name} {count}" for name, count in hop.causes.items()) + ")"
    if _speaks_in_row(hop):
        dropped = hop.note.split("; ")[0]
    repaired = (_count(hop.repaired.get(name), absent="") for name in _MECHANISMS)
    lost = _count(hop.frames_lost, absent="")
    return (
        hop.name,
        "undecided" if hop.undecided else owner,
        _count(hop.packets_in, absent=""),
        dropped,
        lost,
        *repaired,
    )


def _speaks_in_row(hop: Hop) -> bool:
    """Whether the hop counts arrivals and drops nothing: what it has to say stands where drops would."""
    return hop.packets_in is not None and hop.packets_dropped is None


def _remarks(hop: Hop) -> list[str]:
    """Return what a row has to add below the table."""
    words = hop.note.split("; ")[1:] if _speaks_in_row(hop) else [hop.note] * bool(hop.note)
    words += [f"{_count(hop.late)} of its frames came too late"] if hop.late else []
    words += [f"{hop.made_up_ms:g} ms of sound made up {_waiting(hop)}"] if hop.made_up_ms else []
    words += [f"{_count(hop.contributing)} frames lost elsewhere had lost a copy here"] if hop.contributing else []
    words += [f"witnesses disagree: {hop.undecided}"] if hop.undecided else []
    return [f"{_INDENT}{hop.name}: {' · '.join(words)}"] if words else []


def _waiting(hop: Hop) -> str:
    return "although everything had come in time" if hop.name == "playout" else "while it was waited for"


def _table(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    """Align the columns; those right of the losses that stay empty are left out."""
    columns = [column for column in zip(*rows, strict=True) if column[0] not in _HEADS[-1:] or any(column[1:])]
    kept = [tuple(map(_kept, row)) for row in zip(*columns, strict=True)]
    return [_INDENT + line for line in grid(kept, width, _RIGHT) or records(kept, width)]


def _repairs(repairs: Sequence[Repair]) -> list[str]:
    """Return what saved frames, where it stood, and how many of them were heard."""
    return [_repair(one) for one in repairs if one.frames or one.unknown]


def _repair(one: Repair) -> str:
    name = {"red": "RED", "fec": "in-band FEC"}[one.mechanism]
    where = "" if one.depth is None else f", {many(one.depth, 'packet')} behind"
    heard = "" if one.heard is None else f", {_count(one.heard)} of them heard"
    unknown = f"; unknown: {one.unknown}" if one.unknown else ""
    frames = f"{_count(one.frames)} frame" + "s" * (one.frames != 1)
    return f"{name}{where}: {frames} came only so{heard}{unknown}"


def _balance(frames: Frames) -> str:
    if frames.made is None:
        return _INDENT + "frames unknown: none could be followed"
    kept = ("heard", frames.heard) if frames.heard is not None else ("heard-able", frames.decodable)
    words = f"made {_count(frames.made)} = {kept[0]} {_count(kept[1])} + lost {_count(frames.lost)}"
    words += "".join(f" + {kind} {_count(count)}" for kind, count in frames.kinds.items())
    words += f" + unexplained {_count(frames.unexplained)}"
    inserted, made_up = sum(frames.inserted_ms.values()), sum(frames.made_up_ms.values())
    words += f", and {inserted:g} ms of silence inserted" if inserted else ""
    words += f", and {made_up:g} ms of sound made up between" if made_up else ""
    words += f"   ({_count(frames.transition)} in transition not counted)" if frames.transition else ""
    return _INDENT * 16 + words


def _names(share: float | None) -> list[str]:
    """Say how much could be named beyond doubt, unless it was all of it."""
    if share is None or share >= 1:
        return []
    return [f"{_INDENT}{100 * share:.1f} % of what was pushed is named beyond doubt; the rest lies in pauses, counted"]


def _checks(checks: Sequence[Checked], width: int) -> list[str]:
    """Align what was expected; where that does not fit, each is a sentence."""
    rows = [
        tuple(map(_kept, (one.metric, _value(one), _interval(one), _limit(one), one.result, one.note)))
        for one in checks
    ]
    return [_INDENT + line for line in grid(rows, width) or (" ".join(filter(None, row)) for row in rows)]


def _limit(one: Checked) -> str:
    spelled = one.limit.replace("%", " %")
    return spelled.replace("<=", "≤").replace(">=", "≥").replace("==", "=")


def _value(one: Checked) -> str:
    if one.value is None or isinstance(one.value, str):
        return one.value or "unknown"
    return with_unit(one.value, one.metric, " ")


def _interval(one: Checked) -> str:
    if one.interval is None:
        return ""
    low, high = (end(each, one.metric) for each in one.interval)
    return f"(95 % CI {low}{_NOBODY}{high})"


def _last(run: RunVerdict, folder: str, width: int) -> str:
    shares = [flow.damage[run.owner] for flow in run.flows if run.owner in flow.damage]
    text = f"{run.outcome}   owner {run.owner}" + _points(max(shares, default=None))
    return text + " " * max(3, min(width, _LAST_WIDTH) - len(text) - len(folder)) + folder


def _causes(causes: Sequence[Cause]) -> list[str]:
    return [_INDENT + _cause(one) for one in causes if one.share >= _WORTH_A_LINE or not one.share]


def _cause(one: Cause) -> str:
    """Return a cause as a line; what is nobody's costs no points."""
    cost = "" if one.owner == Owner.NONE else _points(one.share)
    return f"{one.owner}{cost}: {one.reason}" + (f" {_NOBODY} {one.note}" if one.note else "")


def _points(share: float | None) -> str:
    return f" {100 * share:.1f} points" if share else ""


def _count(value: float | None, absent: str = "unknown") -> str:
    """Return whole numbers whole, halves with their half."""
    return absent if value is None else whole(value)
