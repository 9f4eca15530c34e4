"""The verbs of `Engine` that act on a running container, on Docker: signal, limit, pause, resume.

The law: a container that is gone, or is already in the state asked for, is success.
"""

from __future__ import annotations

from typing import Any

from docker.api import APIClient
from docker.errors import APIError

from lab.rig.engine import docker_spec
from lab.rig.engine.docker_faults import faults

_GONE, _ALREADY = 404, 409


class DockerControl:
    """The part of `DockerEngine` that acts on running containers."""

    _api: APIClient

    def signal(self, container: str, name: str) -> None:
        """Send the signal `name` (`SIGTERM`); a container that is gone or stopped is success."""
        with faults(f"send {name} to container {container[:12]}"):
            try:
                self._api.kill(container, name)
            except APIError as error:
                if error.status_code not in (_GONE, _ALREADY):
                    raise

    def update(self, container: str, *, cpus: float | None, memory_bytes: int | None) -> None:
        """Change limits of a running container; None leaves one as it is, NO_LIMIT lifts it."""
        new = docker_spec.limits(cpus, memory_bytes)
        quota: dict[str, Any] = {"cpu_period": new.get("CpuPeriod"), "cpu_quota": new.get("CpuQuota")}
        memory: dict[str, Any] = {"mem_limit": new.get("Memory"), "memswap_limit": new.get("MemorySwap")}
        with faults(f"limit container {container[:12]}"):
            self._api.update_container(container, **quota, **memory)

    def pause(self, container: str) -> None:
        """Stop every process of a running container where it is (the freezer cgroup)."""
        with faults(f"pause container {container[:12]}"):
            self._api.pause(container)

    def resume(self, container: str) -> None:
        """Let the processes of a paused container go on; one that is gone or not paused is success."""
        with faults(f"resume container {container[:12]}"):
            try:
                self._api.unpause(container)
            except APIError as error:
                if error.status_code not in (_GONE, _ALREADY) and "not paused" not in str(error.explanation):
                    raise
