"""The taps: one shell runs them, each with its own words; all have begun before the clients, and end with the run."""

from __future__ import annotations

import os
import select
import signal
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
# Stands for tcpdump: says that it listens, and its number, waits for SIGTERM, and says what it dropped.
trap 'echo "0 packets dropped by kernel" >&2; exit 0' TERM
printf 'listening on %s\n%s\n' "$2" $$ >&2
while :; do sleep 0.01; done
"""


Look = Callable[[], bytes | None]


class Running:
    """The taps' shell, which does and says at each look what a test wants, and at last ends."""

    def __init__(self, *looks: Look) -> None:
        self.looks, self.written, self.closed = list(looks), b"", False

    def read(self, timeout_s: float) -> bytes:
        """Let something happen; the end when nothing is left to."""
        if not self.looks:
            return b""
        if said := self.looks.pop(0)():
            return said
        raise TimeoutError

    def write(self, data: bytes) -> None:
        """Take it."""
        self.written += data

    def close(self) -> None:
        """Note it."""
        self.closed = True


def taps(folder: Path, monkeypatch: pytest.MonkeyPatch, *looks: Look) -> tuple[Captures, Running, Lab]:
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
    """With its own words, at once, though the others listen, and nothing is left open."""
    found, shell, _ = taps(tmp_path, monkeypatch, lambda: say(tmp_path, "no such device"), lambda: b"1 edge-a\n")
    with pytest.raises(EnvironmentFault, match=r"edge-a ended .*exit code 1:\n +no such device"):
        found.__enter__()
    assert shell.closed


def test_one_that_dies_meanwhile_is_told_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next look, though all others run on; these are ended, and what fails then is not told instead."""
    found, shell, _ = taps(
        tmp_path, monkeypatch, lambda: say(tmp_path, LISTENING), lambda: None, lambda: b"137 edge-a\n", lambda: None
    )
    with pytest.raises(EnvironmentFault, match=r"edge-a ended .*exit code 137:\n +listening on"), found:  # noqa: PT012
        found.check_alive()
        found.check_alive()
    assert (shell.looks, shell.written, shell.closed) == ([], b"\n", True)


def test_one_that_died_unseen_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the last look, and with a farewell as if it had been told to end."""
    found, shell, _ = taps(
        tmp_path, monkeypatch, lambda: say(tmp_path, f"{LISTENING}\n0 packets {ENDED}"), lambda: b"0 core\n"
    )
    with pytest.raises(EnvironmentFault, match=r"core ended .*exit code 0:\n +listening on\n +0 packets"), found:
        pass
    assert shell.closed


def test_taps_that_end_with_their_shell_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when their container is gone."""
    found, _, _ = taps(tmp_path, monkeypatch, lambda: say(tmp_path, LISTENING))
    with pytest.raises(EnvironmentFault, match="the captures ended"), found:
        found.check_alive()


def test_a_silent_tap_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end although its shell still runs."""
    found, shell, _ = taps(tmp_path, monkeypatch, *[lambda: None] * 100_000)
    monkeypatch.setattr(capture, "START_S", 0.01)
    with pytest.raises(EnvironmentFault, match="did not say 'listening on'"):
        found.__enter__()
    assert shell.closed


def in_shell(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[Path]]:
    """Run two taps of a fake tcpdump; return their shell, and where their words are."""
    program = tmp_path / "bin" / "tcpdump"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(0o755)
    points = [TapPoint(device="core", file="it's core.pcap"), TapPoint(device="edge0", file="edge-a.pcap")]
    path = f"{program.parent}:{os.environ['PATH']}"
    run = subprocess.Popen(
        ("sh", "-c", script(points, PurePosixPath(tmp_path))),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": path},
    )
    return run, [(tmp_path / point.file).with_suffix(".log") for point in points]


def listening(run: subprocess.Popen[bytes], words: list[Path]) -> list[list[str]]:
    """Return the lines that each fake has said, when it listens."""
    while not all(file.exists() and file.read_text().count("\n") == 2 for file in words):
        assert run.poll() is None
    return [file.read_text().splitlines() for file in words]


@pytest.mark.parametrize("word", [b"\n", b""])
def test_the_shell_ends_its_own_taps_alone(tmp_path: Path, word: bytes) -> None:
    """When it is told to, and when whoever started it is gone; each tap's words are beside its capture."""
    run, words = in_shell(tmp_path)
    assert [said[0] for said in listening(run, words)] == ["listening on core", "listening on edge0"]
    assert run.communicate(word, timeout=10)[1] is None
    assert all(ENDED in file.read_text() for file in words)


def test_the_shell_says_at_once_which_tap_has_died(tmp_path: Path) -> None:
    """And with what exit code, though killed without a word; it said nothing before, and the others run on."""
    run, words = in_shell(tmp_path)
    core, edge = listening(run, words)
    os.kill(int(edge[1]), signal.SIGKILL)
    assert run.stdout is not None
    assert select.select([run.stdout], [], [], 10)[0], "it said nothing"
    assert os.read(run.stdout.fileno(), 100) == b"137 edge-a\n"
    os.kill(int(core[1]), 0)
    assert run.communicate(b"\n", timeout=10)[0] == b"0 it's core\n"
