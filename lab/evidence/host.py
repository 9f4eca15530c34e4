"""What the machine did meanwhile: the pacer's ticks and seconds, and the accounts of each container."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from lab.errors import EvidenceError
from lab.evidence.accounts import CgroupSecond, HostSecond, NetworkSecond, Tick
from lab.evidence.decode import decode
from lab.evidence.lines import Lines, read_bare

Look = TypeVar("Look", CgroupSecond, NetworkSecond)
PACER_KIND = "pacer"
SECONDS_KIND = "seconds"


def ticks(lines: Lines) -> tuple[Tick, ...]:
    """Return the pacer's seconds; EvidenceError with file:line for a foreign one."""
    return tuple(decode(Tick, fields, where) for where, fields in lines.timed())


def seconds(lines: Lines) -> tuple[HostSecond, ...]:
    """Return the machine's seconds; EvidenceError with file:line for a foreign one."""
    return tuple(decode(HostSecond, fields, where) for where, fields in lines.timed())


def line(look: CgroupSecond | NetworkSecond) -> str:
    """Return `look` as one line of JSON, without the line break."""
    return json.dumps(asdict(look), separators=(",", ":"))


def read_cgroup(path: Path) -> tuple[CgroupSecond, ...]:
    """Return the samples of one container's cgroup; EvidenceError with file:line for a torn or foreign one."""
    return _read(CgroupSecond, path, {"memory_bytes", "waited_ns"})


def read_network(path: Path) -> tuple[NetworkSecond, ...]:
    """Return the looks at one namespace; EvidenceError with file:line for a torn or foreign one."""
    return _read(NetworkSecond, path, set())


def _read(kind: type[Look], path: Path, levels: set[str]) -> tuple[Look, ...]:
    """Return the looks in `path`; all their numbers but `levels` are totals or times, and never become less."""
    lines = read_bare(path)
    found = tuple(decode(kind, each.fields, each.where) for each in lines)
    totals = [field.name for field in fields(kind) if field.name not in levels]
    for (earlier, later), each in zip(pairwise(found), lines[1:], strict=True):
        for name in totals:
            total = getattr(later, name)
            if total is not None and (getattr(earlier, name) or 0) > total:
                raise EvidenceError(f"{each.where}: {name} is less than before", fix="this is no total of one run")
    return found
