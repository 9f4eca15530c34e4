"""Locks on files and folders: the kernel takes each away with its holder's last breath.

Law: a lock counts where it is on what lies at its path. On something that was removed or replaced it keeps nobody out.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

_NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a file system without locks answers."""


def taken(path: Path, flags: int, how: int = fcntl.LOCK_EX) -> int:
    """Open what is at `path`, lock it, and return its descriptor; what is replaced meanwhile is opened anew.

    Raises BlockingIOError when another process holds it; OSError.
    """
    while True:
        file = os.open(path, flags | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
            if is_at(file, path):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def is_at(file: int, path: Path) -> bool:
    """Say whether `file` is what lies at `path`. OSError."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_held(path: Path) -> bool:
    """Say whether a process holds what is at `path` for itself; on a file system without locks none does. OSError."""
    try:
        os.close(taken(path, os.O_RDONLY, fcntl.LOCK_SH))
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, *_NONE):
            raise
    return False
