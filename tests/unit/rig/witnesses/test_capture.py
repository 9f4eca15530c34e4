"""The taps: one shell runs them, each with its own words; all have begun before the clients, and end with the run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from lab.errors import EnvironmentFault
from lab.rig.standing.lab import Lab
from lab.rig.witnesses import capture
from lab.rig.witnesses.capture import ENDED, LISTENING, Captures, TapPoint, script
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
FAKE = """#!/bin/sh
# Stands for tcpdump: says that it listens, waits for SIGTERM, and says what it dropped.
trap 'echo "0 packets dropped by kernel" >&2; exit 0' TERM
echo "listening on $2" >&2
while :; do sleep 0.01; done
"""


class Running:
    """The taps' shell, which does at each look what a test wants, and at last ends."""

    def __init__(self, *looks: Callable[[], None]) -> None:
        self.looks, self.written, self.closed = list(looks), b"", False

    def read(self, timeout_s: float) -> bytes:
        """Let something happen; the end when nothing is left to."""
        if not self.looks:
            return b""
        self.looks.pop(0)()
        raise TimeoutError

    def write(self, data: bytes) -> None:
        """Take it."""
        self.written += data

    def close(self) -> None:
        """Note it."""
        self.closed = True


def taps(folder: Path, monkeypatch: pytest.MonkeyPatch, *looks: Callable[[], None]) -> tuple[Captures, Running, Lab]:
    """Return the taps of a lab with one link, in a shell that does `looks`."""
    shell, engine = Running(*looks), FakeEngine()
    monkeypatch.setattr(FakeEngine, "shell", lambda *_: shell)
    lab, run = on_fake(engine, folder, PLAIN), run_folder(folder, PLAIN)
    found = Captures(engine=engine, router="r", topology=lab.topology, folder=run, mounted=PurePosixPath("/r"))
    return found, shell, lab


def say(folder: Path, words: str, count: int | None = None) -> None:
    """Let the taps (the first `count`) say `words`."""
    (captures,) = folder.rglob("captures")
    for name in ("core", "open", "edge-a", "inner-a")[:count]:
        with (captures / f"{name}.log").open("a") as file:
            file.write(words + "\n")


def test_open_means_that_every_tap_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not three of four; complete means that every one has said what it dropped."""
    found, shell, _ = taps(
        tmp_path,
        monkeypatch,
        lambda: say(tmp_path, LISTENING, 3),
        lambda: say(tmp_path, LISTENING),
        lambda: say(tmp_path, ENDED),
    )
    with found:
        assert len(shell.looks) == 1
        assert shell.written == b""
    assert (shell.looks, shell.written, shell.closed) == ([], b"\n", True)


def test_a_tap_that_does_not_come_up_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own words, at once when all has ended, and nothing is left open."""
    found, shell, _ = taps(
        tmp_path, monkeypatch, lambda: say(tmp_path, LISTENING, 2), lambda: say(tmp_path, "edge0: no such device")
    )
    with pytest.raises(EnvironmentFault, match=r"edge-a.*no such device"):
        found.__enter__()
    assert shell.closed


def test_a_silent_tap_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end although its shell still runs."""
    found, shell, _ = taps(tmp_path, monkeypatch, *[lambda: None] * 100_000)
    monkeypatch.setattr(capture, "START_S", 0.01)
    with pytest.raises(EnvironmentFault, match="did not say 'listening on'"):
        found.__enter__()
    assert shell.closed


@pytest.mark.parametrize("word", [b"\n", b""])
def test_the_shell_ends_its_own_taps_alone(tmp_path: Path, word: bytes) -> None:
    """When it is told to, and when whoever started it is gone; each tap's words are beside its capture."""
    program = tmp_path / "bin" / "tcpdump"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    points = [TapPoint(device="core", file="it's core.pcap"), TapPoint(device="edge0", file="edge-a.pcap")]
    path = f"{program.parent}:{os.environ['PATH']}"
    run = subprocess.Popen(
        ("sh", "-c", script(points, PurePosixPath(tmp_path))), stdin=subprocess.PIPE, env={"PATH": path}
    )
    words = [tmp_path / "it's core.log", tmp_path / "edge-a.log"]
    while not all(file.exists() and LISTENING in file.read_text() for file in words):
        assert run.poll() is None
    assert run.communicate(word, timeout=10) == (None, None)
    assert [file.read_text().split("\n")[0] for file in words] == ["listening on core", "listening on edge0"]
    assert all(ENDED in file.read_text() for file in words)
