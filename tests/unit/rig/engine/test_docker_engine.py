"""Where the engine's processes are looked for, on a made-up daemon."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from lab.errors import EnvironmentFault
from lab.rig.engine import docker_engine
from lab.rig.engine.docker_engine import DockerEngine

CONTAINER = 64 * "c"


class Daemon:
    """One with a container whose first process has our number, and which ends when it is waited for, or never."""

    def __init__(self, *, ending: bool) -> None:
        self.ending = ending

    def inspect_container(self, container: str) -> dict[str, Any]:
        """Say that it runs."""
        state = {"Running": True, "Status": "running", "ExitCode": 0, "OOMKilled": False, "Pid": os.getpid()}
        return {"Id": container, "Name": "/lab-x", "State": state, "Config": {"Labels": None}}

    def wait(self, container: str, timeout: float) -> dict[str, int]:
        """Say how it ended."""
        if not self.ending:
            raise requests.ReadTimeout
        return {"StatusCode": 0}


def engine(*, ending: bool = False) -> DockerEngine:
    """Return an engine with that daemon."""
    client: Any = SimpleNamespace(api=Daemon(ending=ending))
    return DockerEngine(client, "unix:///x.sock")


def test_a_process_of_ours_is_not_taken_for_the_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It only has the number that the engine gives, elsewhere: its files are not opened, nor its memory judged."""
    judged: list[int] = []
    monkeypatch.setattr(docker_engine, "killed_for_memory", lambda pid: bool(judged.append(pid)))
    state = engine().state(CONTAINER)
    assert state is not None
    assert (state.running, state.pid, judged) == (True, 0, [0])
    with pytest.raises(EnvironmentFault, match=r"at unix:///x\.sock are not among .*/proc here .*--pid=host"):
        engine().root(CONTAINER)


def test_one_that_ends_meanwhile_is_said_to_have_ended() -> None:
    """Its process is gone a moment before the engine says so."""
    with pytest.raises(EnvironmentFault, match="has ended"):
        engine(ending=True).root(CONTAINER)


def test_the_files_are_where_the_containers_process_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number."""
    monkeypatch.setattr(docker_engine, "holds", lambda container, pid: (container, pid) == (CONTAINER, os.getpid()))
    assert engine().root(CONTAINER) == Path(f"/proc/{os.getpid()}/root")
