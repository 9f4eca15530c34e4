"""The journal: what was written is there, what was cut is not, what was changed is named, and one process writes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders.journal import (
    CELLS,
    LOCK,
    NAME,
    Began,
    Ended,
    Event,
    Journal,
    Noted,
    Opened,
    is_being_written,
    read,
)
from lab.errors import EnvironmentFault, EvidenceError, StorageError

EVENTS: tuple[Event, ...] = (
    Opened(plan="ab" * 32, lab="1.0", pid=7),
    Began(cell="0123456789ab", attempt=1, run="20260101-000000-beef"),
    Ended(
        cell="0123456789ab",
        attempt=1,
        run="20260101-000000-beef",
        outcome="FAIL",
        owner="CODE/client",
        why='"quoted", ünïcode,\nbroken',
        exit_code=1,
        manifest="cd" * 32,
        wall_s=35.25,
    ),
    Noted(words="2 lanes side by side"),
)


def written(folder: Path, *events: Event) -> Path:
    """Write `events` at the times 0, 1, …; return the journal's path."""
    ticks = iter(range(1000))
    with Journal(folder, clock=lambda: next(ticks)) as journal:
        for event in events:
            journal.append(event)
    return folder / NAME


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Every event, in order, with its time; a second writer goes on behind it."""
    written(tmp_path, *EVENTS[:2])
    written(tmp_path, *EVENTS[2:])
    assert tuple(line.event for line in read(tmp_path)) == EVENTS
    assert [line.t_ns for line in read(tmp_path)] == [0, 1, 0, 1]


def test_a_line_is_its_checksum_and_json(tmp_path: Path) -> None:
    """What any other program can read: CRC-32 in hex, a space, a JSON object."""
    first = written(tmp_path, *EVENTS).read_bytes().splitlines()[0]
    crc, text = first.split(b" ", 1)
    assert int(crc, 16) == zlib.crc32(text)
    assert text.startswith(b'{"t_ns": 0, "event": "opened", "plan": "abab')


def test_no_journal_is_no_events(tmp_path: Path) -> None:
    """A sweep that was planned and never run."""
    assert read(tmp_path) == ()


def test_wherever_the_last_line_is_cut_the_others_stay(tmp_path: Path) -> None:
    """Readers pass over it; the next writer puts it aside, byte by byte, and goes on."""
    content = written(tmp_path, *EVENTS).read_bytes()
    kept = len(content) - len(content.splitlines(keepends=True)[-1])
    for cut in range(kept + 1, len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / NAME).write_bytes(content[:cut])
        assert tuple(line.event for line in read(folder)) == EVENTS[:-1]
        written(folder, EVENTS[-1])
        assert tuple(line.event for line in read(folder)) == EVENTS
        assert b"".join(p.read_bytes() for p in folder.glob("journal.torn-*")) == content[kept:cut]


def test_a_last_line_that_never_reached_the_disk_is_torn(tmp_path: Path) -> None:
    """After a power cut it may be there in its length and full of zeros."""
    path = written(tmp_path, *EVENTS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + b"\0" * (len(lines[-1]) - 1) + b"\n")
    assert len(read(tmp_path)) == len(EVENTS) - 1


def test_any_changed_bit_before_the_last_line_is_named(tmp_path: Path) -> None:
    """File and line, exit code 5; a writer does not go on behind it either."""
    path = written(tmp_path, *EVENTS)
    content = path.read_bytes()
    last = len(content) - len(content.splitlines(keepends=True)[-1])
    for place in range(0, last - 1, 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        line = 1 + content[:place].count(b"\n")
        with pytest.raises(EvidenceError, match=f"{NAME}:{line}: its checksum"):
            read(tmp_path)


def test_any_changed_line_break_is_named_and_hides_nothing(tmp_path: Path) -> None:
    """It joins two lines, or leaves the last one open: both were told, so neither is passed over or put aside."""
    path = written(tmp_path, *EVENTS)
    content = path.read_bytes()
    breaks = [place for place, byte in enumerate(content) if byte == ord("\n")]
    assert len(breaks) == len(EVENTS)
    for line, place in enumerate(breaks, 1):
        for bit in range(8):
            changed = content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
            path.write_bytes(changed)
            with pytest.raises(EvidenceError, match=f"{NAME}:{line}: its checksum"):
                read(tmp_path)
            written(tmp_path)
            assert path.read_bytes() == changed


def test_an_event_of_a_newer_lab_is_no_torn_line(tmp_path: Path) -> None:
    """Its checksum fits: it is named, and nobody cuts it off."""
    path = written(tmp_path, *EVENTS)
    text = b'{"t_ns": 5, "event": "beamed"}'
    path.write_bytes(path.read_bytes() + b"%08x %s\n" % (zlib.crc32(text), text))
    before = path.read_bytes()
    with pytest.raises(EvidenceError, match=f"{NAME}:5: an event that this lab does not know"):
        read(tmp_path)
    written(tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"t_ns": 5, "event": ["noted"], "words": ""}', "an event that this lab does not know"),
        (b'{"t_ns": 5, "event": "noted", "words": "", "colour": "red"}', "colour"),
        (
            b'{"t_ns": 5, "event": "ended", "cell": "a", "attempt": 1, "run": "b", "outcome": "MIXED"}',
            "an outcome that this lab does not know: MIXED",
        ),
    ],
)
def test_what_a_newer_lab_writes_is_called_newer(tmp_path: Path, text: bytes, said: str) -> None:
    """A checksum that fits vouches for the line: nobody changed it, this lab is too old for it."""
    path = written(tmp_path, *EVENTS)
    path.write_bytes(path.read_bytes() + b"%08x %s\n" % (zlib.crc32(text), text))
    with pytest.raises(EvidenceError, match=rf"{NAME}:5: ?.*{said}.* \(a newer lab wrote it; upgrade\)"):
        read(tmp_path)


def test_a_lock_that_finds_no_room_is_named_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, and no .lock yet: what to do is said, and whoever comes next may lock it."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = set(Path("/proc/self/fd").iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(StorageError, match=rf"{LOCK}: .*the disk is full"):
            Journal(tmp_path).__enter__()
    assert set(Path("/proc/self/fd").iterdir()) == before
    written(tmp_path, *EVENTS)


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    """By another process, whose id is named; reading stays possible; afterwards it may write."""
    code = (
        "from pathlib import Path; from lab.batch.folders.journal import Journal; "
        f"Journal(Path({str(tmp_path)!r})).__enter__()"
    )
    with Journal(tmp_path) as journal:
        journal.append(EVENTS[0])
        with pytest.raises(EnvironmentFault, match=f"process {os.getpid()} is running this sweep"):
            Journal(tmp_path).__enter__()
        assert len(read(tmp_path)) == 1
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert f"process {os.getpid()} is running" in refused.stderr
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_line_that_finds_no_room_is_not_there_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up in the middle of a line: StorageError with what to do, and the journal reads as before."""
    real, room = os.write, [30]

    def full(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        wrote, room[0] = real(file, data[: room[0]]), 0
        return wrote

    with Journal(tmp_path) as journal:
        journal.append(EVENTS[0])
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(StorageError, match="the disk is full"):
                journal.append(EVENTS[1])
        assert len(read(tmp_path)) == 1
        journal.append(EVENTS[2])
    assert tuple(line.event for line in read(tmp_path)) == (EVENTS[0], EVENTS[2])


def moved(folder: Path) -> None:
    """Move the folder, as somebody who makes room."""
    folder.rename(folder.with_name("elsewhere"))


def replaced(folder: Path) -> None:
    """Put a copy in the journal's place, as an editor or rsync does."""
    (folder / "copy").write_bytes((folder / NAME).read_bytes())
    (folder / "copy").rename(folder / NAME)


def removed(folder: Path) -> None:
    """Remove the journal."""
    (folder / NAME).unlink()


@pytest.mark.parametrize("change", [moved, replaced, removed])
@pytest.mark.parametrize("late", [False, True])
def test_nothing_is_told_to_a_file_that_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], late: bool
) -> None:
    """Moved or replaced while a sweep runs, even while a line is synced: StorageError, and no journal has the line."""
    (folder := tmp_path / "sweep").mkdir()
    with Journal(folder) as journal:
        journal.append(EVENTS[0])
        if late:
            monkeypatch.setattr(os, "fsync", lambda _: change(folder))
        else:
            change(folder)
        with pytest.raises(StorageError, match=rf"{NAME}: it was moved or replaced .*put it back .* --resume"):
            journal.append(EVENTS[1])
    told = [line.event for each in tmp_path.glob(f"*/{NAME}") for line in read(each.parent)]
    assert late or told == [EVENTS[0]] * len(told)


def test_a_new_journal_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name and that of the cells' folder too: synced before the first word is written, and the file after each."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    with Journal(tmp_path) as journal:
        assert synced == [tmp_path.stat().st_ino]
        assert (tmp_path / CELLS).is_dir()
        journal.append(EVENTS[0])
        assert synced[1:] == [(tmp_path / NAME).stat().st_ino]


def test_what_a_journal_holds_of_a_grid_is_what_it_always_was(tmp_path: Path) -> None:
    """Only a search names what it is along: a lab of before reads all others."""
    assert b"search" not in written(tmp_path, EVENTS[0]).read_bytes()
    assert b'"search": "media.bitrate"' in written(tmp_path, replace(EVENTS[0], search="media.bitrate")).read_bytes()


def test_where_there_are_no_locks_nobody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy on such a file system is read like any other."""
    written(tmp_path, *EVENTS)

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with Journal(tmp_path):
        assert is_being_written(tmp_path)
    monkeypatch.setattr("fcntl.flock", no_locks)
    assert not is_being_written(tmp_path)
