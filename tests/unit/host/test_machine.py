"""The machine: the folders that it needs, and what is said where they cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import EnvironmentFault, StorageError
from lab.host import machine as place
from lab.host.machine import cache_folder, machine
from lab.rig.process.watch import silent
from tests.fakes.engine import FakeEngine
from tests.fakes.sources import quick_sources


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let this machine have an engine without containers, and a cache of its own."""
    quick_sources(monkeypatch, tmp_path)
    monkeypatch.setattr(place.DockerEngine, "connect", FakeEngine)
    monkeypatch.setattr(place, "driver", lambda *_: "kernel")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_folders_are_made(tmp_path: Path) -> None:
    """Those of the results and of what all runs share, with those above them."""
    found = machine(tmp_path / "a" / "results", insist=None, watch=silent)
    assert (found.results, found.cache) == (tmp_path / "a" / "results", tmp_path / "cache" / "livekit-lab")
    assert found.results.is_dir()
    assert found.cache.is_dir()


def test_results_that_cannot_be_stored_are_named_with_the_way_out(tmp_path: Path) -> None:
    """A folder in which none can be made, as on a read-only disk."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/results: Not a directory \(.*choose another folder with -o\)"):
        machine(tmp_path / "file" / "results", insist=None, watch=silent)


def test_a_cache_that_cannot_be_made_is_told_before_images_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take minutes; the variable that chose it is named."""

    def absent() -> None:
        raise EnvironmentFault("no engine")

    monkeypatch.setattr(place.DockerEngine, "connect", absent)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/x")
    with pytest.raises(StorageError, match=r"/proc/x/livekit-lab: .*choose another folder with XDG_CACHE_HOME"):
        machine(tmp_path, insist=None, watch=silent)


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the specification has it."""
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "livekit-lab"
