"""What the machine did meanwhile: the pacer's ticks and seconds, and the accounts of each container."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from lab.evidence.decode import decode
from lab.evidence.lines import Lines, read_bare
from lab.evidence.values import CgroupSecond, HostSecond, NetworkSecond, Tick

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
    return tuple(decode(CgroupSecond, each.fields, each.where) for each in read_bare(path))


def read_network(path: Path) -> tuple[NetworkSecond, ...]:
    """Return the looks at one namespace; EvidenceError with file:line for a torn or foreign one."""
    return tuple(decode(NetworkSecond, each.fields, each.where) for each in read_bare(path))
