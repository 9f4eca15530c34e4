"""`python -m lab.host.install`, for `make setup` alone: a container engine where none answers, said aloud.

The law: an engine that works is never touched, a second daemon is never started, and nothing is installed without
saying what and why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab.errors import EnvironmentFault, LabError
from lab.host import images
from lab.host.sources import run
from lab.rig.engine.docker_engine import DEFAULT_ENDPOINT, DockerEngine, endpoint

ENGINE_PACKAGES = ("docker.io", "ca-certificates")
BUILD_PACKAGES = ("debootstrap", "debian-archive-keyring", "ca-certificates")
DAEMON_READY_S = 60.0
AFTER_INSTALL_S = 5.0
DAEMON_LOG = Path("/var/log/dockerd.log")
_PID_FILE = Path("/var/run/docker.pid")
_SYSTEMD = Path("/run/systemd/system")

Say = Callable[[str], None]


def main() -> int:
    """Make sure that an engine answers and that images can be built; return the exit code."""
    try:
        install(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - a program of its own
    except LabError as error:
        print(f"setup: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return error.exit_code
    return 0


def install(say: Say) -> None:
    """Install and start what is missing. Raises EnvironmentFault when it cannot, with the line to run by hand."""
    try:
        DockerEngine.connect().close()
    except EnvironmentFault as why:
        say(str(why))
        _provide_engine(say)
    engine = DockerEngine.connect()
    try:
        missing = images.present(engine) is None and shutil.which("debootstrap") is None
    finally:
        engine.close()
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        _apt(say, BUILD_PACKAGES, "to build the base image where no registry answers")


def _provide_engine(say: Say) -> None:
    """Bring up the engine of this machine, after making sure that this is what is wanted and allowed."""
    _refuse_foreign()
    if shutil.which("dockerd") is None:
        _apt(say, ENGINE_PACKAGES, f"because no container engine answers at {DEFAULT_ENDPOINT}")
    # Some packages start their daemon themselves; a moment of patience keeps us from starting a second one.
    if not _answers(AFTER_INSTALL_S) and not _daemon_runs():
        _start_daemon(say)
    if not _answers(DAEMON_READY_S):
        raise EnvironmentFault(f"the container engine does not come up:\n{_last_words()}\n", fix=f"see {DAEMON_LOG}")
    say("the container engine answers")


def _refuse_foreign() -> None:
    """Leave alone what is somebody else's choice: another endpoint, or an engine that only refuses this user."""
    wanted = endpoint()
    if wanted != DEFAULT_ENDPOINT:
        raise EnvironmentFault(
            f"no container engine answers at {wanted}", fix="start it, or unset DOCKER_HOST and DOCKER_CONTEXT"
        )
    if os.geteuid() != 0:
        raise EnvironmentFault(
            "no container engine answers to this user",
            fix=f"apt-get install -y {' '.join(ENGINE_PACKAGES)} as root, and join the group `docker`",
        )


_PATIENT = ("-o", "DPkg::Lock::Timeout=300")
"""Seconds: a machine that was just started is often still upgrading itself."""


def _apt(say: Say, packages: tuple[str, ...], why: str) -> None:
    if shutil.which("apt-get") is None:
        raise EnvironmentFault("this is no Debian or Ubuntu", fix=f"install {', '.join(packages)} its own way")
    say(f"installing {', '.join(packages)} {why}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], environment=quiet)
    run(["apt-get", "install", "-y", "-qq", *_PATIENT, *packages], environment=quiet)


def _start_daemon(say: Say) -> None:
    if _SYSTEMD.is_dir():
        say("starting docker.service")
        run(["systemctl", "start", "docker"])
        return
    say(f"starting dockerd (no systemd here), log in {DAEMON_LOG}")
    with DAEMON_LOG.open("ab") as log:
        subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _daemon_runs() -> bool:
    """Return whether a daemon holds the pid file, even when it does not answer (yet)."""
    try:
        pid = int(_PID_FILE.read_text())
        return Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd"
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False


def _answers(within_s: float) -> bool:
    """Return whether the engine answers, asking until `within_s` have passed."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            DockerEngine.connect().close()
        except EnvironmentFault:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        else:
            return True


def _last_words() -> str:
    return "\n".join(DAEMON_LOG.read_text(errors="replace").splitlines()[-15:]) if DAEMON_LOG.exists() else "(no log)"


if __name__ == "__main__":
    sys.exit(main())
