"""A real sweep through the command line: two lanes, interrupted, killed, gone on with, and nothing made twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.batch.folders.committed import Committed, SweepFolder
from lab.batch.folders.journal import Began, Ended
from lab.evidence.manifest import read_manifest
from lab.rig.engine.docker_engine import DockerEngine
from tests.e2e.test_endings import GONE_S, objects_of, until

pytestmark = pytest.mark.e2e

SCENARIO = """
version: 1
name: swept
media: {duration: 4s, settle: 1s, control: 1s}
links: {publisher: {}}
"""
SWEEP_S = 150.0


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    """Return the engine of this machine."""
    connected = DockerEngine.connect()
    yield connected
    connected.close()


class Sweeping:
    """A `lab sweep` in a process of its own, with everything it says."""

    def __init__(self, said: Path, *arguments: str | Path) -> None:
        self._said = said
        with said.open("w") as err:
            argv = [sys.executable, "-m", "lab", "sweep", *map(str, arguments)]
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=err, text=True)

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._said.read_text()

    def wait_for(self, words: str) -> None:
        """Return when it has said `words`."""
        until(lambda: words in self.said or self.process.poll() is not None, SWEEP_S)
        assert words in self.said

    def end(self, signum: signal.Signals | None = None) -> int:
        """Send it a signal, if one is given; return the exit code."""
        if signum is not None:
            self.process.send_signal(signum)
        self.out, _ = self.process.communicate(timeout=SWEEP_S)
        return self.process.returncode


def judging() -> set[str]:
    """Return the ids of all processes that judge recordings beside a sweep."""
    found = set()
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if b"lab.batch.crews.judging" in place.read_bytes():
                found.add(place.parent.name)
    return found


def runs(folder: Path) -> dict[str, Committed]:
    """Return what counts, by cell, every byte of it looked at."""
    return {each.cell.id: each for each in SweepFolder(folder, every_byte=True).committed()}


def test_a_sweep_is_interrupted_killed_and_gone_on_with(tmp_path: Path, engine: DockerEngine) -> None:
    """Ctrl-C leaves nothing behind, SIGKILL what the watchdogs remove; in the end each cell has one run that counts."""
    (tmp_path / "swept.yaml").write_text(SCENARIO)
    axes = ("links.publisher.up.loss=0%,20%,40%", "media.red=true,false")
    judges = judging()
    first = Sweeping(
        tmp_path / "1.err", tmp_path / "swept.yaml", *axes, "--no-controls", "--lanes", "2", "-o", tmp_path / "results"
    )
    first.wait_for("lab: 2 of 6")
    assert first.end(signal.SIGINT) == 130, first.said
    (folder,) = (tmp_path / "results" / "swept").iterdir()
    there = runs(folder)
    assert len(there) >= 2
    assert objects_of(engine, first.process.pid) == []
    assert f"lab sweep --resume {folder} goes on" in first.said

    second = Sweeping(tmp_path / "2.err", "--resume", folder, "--lanes", "2")
    second.wait_for("lab: 1 of")
    assert second.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not objects_of(engine, second.process.pid) and judging() <= judges, GONE_S)
    killed = runs(folder)
    assert there.items() <= killed.items()

    third = Sweeping(tmp_path / "3.err", "--resume", folder, "--lanes", "2")
    assert third.end() in (0, 1, 3), third.said
    done = SweepFolder(folder, every_byte=True)
    assert done.missing() == ()
    assert killed.items() <= runs(folder).items()
    began = [line.event for line in done.lines if isinstance(line.event, Began)]
    voids = sum(isinstance(line.event, Ended) and line.event.outcome == "VOID" for line in done.lines)
    assert len(began) - voids <= 6 + 4, "more was made again than two lanes had under way at two ends"
    assert "6 valid of" in third.out
    assert {read_manifest(each.folder).phase for each in runs(folder).values()} == {"sealed"}
