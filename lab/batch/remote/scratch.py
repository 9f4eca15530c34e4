"""Folders for what is on its way, none of which outlives its process for long.

Law: whoever makes one holds a lock on it as long as it lives, and the kernel takes that away with its last breath. What
nobody holds is nobody's: the next one on the machine removes it. Of other users' folders and of links nothing is
touched.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.evidence.durable import storing
from lab.evidence.rooted import rooted

PREFIX = "livekit-lab-worker-"


@contextmanager
def scratch(parent: Path | None, tell: Callable[[str], None]) -> Iterator[Path]:
    """Have a folder of one's own below `parent`, None: the temporary folder. StorageError.

    Its path is from the root on, as a container engine wants what it mounts.
    `tell` hears of what the dead left, and of what cannot be removed.
    """
    place = rooted(parent or Path(tempfile.gettempdir()), option="--scratch")
    with storing(place, option="--scratch"):
        for path in sorted(place.glob(f"{PREFIX}*")):
            if _removed(path):
                tell(f"removed {path}, which a worker left that is dead")
        folder, lock = _made(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            tell(f"{folder} could not be removed; the next worker here tries again")
        os.close(lock)


def _made(place: Path) -> tuple[Path, int]:
    """Return a new folder and what holds its lock; one that is removed before it can be locked is made anew."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=place, prefix=PREFIX))
        lock = _opened(folder)
        if lock is not None and _locked(lock) and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _removed(path: Path) -> bool:
    """Remove the folder at `path` if it is one, ours, and nobody holds it; say whether it is gone."""
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
