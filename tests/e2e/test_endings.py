"""However a run ends, nothing of it is left: no container, process or temporary file, within ten seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.evidence import names
from lab.evidence.manifest import read_manifest
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import OWNER_LABEL, RUN_LABEL
from lab.rig.standing import cleanup
from tests.e2e.conftest import results_of, scenario

pytestmark = pytest.mark.e2e

GONE_S = 10.0
JOINED = "media"


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    """Return the engine of this machine."""
    connected = DockerEngine.connect()
    yield connected
    connected.close()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a scenario that would run for a minute."""
    path = tmp_path / "long.yaml"
    path.write_text(scenario("", duration="1m").replace("name: e2e", "name: long"))
    return path


class Started:
    """A `lab run` in a process of its own, with everything it says."""

    def __init__(self, path: Path, results: Path, *more: str) -> None:
        self.said = results.parent / f"{results.name}.err"
        self.results = results
        with self.said.open("w") as err:
            argv = [sys.executable, "-m", "lab", "run", str(path), "-o", str(results), *more]
            self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=err, text=True)

    def wait_for(self, phase: str, deadline_s: float = 60) -> None:
        """Return when the run has entered `phase`."""
        until(lambda: f"lab: {phase}" in self.said.read_text() or self.process.poll() is not None, deadline_s)
        assert self.process.poll() is None, self.said.read_text()

    def end(self, deadline_s: float) -> tuple[int, str]:
        """Return exit code and standard output when it has ended."""
        out, _ = self.process.communicate(timeout=deadline_s)
        return self.process.returncode, out


def until(holds: Callable[[], bool], deadline_s: float) -> None:
    """Wait until `holds`; fail at the deadline."""
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, "the deadline passed"
        time.sleep(0.1)


def objects_of(engine: DockerEngine, pid: int) -> list[cleanup.Thing]:
    """Return the containers of the lab of process `pid`."""
    things = cleanup.found(engine, {RUN_LABEL: ""})
    return [thing for thing in things if f":{pid}:" in thing.labels.get(OWNER_LABEL, "")]


def watchdogs() -> set[str]:
    """Return the command lines of all watchdogs on this machine; each names its run."""
    return {line for line in _processes() if "lab.rig.standing.watchdog" in line}


def _processes() -> list[str]:
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


def _temporary() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("livekit-lab-*")}


def test_kill_9_in_the_middle_leaves_nothing(engine: DockerEngine, mine: Path, tmp_path: Path) -> None:
    """The watchdog, which no signal to the lab reaches, removes everything by label, and goes."""
    files, dogs = _temporary(), watchdogs()
    run = Started(mine, tmp_path / "results")
    run.wait_for(JOINED)
    assert objects_of(engine, run.process.pid)
    assert _temporary() - files
    assert watchdogs() - dogs
    run.process.kill()
    run.end(5)
    until(
        lambda: not objects_of(engine, run.process.pid) and not _temporary() - files and not watchdogs() - dogs, GONE_S
    )


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_cleanly_and_keeps_the_recording(
    engine: DockerEngine, mine: Path, tmp_path: Path, signum: signal.Signals, code: int
) -> None:
    """Exit code 128 + signal; the recording is kept and says that it was interrupted; nothing else is left."""
    files, dogs = _temporary(), watchdogs()
    run = Started(mine, tmp_path / "results")
    run.wait_for(JOINED if signum is signal.SIGINT else "containers")
    os.kill(run.process.pid, signum)
    exit_code, _ = run.end(GONE_S + 5)
    assert exit_code == code, run.said.read_text()
    assert objects_of(engine, run.process.pid) == []
    assert _temporary() - files == set()
    until(lambda: not watchdogs() - dogs, GONE_S)
    (folder,) = results_of(tmp_path / "results")
    assert read_manifest(folder).phase == "interrupted"


def test_two_labs_at_once_both_finish(tmp_path: Path) -> None:
    """With the same addresses, and no cleaning of each other: both end with a verdict (void, if they were too much)."""
    path = tmp_path / "short.yaml"
    path.write_text(scenario("", duration="4s").replace("1%", "3%"))
    runs = [Started(path, tmp_path / name) for name in ("one", "two")]
    ends = [run.end(90) for run in runs]
    for (code, out), run in zip(ends, runs, strict=True):
        assert code in (0, 3), run.said.read_text() + out
        assert "made 200" in out


def test_a_server_that_refuses_its_configuration_is_quoted(tmp_path: Path) -> None:
    """Exit 4 with LiveKit's own words, nothing left; the folder says that the run failed and why."""
    path = tmp_path / "bad-server.yaml"
    path.write_text(scenario("server: {config: {no_such_key: 1}}\n"))
    run = Started(path, tmp_path / "results")
    code, _ = run.end(60)
    assert code == 4
    assert "no_such_key" in run.said.read_text()
    (folder,) = results_of(tmp_path / "results")
    assert read_manifest(folder).phase == "failed"


def test_a_client_that_dies_is_quoted(engine: DockerEngine, mine: Path, tmp_path: Path) -> None:
    """A client killed in the middle ends the run with exit 4, its name and exit code; nothing is left."""
    run = Started(mine, tmp_path / "results")
    run.wait_for(JOINED)
    (victim,) = [thing for thing in objects_of(engine, run.process.pid) if "client-sub" in thing.name]
    engine.signal(victim.id, "SIGKILL")
    code, _ = run.end(30)
    assert code == 4
    assert "client subscriber ended with its container (exit code 137)" in run.said.read_text()
    assert objects_of(engine, run.process.pid) == []


def test_a_capture_that_dies_ends_the_run_at_once(engine: DockerEngine, mine: Path, tmp_path: Path) -> None:
    """Not after the minute: exit 4 with its name; what was recorded by then is kept, and nothing else is left."""
    run = Started(mine, tmp_path / "results")
    run.wait_for(JOINED)
    (router,) = [thing for thing in objects_of(engine, run.process.pid) if thing.name.endswith("-router")]
    assert engine.execute(router.id, ("pkill", "-KILL", "-f", f"^tcpdump .*/{names.CORE_TAP}$")).exit_code == 0
    code, _ = run.end(20)
    assert code == 4
    assert "the capture core ended before it was told to, with exit code 137" in run.said.read_text()
    assert objects_of(engine, run.process.pid) == []
    (folder,) = results_of(tmp_path / "results")
    assert read_manifest(folder).phase == "failed"
    assert (folder / names.CORE_TAP).stat().st_size > 0
