"""Whose a container is, and until when: texts for labels, and what they say later.

An owner is `<uid>:<boot id>:<pid namespace>:<pid>:<start time>`: a pid alone comes round again, dies with the boot, and
means somebody else in another container that shares this engine. What was kept on purpose is `<uid>:kept`.

Law: an owner is dead only where that can be seen. Of everybody else only the expiry counts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")
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
    return f"{uid}:{_here()}:{pid}:{start}"


def kept() -> str:
    """Return the owner label of what is to outlive this process: this user's, until it expires."""
    return f"{os.getuid()}:kept"


def is_dead(owner: str) -> bool:
    """Return whether the process that wrote the label `owner` is known to have ended.

    False for a label of another boot, another pid namespace or no process at all: nothing is known of those.
    """
    uid, _, rest = owner.partition(":")
    place, _, process = rest.rpartition(":")
    place, _, pid = place.rpartition(":")
    if not (uid and process and pid.isdecimal()) or place != _here():
        return False
    try:
        return token(int(pid)) != owner
    except ProcessLookupError:
        return True


def is_mine(owner: str) -> bool:
    """Return whether the label `owner` was written by this user."""
    return owner.partition(":")[0] == str(os.getuid())


def expires(seconds: float, *, now: float | None = None) -> str:
    """Return the label of the moment `seconds` from `now` (by default the clock's), in whole seconds of UTC."""
    return str(int((time.time() if now is None else now) + seconds))


def has_expired(label: str, *, now: float | None = None) -> bool:
    """Return whether the moment of `label` has passed; a label that is no moment never has."""
    return label.isdecimal() and int(label) < (time.time() if now is None else now)


def _here() -> str:
    """Return where this process' pids mean something: this boot of the kernel, and the inode of the pid namespace."""
    return f"{_BOOT.read_text().strip()}:{_PIDS.stat().st_ino}"
