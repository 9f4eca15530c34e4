"""JSON-lines files: those with a header line, which clients write, and the bare ones of the rig.

Law: each line is a JSON object and ends in a line break; a line that does not is refused by its number. Only the last
line of a client that was killed may be torn, which must be asked for, and is told. Client times are CLOCK_MONOTONIC;
`offset_ns`, from the header, makes them t_ns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import EvidenceError
from lab.evidence.decode import decode, parse

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Line:
    """One record and where it stands (`file:line`)."""

    where: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The records of one file; `torn` says how it ends early, or is empty."""

    lines: tuple[Line, ...]
    offset_ns: int = 0
    torn: str = ""

    def timed(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield where each record stands, and its fields, the monotonic `t` as `t_ns`; it never runs backwards."""
        before = None
        for line in self.lines:
            fields = renamed(line.fields, {"t": "t_ns"}, line.where)
            at = fields["t_ns"] = decode(int, fields.get("t_ns"), f"{line.where}: t") + self.offset_ns
            if before is not None and at < before:
                raise EvidenceError(f"{line.where}: earlier than the line before", fix="lines were moved; record again")
            before = at
            yield line.where, fields


@dataclass(frozen=True, kw_only=True)
class _Header:
    """The first line of a client's file."""

    format: int
    kind: str
    clock: Literal["monotonic"]
    realtime_minus_monotonic_ns: int


def renamed(fields: Mapping[str, Any], new_names: Mapping[str, str], where: str) -> dict[str, Any]:
    """Return `fields` under the names that values have; EvidenceError when one is there under both."""
    foreign = sorted(set(new_names.values()) & set(fields))
    if foreign:
        raise EvidenceError(f"{where}: unknown {foreign}", fix="this is not what lab wrote there")
    return {new_names.get(name, name): value for name, value in fields.items()}


def read_bare(path: Path) -> tuple[Line, ...]:
    """Read a file of the rig: records only, none torn. EvidenceError."""
    return _read(path, allow_torn_tail=False).lines


def read_headed(path: Path, kind: str, *, allow_torn_tail: bool = False) -> Lines:
    """Read a client's file of the given `kind` (`frames`, `events`, `stats` …). EvidenceError."""
    found = _read(path, allow_torn_tail=allow_torn_tail)
    if not found.lines:
        if found.torn:
            return found
        raise EvidenceError(f"{path}: empty, not even a header line", fix="record again")
    first, *rest = found.lines
    header = _header(first, kind)
    return Lines(lines=tuple(rest), offset_ns=header.realtime_minus_monotonic_ns, torn=found.torn)


def offset_of(path: Path) -> int | None:
    """Return the offset that the header of a client's file states, None where it has none that can be read."""
    try:
        with path.open("rb") as file:
            text = file.readline().decode("utf-8", errors="surrogateescape")
        return decode(_Header, parse(text, str(path)), str(path)).realtime_minus_monotonic_ns
    except (OSError, EvidenceError):
        return None


def _header(line: Line, kind: str) -> _Header:
    """Check the header line before anything in the file is believed."""
    number = line.fields.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise EvidenceError(f"{line.where}: format {number} needs a newer lab", fix=f"this one reads up to {FORMAT}")
    header = decode(_Header, line.fields, line.where)
    if header.kind != kind:
        raise EvidenceError(f"{line.where}: a file of {header.kind}, not of {kind}", fix="it is in the wrong place")
    return header


def _read(path: Path, *, allow_torn_tail: bool) -> Lines:
    """Split `path` into records."""
    try:
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}", fix="this piece of the recording is missing") from error
    *whole, rest = text.split("\n")
    torn = f"{path}:{len(whole) + 1}: the last line is torn" if rest else ""
    if torn and not allow_torn_tail:
        raise EvidenceError(torn, fix="the file was cut; record again")
    places = [f"{path}:{number}" for number in range(1, len(whole) + 1)]
    lines = (Line(where=where, fields=parse(line, where)) for where, line in zip(places, whole, strict=True))
    return Lines(lines=tuple(lines), torn=torn)
