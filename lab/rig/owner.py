"""Whose a container or network is, and until when: texts for labels, and what they say later.

An owner is `<uid>:<boot id>:<pid>:<start time>`: a pid alone comes round again, and dies with the boot.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_START_TIME = 19
"""Field 22 of `/proc/<pid>/stat` (proc(5)), counted from behind the command's closing parenthesis."""


def token(pid: int | None = None) -> str:
    """Return the owner label of process `pid`, by default of this one. ProcessLookupError when it does not run."""
    pid = os.getpid() if pid is None else pid
    try:
        uid = Path(f"/proc/{pid}").stat().st_uid
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(f"process {pid} does not run") from error
    start = stat.rpartition(")")[2].split()[_START_TIME]
    return f"{uid}:{_BOOT.read_text().strip()}:{pid}:{start}"


def is_alive(owner: str) -> bool:
    """Return whether the process that wrote the label `owner` still runs; a label that is not one has no owner."""
    parts = owner.split(":")
    if len(parts) != 4 or not parts[2].isdecimal():
        return False
    try:
        return token(int(parts[2])) == owner
    except ProcessLookupError:
        return False


def is_mine(owner: str) -> bool:
    """Return whether the label `owner` was written by this user."""
    return owner.partition(":")[0] == str(os.getuid())


def expires(seconds: float, *, now: float | None = None) -> str:
    """Return the label of the moment `seconds` from `now` (by default the clock's), in whole seconds of UTC."""
    return str(int((time.time() if now is None else now) + seconds))


def has_expired(label: str, *, now: float | None = None) -> bool:
    """Return whether the moment of `label` has passed; a label that is no moment never has."""
    return label.isdecimal() and int(label) < (time.time() if now is None else now)
