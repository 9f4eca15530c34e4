"""Scratch folders: each is gone with its process, or at the next one's start; nobody else's is touched."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab.batch.remote import scratch as place
from lab.batch.remote.scratch import PREFIX, scratch
from lab.errors import StorageError

HOLD = """
import sys
from pathlib import Path
from lab.batch.remote.scratch import scratch
with scratch(Path(sys.argv[1]), print) as folder:
    (folder / "run").mkdir()
    print(folder, flush=True)
    sys.stdin.read()
"""


def left(folder: Path) -> list[str]:
    """Return what is in `folder`."""
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_gone_with_its_worker(tmp_path: Path) -> None:
    """With all that was in it; two at a time do not disturb each other."""
    told: list[str] = []
    with scratch(tmp_path, told.append) as one, scratch(tmp_path, told.append) as other:
        (one / "cell").mkdir()
        assert left(tmp_path) == sorted([one.name, other.name])
    assert (left(tmp_path), told) == ([], [])


def test_its_path_begins_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was asked for: a container engine mounts nothing else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    with scratch(Path("tiny"), pytest.fail) as folder:
        assert folder.parent == tmp_path / "tiny"


def test_a_folder_that_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something in it belongs to somebody else: nothing is left behind in silence."""
    told: list[str] = []
    monkeypatch.setattr(place.shutil, "rmtree", lambda path, ignore_errors: None)
    with scratch(tmp_path, told.append) as folder:
        pass
    assert (left(tmp_path), told) == (
        [folder.name],
        [f"{folder} could not be removed; the next worker here tries again"],
    )


def test_what_a_killed_worker_left_is_removed_by_the_next_one_and_a_living_ones_is_not(tmp_path: Path) -> None:
    """Another process is killed while it holds its folder: only then it is nobody's."""
    told: list[str] = []
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        theirs = Path(worker.stdout.readline().strip())
        with scratch(tmp_path, told.append):
            assert theirs.exists()
        worker.send_signal(signal.SIGKILL)
    assert left(tmp_path) == [theirs.name]
    with scratch(tmp_path, told.append) as mine:
        assert left(tmp_path) == [mine.name]
    assert told == [f"removed {theirs}, which a worker left that is dead"]


def test_links_files_and_other_peoples_folders_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may write into /tmp."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "precious").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / f"{PREFIX}theirs").mkdir()
    before = left(tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with scratch(tmp_path, pytest.fail):
        pass
    assert left(tmp_path) == before
    assert left(tmp_path / "elsewhere") == ["precious"]


def test_a_folder_that_another_takes_for_dead_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making and locking it there is a moment."""
    flock, taken = fcntl.flock, list[int]()

    def late(folder: int, how: int) -> None:
        if not taken:
            taken.append(folder)
            next(tmp_path.iterdir()).rmdir()
        flock(folder, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with scratch(tmp_path, pytest.fail) as folder:
        assert folder.is_dir()
        assert len(taken) == 1


def test_no_room_for_one_is_said(tmp_path: Path) -> None:
    """A folder that is not there."""
    with pytest.raises(StorageError, match="nowhere"), scratch(tmp_path / "nowhere", pytest.fail):
        pass
