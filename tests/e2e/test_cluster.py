"""Real workers for a real sweep through the command line: two on this machine, one of them killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from lab.evidence import names
from lab.evidence.manifest import SEALED
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.standing.lab import Machine
from tests.cluster.process import Process
from tests.e2e.test_endings import objects_of, until
from tests.e2e.test_sweeps import SCENARIO, Sweeping, runs

pytestmark = pytest.mark.e2e

TURN_S = 60.0
"""How long a worker may take to be there, or to be gone."""


@pytest.fixture(autouse=True)
def ready(here: Machine) -> None:
    """Have the images before any time is limited."""


@contextmanager
def working(address: str, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a `lab worker` with one slot, which keeps its runs below `place`; what it says is in `place`.err."""
    place.mkdir()
    argv = [sys.executable, "-m", "lab", "worker", address, "--lanes", "1", "--scratch", str(place)]
    with place.with_suffix(".err").open("w") as err:
        process = subprocess.Popen(argv, stderr=err)
    try:
        until(lambda: "offers 1 lab slot to" in place.with_suffix(".err").read_text(), TURN_S)
        yield process
    finally:
        process.kill()
        process.wait()


def recording(place: Path) -> bool:
    """Say whether a run below `place` is being recorded."""
    with suppress(FileNotFoundError):  # a manifest is written aside and renamed
        return any(SEALED not in manifest.read_text() for manifest in place.rglob(names.MANIFEST))
    return False


def test_a_sweep_over_two_workers_of_which_one_is_killed(tmp_path: Path) -> None:
    """Each cell has one run that counts, verified here; nothing is left, of the killed one and of the ended one."""
    (tmp_path / "swept.yaml").write_text(SCENARIO)
    engine = DockerEngine.connect()
    with ExitStack() as stack:
        stack.callback(engine.close)
        address = stack.enter_context(Process("scheduling")).first
        mortal, other = (stack.enter_context(working(address, tmp_path / name)) for name in ("mortal", "other"))
        sweep = Sweeping(
            tmp_path / "sweep.err",
            tmp_path / "swept.yaml",
            "links.publisher.up.loss=0%,10%,20%,40%",
            "--no-controls",
            "--scheduler",
            address,
            "-o",
            tmp_path / "results",
        )
        sweep.wait_for("lab: 1 of 4")
        until(lambda: recording(tmp_path / "mortal"), TURN_S)
        mortal.send_signal(signal.SIGKILL)
        assert sweep.end() in (0, 1, 3), sweep.said
        assert "it is gone" in sweep.said
        assert "4 valid of" in sweep.out  # void ones are made again on a busy machine
        (folder,) = (tmp_path / "results" / "swept").iterdir()
        assert len(runs(folder)) == 4
        other.send_signal(signal.SIGTERM)
        assert other.wait(TURN_S) == 128 + signal.SIGTERM
        assert list((tmp_path / "other").iterdir()) == []
        assert objects_of(engine, other.pid) == []
        until(lambda: not objects_of(engine, mortal.pid), TURN_S)
