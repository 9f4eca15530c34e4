"""A container engine in memory that is as odd as Docker.

What it does on purpose, each seen on a real engine (moby issues in brackets):
* the i-th call fails, or the caller dies before or after its effect (`at`);
* a container whose start fails stays behind, `created` (#17217), as when its creator is killed in between;
* a creation finishes after the first look for leftovers (`late`);
* a container whose child was killed for memory exits 0 and says OOMKilled (#15621, `finish`);
* the daemon stops answering (`silent_from` the i-th call).
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from lab.clients.zygote import LOADED
from lab.errors import EnvironmentFault
from lab.rig.engine.engine import (
    NO_LIMIT,
    ContainerSpec,
    ContainerState,
    EngineInfo,
    Heard,
    Outcome,
    Shell,
)
from lab.rig.layout.containers import DOOR, RESULTS
from tests.fakes.zygote import FakeZygote

T = TypeVar("T")


class Killed(BaseException):
    """The caller of the engine died here, as by SIGKILL: no `except Exception` of its own runs."""


@dataclass(frozen=True, kw_only=True)
class At:
    """Something happens at the `call`-th call, counted from 0, before or after its effect."""

    call: int
    what: BaseException
    when: Literal["before", "after"] = "before"


@dataclass
class Saying:
    """What a container says: all of it at once, then silence, and the end when it has ended."""

    left: bytes
    ended: Callable[[], bool]
    refused: str = ""

    def read(self, timeout_s: float) -> bytes:
        """Return what is left, b"" at the end; TimeoutError, sooner than asked, in the silence."""
        if self.refused:
            raise EnvironmentFault(self.refused)
        said, self.left = self.left, b""
        if said or self.ended():
            return said
        time.sleep(min(timeout_s, 0.01))
        raise TimeoutError

    def close(self) -> None:
        """Nothing to do."""


@dataclass
class FakeEngine:
    """An `Engine` without containers. Its fields are its state, free for tests to set and read."""

    at: At | None = None
    registry: bool = True
    silent_from: int | None = None
    said: str = ""
    deaf: bool = False
    late: int = 0
    refuse_start: frozenset[str] = frozenset()
    refuse_removal: frozenset[str] = frozenset()
    images: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    specs: dict[str, ContainerSpec] = field(default_factory=dict)
    zygotes: dict[str, FakeZygote] = field(default_factory=dict)
    _containers: dict[str, ContainerState] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def info(self) -> EngineInfo:
        """Say that it is an engine of 2022."""
        return EngineInfo(endpoint="fake://", version="20.10", api_version="1.41", cgroup_version="1", kernel="-")

    def image_digest(self, reference: str) -> str | None:
        """Return the digest of an image that was pulled, built or imported."""
        return self._call(f"image_digest {reference}", lambda: self.images.get(reference))

    def pull(self, reference: str) -> None:
        """Have the image, where there is a registry."""
        if not self.registry:
            raise EnvironmentFault(f"pull {reference}: no such host")
        self._call(f"pull {reference}", lambda: self._have(reference))

    def build(self, folder: Path, tag: str, arguments: Mapping[str, str]) -> None:
        """Have the image; its Dockerfile must be there and the images it starts from too."""
        assert (folder / "Dockerfile").is_file()
        assert all(arguments[name] in self.images for name in ("ROOT", "BASE", "SERVER") if name in arguments)
        self._call(f"build {tag}", lambda: self._have(tag))

    def import_root(self, tarball: Path, tag: str) -> None:
        """Have the image."""
        assert tarball.is_file()
        self._call(f"import {tag}", lambda: self._have(tag))

    def start(self, spec: ContainerSpec) -> str:
        """Create and start; a refused start leaves the container behind, created."""

        def make() -> str:
            if any(state.name == spec.name for state in self._containers.values()):
                raise EnvironmentFault(f"Conflict. The container name {spec.name} is already in use")
            state = ContainerState(
                id=f"c{next(self._ids)}",
                name=spec.name,
                running=False,
                exit_code=None,
                oom_killed=False,
                pid=0,
                labels=dict(spec.labels),
            )
            self._containers[state.id] = state
            if spec.name in self.refuse_start:
                raise EnvironmentFault(f"start container {spec.name}: driver failed programming connectivity")
            self._containers[state.id] = replace(state, running=True, pid=1000)
            self.specs[state.id] = spec
            for mount in spec.mounts:
                if mount.target == DOOR:
                    self.zygotes[state.id] = FakeZygote(mount.source, self.said, deaf=self.deaf)
            return state.id

        return self._call(f"start {spec.name}", make)

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerState]:
        """Return the containers that carry `labels`; the first `late` looks see none yet."""

        def look() -> list[ContainerState]:
            self.late -= 1
            return [] if self.late >= 0 else [c for c in self._containers.values() if _carries(c.labels, labels)]

        return self._call("containers", look)

    def state(self, container: str) -> ContainerState | None:
        """Return the container, None when it is gone."""
        return self._call(f"state {container}", lambda: self._containers.get(container))

    def root(self, container: str) -> Path:
        """Return a folder beside the container's door with a way to each folder that is mounted."""
        if not self._runs(container):
            raise EnvironmentFault(f"container {container} has ended")
        mounts = {mount.target: mount.source for mount in self.specs[container].mounts}
        root = mounts[DOOR].parent / "root"
        root.mkdir(exist_ok=True)
        (root / RESULTS.lstrip("/")).symlink_to(mounts[RESULTS])
        return root

    def wait(self, container: str, timeout_s: float) -> int:
        """Return the exit code of one that has finished; nobody has patience here."""
        if container not in self._containers:
            raise EnvironmentFault(f"wait for container {container}: No such container")
        code = self._containers[container].exit_code
        if code is None:
            raise TimeoutError(f"container {container} still runs after {timeout_s} s")
        return code

    def signal(self, container: str, name: str) -> None:
        """End a running container, as SIGTERM would."""
        state = self._containers.get(container)
        if state is not None and state.running:
            self._call(f"signal {container} {name}", lambda: self.finish(container, exit_code=143))

    def remove(self, container: str) -> None:
        """Remove it, unless it refuses; not there is success."""

        def drop() -> None:
            state = self._containers.get(container)
            if state is not None and state.name in self.refuse_removal:
                raise EnvironmentFault(f"container {state.name}: device or resource busy")
            self._containers.pop(container, None)
            if container in self.zygotes:
                self.zygotes[container].die()

        self._call(f"remove {container}", drop)

    def execute(self, container: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 30) -> Outcome:
        """Run nothing, say nothing."""
        return self._call(f"execute {argv[0]}", lambda: Outcome(exit_code=0, stdout="", stderr=""))

    def shell(self, container: str, argv: Sequence[str]) -> Shell:
        """There is nobody to talk to."""
        raise EnvironmentFault("the fake engine has no shell")

    def logs(self, container: str) -> str:
        """Every container said the same."""
        return self.said

    def listen(self, container: str) -> Heard:
        """Let every container say the same, once; refuse, when it is read, for one that is gone."""
        refused = "" if container in self._containers else f"log refused: No such container: {container}"
        said = LOADED if container in self.zygotes else self.said
        return Saying(said.encode(), lambda: not self._runs(container), refused)

    def update(self, container: str, *, cpus: float | None, memory_bytes: int | None) -> None:
        """Remember the new limits in the container's spec."""
        spec = self.specs[container]
        self.specs[container] = replace(
            spec,
            cpus=_changed(spec.cpus, cpus),
            memory_bytes=_changed(spec.memory_bytes, memory_bytes),
        )

    def pause(self, container: str) -> None:
        """Remember it in the log."""
        self._call(f"pause {container}", lambda: None)

    def resume(self, container: str) -> None:
        """Remember it in the log."""
        self._call(f"resume {container}", lambda: None)

    def finish(self, container: str, *, exit_code: int, oom_killed: bool = False) -> None:
        """Let a container end; `oom_killed` with exit code 0 is what a child's death for memory looks like."""
        ended = replace(self._containers[container], running=False, exit_code=exit_code, oom_killed=oom_killed, pid=0)
        self._containers[container] = ended
        if container in self.zygotes:
            self.zygotes[container].die()

    def run_out_of_memory(self, container: str) -> None:
        """Let a process of a container that lives on be killed for memory."""
        self._containers[container] = replace(self._containers[container], oom_killed=True)

    @property
    def names(self) -> list[str]:
        """What there is, by name."""
        return [c.name for c in self._containers.values()]

    def _runs(self, container: str) -> bool:
        state = self._containers.get(container)
        return state is not None and state.running

    def _call(self, what: str, effect: Callable[[], T]) -> T:
        mine = self.at if self.at is not None and self.at.call == len(self.log) else None
        if self.silent_from is not None and len(self.log) >= self.silent_from:
            raise EnvironmentFault("the engine does not answer")
        self.log.append(what)
        if mine is not None and mine.when == "before":
            raise mine.what
        result = effect()
        if mine is not None:
            raise mine.what
        return result

    def _have(self, reference: str) -> None:
        self.images[reference] = "sha256:" + hashlib.sha256(reference.encode()).hexdigest()


def _changed(old: T | None, new: T | None) -> T | None:
    """Return the limit after an update to `new`."""
    return old if new is None else None if new == NO_LIMIT else new


def _carries(carried: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(key in carried and value in ("", carried[key]) for key, value in wanted.items())
