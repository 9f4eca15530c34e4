"""Folders that are no use to anybody but the process that made them: each is held as long as that lives.

Law: whoever makes one holds a lock on it, and the kernel takes that away with its last breath. What nobody holds is
nobody's, and may be removed. Of other users' folders and of links nothing is touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.batch.folders.locks import taken

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def held(make: Callable[[], Path]) -> Iterator[Path]:
    """Have the folder that `make` makes for oneself; one removed before it can be held is made anew. OSError."""
    folder, lock = _made(make)
    try:
        yield folder
    finally:
        os.close(lock)


def removed(path: Path) -> bool:
    """Remove the folder at `path` if it is one, ours, and nobody holds it; say whether it is gone."""
    try:
        if path.lstat().st_uid != os.getuid():
            return False
        lock = taken(path, _FOLDER)
    except OSError:  # it is gone, a link, a file, closed to us, or held
        return False
    try:
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()
    finally:
        os.close(lock)


def _made(make: Callable[[], Path]) -> tuple[Path, int]:
    while True:
        folder = make()
        with suppress(FileNotFoundError, BlockingIOError):
            return folder, taken(folder, _FOLDER)
