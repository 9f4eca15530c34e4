"""Ctrl-C while images are pulled, built or made: it ends at once, and what was asked for with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault, Interrupted
from lab.host import sources
from lab.rig.process.signals import interruptible

AT_ONCE_S = 2.0
SETUP = """
import sys, threading
from types import SimpleNamespace
from docker.errors import ImageNotFound
from lab import cli
from lab.rig.engine.docker_engine import DockerEngine

there = sys.argv.pop(1)

class Api:
    base_url, api_version = "http+docker://x", "1.41"

    def info(self):
        return {"ServerVersion": "20.10", "KernelVersion": "6"}

    def inspect_image(self, reference):
        if "@" in reference and there == "sources":
            return {"Id": "sha256:0"}
        raise ImageNotFound("no such image")

    def post(self, *_, **__):
        print("asked", flush=True)
        threading.Event().wait()

    def build(self, **_):
        self.post()

    def close(self):
        pass

DockerEngine.connect = classmethod(lambda cls: cls(SimpleNamespace(api=Api()), "unix:///x"))
cli.main()
"""
"""`lab setup` on an engine that never answers: where only the `sources` are there to the first build, else to pulls."""


@pytest.mark.parametrize(("there", "asked"), [("nothing", 2), ("sources", 1)], ids=["pulled", "built"])
def test_a_signal_does_not_wait_for_an_engine_that_is_at_work(tmp_path: Path, there: str, asked: int) -> None:
    """The process ends, and its connections with it, on which the engine gives up; the usual word and exit code."""
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("CERTIFICATE")
    environment = {**os.environ, "SSL_CERT_FILE": str(bundle), "TMPDIR": str(tmp_path)}
    argv = [sys.executable, "-c", SETUP, there, "setup"]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            for _ in range(asked):
                assert select.select([run.stdout], [], [], 30)[0]
                assert os.read(run.stdout.fileno(), len("asked\n")) == b"asked\n"
            began = time.monotonic()
            os.kill(run.pid, signal.SIGINT)
            _, said = run.communicate(timeout=10)
        finally:
            run.kill()
    assert time.monotonic() - began < AT_ONCE_S
    assert (run.returncode, said.decode().splitlines()[-1]) == (130, "lab: interrupted by SIGINT")
    assert list(tmp_path.glob("livekit-lab-*")) == []


def lives(number: int) -> bool:
    """Say whether a process is there, and not only waited for."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ended(said: Path) -> bool:
    """Say whether those whose numbers are in `said` have ended: what was killed may take a moment to be no more."""
    until = time.monotonic() + AT_ONCE_S
    while any(lives(int(number)) for number in said.read_text().split()):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def making(folder: Path) -> tuple[list[str], Path]:
    """Return the command of a maker without end, and the file in which it says its number and that of what it began."""
    said = folder / "said"
    return ["sh", "-c", f"sleep 60 & echo $$ $! >{said}.new; mv {said}.new {said}; wait"], said


def test_a_signal_ends_a_maker_and_all_that_it_began(tmp_path: Path) -> None:
    """In whatever thread it is waited for: a compiler would go on for minutes, in a folder that is gone."""
    argv, said = making(tmp_path)
    with pytest.raises(Interrupted), interruptible(), ThreadPoolExecutor(1) as pool:  # noqa: PT012
        made = pool.submit(sources.run, argv)
        while not said.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(made.exception(), Interrupted)
    assert ended(said)


def test_a_maker_that_takes_too_long_is_ended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how long was waited is told."""
    monkeypatch.setattr(sources, "MAKE_DEADLINE_S", 0.5)
    argv, said = making(tmp_path)
    with pytest.raises(EnvironmentFault, match=r"sh: .* timed out after 0\.5 seconds"):
        sources.run(argv)
    assert ended(said)


def test_what_a_maker_says_is_returned_or_told(tmp_path: Path) -> None:
    """Its output, and of one that fails the last words of both; of one that is not there its name."""
    assert sources.run(["sh", "-c", "echo $LAB_X; echo oops >&2"], environment={"LAB_X": "said"}) == "said\n"
    with pytest.raises(EnvironmentFault, match="failed:\nout\noops"):
        sources.run(["sh", "-c", "echo out; echo oops >&2; exit 1"])
    with pytest.raises(EnvironmentFault, match="nonesuch: "):
        sources.run([str(tmp_path / "nonesuch")])
