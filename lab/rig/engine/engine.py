"""The one door to the container engine: about a dozen verbs, typed, every object labelled.

`Engine` is the protocol; `rig.engine.docker_engine.DockerEngine` is the real one, `tests/fakes/engine.py` the fake
with Docker's oddities. Objects are named by id after creation; not-found on removal is success.
Errors are `EnvironmentFault`; every call has a timeout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

RUN_LABEL = "livekit-lab.run"
OWNER_LABEL = "livekit-lab.owner"
EXPIRES_LABEL = "livekit-lab.expires"


NO_LIMIT = -1
"""In `Engine.update`: lift the limit."""
KILLED = 137
"""The exit code of what SIGKILL ended: 128 and the signal's number, as shells have it."""


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A bind mount from the host into a container."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container, complete. It gets no capability, no new privilege and no host port but what is named here.

    `join` is the id of the container whose network namespace it shares; without it, it has one of its own, and nothing
    in it. `processes` is the id of the container whose process namespace it shares.
    `urgent`: whenever it wants a CPU it has one before other containers, whatever their number.
    `deadline_s` ends the container from the inside (`timeout -s KILL`) even when everybody else is dead.
    """

    name: str
    image: str
    command: tuple[str, ...]
    labels: Mapping[str, str]
    deadline_s: int
    join: str | None = None
    processes: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    capabilities: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    user: str | None = None
    read_only: bool = True
    cpus: float | None = None
    urgent: bool = False
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ContainerState:
    """What the engine says of a container. `oom_killed`: a process in it was killed for memory, whichever it was.

    `pid` is the number of its first process on this machine, 0 where it has none here.
    """

    id: str
    name: str
    running: bool
    exit_code: int | None
    oom_killed: bool
    pid: int
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """The engine's identity, for the manifest and the doctor."""

    endpoint: str
    version: str
    api_version: str
    cgroup_version: str
    kernel: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exit code and output of a command inside a container."""

    exit_code: int
    stdout: str
    stderr: str


class Heard(Protocol):
    """A byte stream from a program inside a container, open until `close`."""

    def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte; b"" at the end; TimeoutError when nothing came in time."""

    def close(self) -> None:
        """End the stream; idempotent."""


class Shell(Heard, Protocol):
    """A byte stream to and from a program (`exec` with standard input)."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""


class Engine(Protocol):
    """The verbs. Implementations are thread-safe, so that independent calls may run in parallel."""

    def info(self) -> EngineInfo:
        """Return who the engine is."""

    def image_digest(self, reference: str) -> str | None:
        """Return the local image's id (`sha256:…`), None when it is not there."""

    def pull(self, reference: str) -> None:
        """Fetch an image from its registry."""

    def build(self, folder: Path, tag: str, arguments: Mapping[str, str]) -> None:
        """Build the Dockerfile in `folder`."""

    def import_root(self, tarball: Path, tag: str) -> None:
        """Make an image of one layer out of a tar of a root file system."""

    def start(self, spec: ContainerSpec) -> str:
        """Create and start; remove what was created when that fails. Return the id."""

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerState]:
        """Return the containers, in every state, that carry all of `labels`."""

    def state(self, container: str) -> ContainerState | None:
        """Return None when the container is gone."""

    def root(self, container: str) -> Path:
        """Return where this machine sees the files of a running container, with its mounts.

        EnvironmentFault when it has ended, or its processes are not among this machine's.
        """

    def wait(self, container: str, timeout_s: float) -> int:
        """Return the exit code; TimeoutError when it still runs."""

    def signal(self, container: str, name: str) -> None:
        """Send a signal (`SIGTERM`); a container that is gone or stopped is success."""

    def remove(self, container: str) -> None:
        """Kill and remove, volumes included."""

    def execute(self, container: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 30) -> Outcome:
        """Run `argv` to its end inside the container; TimeoutError when it takes longer."""

    def shell(self, container: str, argv: Sequence[str]) -> Shell:
        """Start `argv` inside the container with a stream to it."""

    def logs(self, container: str) -> str:
        """Return standard output and error so far, in order."""

    def listen(self, container: str) -> Heard:
        """Return standard output and error as a stream, from the first word on; it ends with the container.

        Nothing is waited for: what the engine refuses is raised (EnvironmentFault) where the stream is read.
        """

    def update(self, container: str, *, cpus: float | None, memory_bytes: int | None) -> None:
        """Change limits of a running container; None leaves one as it is, NO_LIMIT lifts it."""

    def pause(self, container: str) -> None:
        """Stop every process of a running container where it is."""

    def resume(self, container: str) -> None:
        """Let them go on; a container that is gone or not paused is success."""
