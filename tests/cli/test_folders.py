"""Folders that cannot be had: each is one line with its name and the way out, and no internal error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_exit_codes import lab

GOOD = "version: 1\nlinks: {publisher: {}}\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Return a good scenario file."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("command", [("run",), ("sweep", "media.red=true,false")])
def test_5_for_links_in_a_circle(tmp_path: Path, scenario: Path, command: tuple[str, ...]) -> None:
    """Whether a run or a sweep is to land there."""
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    done = lab(command[0], scenario, *command[1:], "-o", loop)
    assert (done.returncode, "internal error" in done.stderr) == (5, False)
    assert (
        f"{loop}: Too many levels of symbolic links (check the disk, or choose another folder with -o)" in done.stderr
    )


@pytest.mark.parametrize("arguments", [("--resume", "loop"), ("--merge", "loop", "other")])
def test_5_for_a_sweep_behind_links_in_a_circle(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One to go on with, or a part of one."""
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    done = lab("sweep", *arguments)
    assert (done.returncode, "internal error" in done.stderr) == (5, False)
    assert (
        f"loop: Too many levels of symbolic links (check the disk, or choose another folder with {arguments[0]})"
        in (done.stderr)
    )


@pytest.mark.parametrize("command", [("run",), ("sweep", "media.red=true,false")])
def test_5_for_a_current_folder_that_is_gone(
    tmp_path: Path, scenario: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results would land below it."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = lab(command[0], scenario, *command[1:])
    assert (done.returncode, "internal error" in done.stderr) == (5, False)
    assert (
        "results: the current folder is gone (cd to another one, or give -o a path that begins with /)" in done.stderr
    )


def test_2_for_a_cache_relative_to_wherever_one_stands(tmp_path: Path, scenario: Path) -> None:
    """The specification has it ignored, which nobody would notice."""
    done = lab("run", scenario, "-o", tmp_path / "results", XDG_CACHE_HOME="tiny")
    assert done.returncode == 2
    assert "XDG_CACHE_HOME is tiny, another folder wherever one stands (give it a path that begins" in done.stderr
    assert not (tmp_path / "results").exists()


def test_5_for_a_cache_that_cannot_be_made(tmp_path: Path, scenario: Path) -> None:
    """It is named, with the variable."""
    done = lab("run", scenario, "-o", tmp_path / "results", XDG_CACHE_HOME="/proc/x")
    assert done.returncode == 5
    assert "/proc/x/livekit-lab: " in done.stderr
    assert "choose another folder with XDG_CACHE_HOME" in done.stderr
