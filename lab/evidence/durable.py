"""What is written so that a power cut, a full disk and a client's program cannot spoil it.

Law: a small file is there whole or not at all (written aside, synced, renamed). What the operating system refuses is a
StorageError that says what to do.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.errors import StorageError

ELSEWHERE = "choose another folder with {option}"
_FIXES = {
    errno.ENOSPC: f"the disk is full: free some space, or {ELSEWHERE}",
    errno.EDQUOT: f"your quota is used up: free some space, or {ELSEWHERE}",
    **dict.fromkeys((errno.EACCES, errno.EPERM), f"no permission: {ELSEWHERE}, or run as its owner"),
    errno.EROFS: f"the file system is read-only: {ELSEWHERE}",
}
_OTHER_FIX = f"check the disk, or {ELSEWHERE}"


@contextmanager
def storing(path: Path, *, option: str = "-o") -> Iterator[None]:
    """Turn what the operating system says about `path` into a StorageError that says what to do.

    `option` is how the user chose where that is.
    """
    try:
        yield
    except OSError as error:
        fix = _FIXES.get(error.errno or 0, _OTHER_FIX).format(option=option)
        raise StorageError(f"{path}: {error.strerror or error}", fix=fix) from error


def write_atomically(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace `path` by `data`: it holds the old or the new, whole; `durable`: after a power cut too. StorageError."""
    with storing(path):
        # By a name that nobody foresees: where programs may write, one could make it a link that leads elsewhere.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                if durable:
                    os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise
        if durable:
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(run: Path) -> None:
    """Make everything in the folder `run`, and its name, survive a power cut. StorageError."""
    with storing(run):
        for path in (*run.rglob("*"), run):
            if path.is_dir():
                sync_folder(path)
            else:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        sync_folder(run.parent)
        sync_folder(run.parent.parent)
