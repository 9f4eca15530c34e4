"""A lock keeps others out only while it is on what lies at its path."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.batch.folders import locks
from lab.batch.folders.journal import LOCK, Journal, Noted, read
from lab.errors import StorageError

OPEN = os.O_RDWR | os.O_CREAT


def removed(lock: Path) -> None:
    """Remove it, as whoever tidies up does."""
    lock.unlink()


def replaced(lock: Path) -> None:
    """Put a copy in its place, as rsync does."""
    copy = lock.with_name("copy")
    copy.write_bytes(lock.read_bytes())
    copy.rename(lock)


def test_what_another_holds_is_told(tmp_path: Path) -> None:
    """Until it is let go of; nobody holds what is not there."""
    path = tmp_path / LOCK
    assert not locks.is_held(path)
    lock = locks.taken(path, OPEN)
    assert locks.is_held(path)
    with pytest.raises(BlockingIOError):
        locks.taken(path, OPEN)
    os.close(lock)
    assert not locks.is_held(path)


@pytest.mark.parametrize("change", [removed, replaced])
def test_what_goes_before_it_is_locked_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """Else two hold one each; no descriptor is left open."""
    path, changes, before = tmp_path / LOCK, [change], set(Path("/proc/self/fd").iterdir())
    flock = fcntl.flock

    def late(file: int, how: int) -> None:
        if changes:
            changes.pop()(path)
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    lock = locks.taken(path, OPEN)
    assert locks.is_at(lock, path)
    with pytest.raises(BlockingIOError):
        locks.taken(path, OPEN)
    os.close(lock)
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize("change", [removed, replaced])
def test_of_two_writers_the_one_whose_lock_is_gone_writes_no_more(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """Whoever comes then finds none and writes; the first is told at its next word, which is in no journal."""
    with Journal(tmp_path) as first:
        first.append(Noted(words="first"))
        change(tmp_path / LOCK)
        with Journal(tmp_path) as second:
            second.append(Noted(words="second"))
            with pytest.raises(StorageError, match=rf"{LOCK}: it was removed or replaced .*--resume"):
                first.append(Noted(words="first again"))
            second.append(Noted(words="second again"))
    told = [line.event for line in read(tmp_path)]
    assert told == [Noted(words=words) for words in ("first", "second", "second again")]
