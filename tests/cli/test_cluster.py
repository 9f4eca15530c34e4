"""`lab worker`, `lab sweep --scheduler` and `--merge`: what is refused and how, and what merging prints."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders.committed import SweepFolder
from lab.batch.remote import scheduler
from tests.cli.test_exit_codes import lab
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import laid, planned, swept
from tests.fakes.verdicts import JudgedRuns


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an address where nobody listens, and do not wait long for it."""
    monkeypatch.setattr(scheduler, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        return "tcp://{}:{}".format(*server.getsockname())


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Return the folders of two halves of a sweep; its last cell failed."""
    plan = planned(tmp_path, "links.publisher.up.loss=0%,1%,2%,3%")
    halves = [plan.cells[0::2], plan.cells[1::2]]
    folders: list[Path] = []
    ends = {plan.cells[3].id: ("FAIL",)}
    crew = InOrder(JudgedRuns(lambda cell: {"audio_loss": (0.031, 0.02, 0.044)}, ends))
    for number, half in enumerate(halves, 1):
        folders.append(laid(replace(plan, sweep=f"part-{number}"), tmp_path / f"part-{number}"))
        swept(folders[-1], crew, may_begin=lambda cell, half=half: cell in half)  # type: ignore[misc]
    return folders


@pytest.mark.parametrize("command", [["worker"], ["sweep", "FILE", "media.red=true,false", "--scheduler"]])
def test_2_for_no_address_and_4_for_nobody_there(command: list[str], tmp_path: Path, nobody: str) -> None:
    """Before the machine is looked at, and before a folder appears."""
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nlinks: {publisher: {}}\n")
    argv = [str(file) if word == "FILE" else word for word in command]
    results = ["-o", str(tmp_path / "results")] if "sweep" in command else []
    wrong, absent = lab(*argv, "here", *results), lab(*argv, nobody, *results)
    assert wrong.returncode == 2
    assert "'here' is no scheduler's address (write tcp://HOST:8786)" in wrong.stderr
    many = lab(*argv, f"tcp://127.0.0.1:{'9' * 5000}", *results)
    assert (many.returncode, "is no scheduler's address (write tcp://HOST:8786)" in many.stderr) == (2, True)
    assert absent.returncode == 4
    assert f"no Dask scheduler answers at {nobody}" in absent.stderr
    assert not (tmp_path / "results").exists()


def test_2_for_lanes_that_a_worker_cannot_offer(nobody: str) -> None:
    """As for a sweep."""
    done = lab("worker", nobody, "--lanes", "0")
    assert done.returncode == 2
    assert "--lanes 0: 1 to 12, or auto, is expected" in done.stderr


def test_merging_prints_the_whole_sweep_and_exits_as_it_would(tmp_path: Path, parts: list[Path]) -> None:
    """Every folder after --merge is a part; the table is that of the new folder."""
    done = lab("sweep", "--merge", *parts, "-o", tmp_path / "results", "--json")
    assert done.returncode == 1
    (folder,) = (tmp_path / "results" / "base").iterdir()
    whole = SweepFolder(folder, every_byte=True)
    assert whole.missing() == ()
    assert json.loads(done.stdout)["sweep"] == folder.name
    assert done.stderr == ""


def test_merging_too_little_says_how_to_go_on(tmp_path: Path, parts: list[Path]) -> None:
    """What no part has is missing, which exits as void does."""
    for run in (parts[1] / "cells").glob("*/*/manifest.json"):
        run.unlink()
    done = lab("sweep", "--merge", *parts, "-o", tmp_path / "results")
    assert done.returncode == 3
    assert "2 cells without a run that counts: lab sweep --resume" in done.stderr


@pytest.mark.parametrize(
    "more", [["--seed", "1"], ["--scheduler", "tcp://h:1"], ["--shard", "1/2"], ["--resume", "x"], ["--no-controls"]]
)
def test_2_for_anything_to_run_beside_merge(tmp_path: Path, parts: list[Path], more: list[str]) -> None:
    """It would be ignored; nothing is made."""
    done = lab("sweep", "--merge", *parts, *more, "-o", tmp_path / "results")
    assert done.returncode == 2
    assert "--merge runs nothing (leave --" in done.stderr
    assert not (tmp_path / "results").exists()
