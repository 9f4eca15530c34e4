"""Our nouns in the words of Docker's API and back; pure, so that what a container may do is read in one place.

The law: nothing is allowed but what the spec names. No capability, no new privilege, no port, no resolver.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.rig.engine.engine import NO_LIMIT, ContainerSpec, ContainerState, Mount

CPU_PERIOD_US = 100_000
URGENT_SHARES = 65_536
"""Where another container has 1024."""
PIDS_LIMIT = 512
MORE_THAN_ANY = 1 << 60
"""Bytes of memory that no machine has: Docker itself takes no -1 ("Minimum memory limit allowed is 6MB")."""

_NAMES = (
    Mount(source=Path(__file__).with_name("no-resolver.conf"), target="/etc/resolv.conf"),
    Mount(source=Path(__file__).with_name("hosts"), target="/etc/hosts"),
)


def payload(spec: ContainerSpec) -> dict[str, object]:
    """Return the body of `POST /containers/create` for `spec`."""
    return {
        "Image": spec.image,
        # Straight to KILL at the deadline: with `-k` timeout would also cut a SIGTERM's grace short.
        "Entrypoint": ["timeout", "-s", "KILL", str(spec.deadline_s)],
        "Cmd": list(spec.command),
        "Env": [f"{key}={value}" for key, value in spec.environment.items()],
        "Labels": dict(spec.labels),
        # A namespace of its own all the same, from the runtime: only dockerd's part, which executes its whole binary
        # again to enter it, is left out (moby, daemon/oci_linux.go and daemon/pkg/oci/defaults.go).
        "NetworkDisabled": spec.join is None,
        "User": spec.user or "",
        "HostConfig": _host(spec) | limits(spec.cpus, spec.memory_bytes),
    }


def limits(cpus: float | None, memory_bytes: int | None) -> dict[str, int]:
    """Return the limits in Docker's words; None leaves one out.

    Quota and period rather than `NanoCpus`, which cannot be changed later; swap equal to memory is no swap.
    """
    return _cpu_limit(cpus) | _memory_limit(memory_bytes)


def _cpu_limit(cpus: float | None) -> dict[str, int]:
    if cpus is None:
        return {}
    return {"CpuPeriod": CPU_PERIOD_US, "CpuQuota": -1 if cpus == NO_LIMIT else round(cpus * CPU_PERIOD_US)}


def _memory_limit(memory_bytes: int | None) -> dict[str, int]:
    if memory_bytes is None:
        return {}
    amount = MORE_THAN_ANY if memory_bytes == NO_LIMIT else memory_bytes
    return {"Memory": amount, "MemorySwap": amount}


def container_state(facts: Mapping[str, Any]) -> ContainerState:
    """Read the answer of `GET /containers/…/json`. One that never ran has no exit code, whatever Docker prints."""
    state = facts["State"]
    return ContainerState(
        id=facts["Id"],
        name=facts["Name"].lstrip("/"),
        running=state["Running"],
        exit_code=state["ExitCode"] if state["Status"] in ("exited", "dead") else None,
        oom_killed=state["OOMKilled"],
        pid=state["Pid"],
        labels=facts["Config"]["Labels"] or {},
    )


def _host(spec: ContainerSpec) -> dict[str, object]:
    return {
        "NetworkMode": f"container:{spec.join}" if spec.join else "none",
        "PidMode": f"container:{spec.processes}" if spec.processes else "",
        "Init": True,
        "ReadonlyRootfs": spec.read_only,
        "CapDrop": ["ALL"],
        "CapAdd": list(spec.capabilities),
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": PIDS_LIMIT,
        "Tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777"},
        "Mounts": [_mount(mount) for mount in (*_NAMES, *spec.mounts)],
        "Sysctls": dict(spec.sysctls),
        "Devices": [
            {"PathOnHost": device, "PathInContainer": device, "CgroupPermissions": "rwm"} for device in spec.devices
        ],
        "LogConfig": {"Type": "json-file", "Config": {}},
        **({"CpuShares": URGENT_SHARES} if spec.urgent else {}),
    }


def _mount(mount: Mount) -> dict[str, object]:
    return {"Type": "bind", "Source": str(mount.source), "Target": mount.target, "ReadOnly": mount.read_only}
