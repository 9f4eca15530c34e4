"""What `make setup` may and may not do to a machine; nothing here installs or starts anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.host import install
from lab.rig.engine.docker_engine import DEFAULT_ENDPOINT


class Machine:
    """A machine without an engine: what would be run is recorded, and an engine comes up when it is started."""

    def __init__(self, *, answers_after_apt: bool = False, never: bool = False) -> None:
        """Say when its engine begins to answer."""
        self.ran: list[str] = []
        self.said: list[str] = []
        self.answers_after_apt = answers_after_apt
        self.never = never

    def run(self, argv: Sequence[str], *, environment: object = None) -> str:
        """Record a command."""
        self.ran.append(" ".join(argv[:2]))
        return ""

    def answers(self, _: float) -> bool:
        """Answer once the daemon was started, by us or by its package."""
        return not self.never and ("start" in self.ran or (self.answers_after_apt and "apt-get install" in self.ran))

    def start(self, _: install.Say) -> None:
        """Record that a daemon was started."""
        self.ran.append("start")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Be root on a machine with apt and without an engine."""
    monkeypatch.setattr(install, "endpoint", lambda: DEFAULT_ENDPOINT)
    monkeypatch.setattr(install.os, "geteuid", lambda: 0)
    monkeypatch.setattr(install.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(install, "_daemon_runs", lambda: False)
    return monkeypatch


def provide(machine: Machine, patch: pytest.MonkeyPatch) -> None:
    """Provide an engine on `machine`."""
    patch.setattr(install, "run", machine.run)
    patch.setattr(install, "_answers", machine.answers)
    patch.setattr(install, "_start_daemon", machine.start)
    install._provide_engine(machine.said.append)


def test_an_engine_is_installed_and_started_with_its_reason(bare: pytest.MonkeyPatch) -> None:
    """From nothing: apt, then the daemon; what and why are said before it happens."""
    machine = Machine()
    provide(machine, bare)
    assert machine.ran == ["apt-get update", "apt-get install", "start"]
    assert "docker.io" in machine.said[0]
    assert "because no container engine answers" in machine.said[0]


def test_a_daemon_that_its_package_started_is_not_started_again(bare: pytest.MonkeyPatch) -> None:
    """Some packages start what they install."""
    machine = Machine(answers_after_apt=True)
    provide(machine, bare)
    assert "start" not in machine.ran


def test_a_daemon_that_runs_without_answering_is_waited_for(bare: pytest.MonkeyPatch) -> None:
    """Never a second daemon; when the first stays silent, that is the error, with its log."""
    bare.setattr(install, "_daemon_runs", lambda: True)
    machine = Machine(never=True)
    with pytest.raises(EnvironmentFault, match="does not come up"):
        provide(machine, bare)
    assert "start" not in machine.ran


def test_another_endpoint_is_somebodys_choice(bare: pytest.MonkeyPatch) -> None:
    """With DOCKER_HOST set, nothing is installed beside it."""
    bare.setattr(install, "endpoint", lambda: "unix:///elsewhere.sock")
    machine = Machine()
    with pytest.raises(EnvironmentFault, match="unset DOCKER_HOST"):
        provide(machine, bare)
    assert machine.ran == []


def test_without_root_the_line_to_run_is_printed(bare: pytest.MonkeyPatch) -> None:
    """No sudo behind anybody's back."""
    bare.setattr(install.os, "geteuid", lambda: 1000)
    machine = Machine()
    with pytest.raises(EnvironmentFault, match=r"apt-get install -y docker.io .* as root"):
        provide(machine, bare)
    assert machine.ran == []


@pytest.mark.parametrize(("pid", "runs"), [("", False), ("not a pid", False), ("4194305", False), ("1", False)])
def test_a_stale_pid_file_is_no_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pid: str, runs: bool) -> None:
    """Empty, rubbish, a dead process, or a pid that came round as something else."""
    file = tmp_path / "docker.pid"
    monkeypatch.setattr(install, "_PID_FILE", file)
    assert not install._daemon_runs()
    file.write_text(pid)
    assert install._daemon_runs() is runs
