"""Folders that are no use to anybody but the process that made them: each is held as long as that lives.

Law: whoever makes one holds a lock on it, and the kernel takes that away with its last breath. What nobody holds is
nobody's, and may be removed. Of other users' folders and of links nothing is touched.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(make: Callable[[], Path]) -> Iterator[Path]:
    """Have the folder that `make` makes for oneself; one removed before it can be held is made anew. OSError."""
    folder, lock = _made(make)
    try:
        yield folder
    finally:
        os.close(lock)


def removed(path: Path) -> bool:
    """Remove the folder at `path` if it is one, ours, and nobody holds it; say whether it is gone. OSError."""
    lock = _opened(path)
    if lock is None:
        return False
    try:
        if os.fstat(lock).st_uid != os.getuid() or not _locked(lock):
            return False
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    finally:
        os.close(lock)


def _made(make: Callable[[], Path]) -> tuple[Path, int]:
    while True:
        folder = make()
        lock = _opened(folder)
        if lock is not None and _locked(lock) and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _opened(path: Path) -> int | None:
    """Return the folder at `path`, opened; None when it is gone, a link, a file, or closed to us."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None


def _locked(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
