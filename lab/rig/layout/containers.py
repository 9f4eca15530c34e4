"""What each container of a lab is: pure functions from topology to `ContainerSpec`.

Law: NET_ADMIN belongs to the router alone, and to a node for the instant in which it makes its wire and sets
its route; programs (server, clients, pacer) run unprivileged inside a node's network namespace. Of this machine's
files a program sees the lab's code, read-only, and the results, where it may write what its user may; nothing else.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import lab
from lab.rig.engine.engine import ContainerSpec, Mount
from lab.rig.layout.script import script
from lab.rig.layout.topology import (
    NODE_CAPABILITIES,
    NODE_SYSCTLS,
    ROUTER_CAPABILITIES,
    ROUTER_SYSCTLS,
    Node,
    node_argv,
)
from lab.scenario.model import SDK_VERSION, Limits

CODE = "/lab-code"
DOOR = "/lab-door"
ZYGOTE = "lab.clients.zygote"
RESULTS = "/results"
NODE_READY = "routed"
_NOBODY = "65534:65534"
_IPV6 = Path("/proc/sys/net/ipv6")
_STAY = ("setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "sleep", "infinity")


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What every object of a lab carries: its run, its labels, and the deadline inside its containers."""

    run: str
    labels: Mapping[str, str]
    deadline_s: int

    def name(self, part: str) -> str:
        """Return the name of this lab's `part`."""
        return f"lab-{self.run}-{part}"

    def spec(self, part: str, image: str, command: tuple[str, ...]) -> ContainerSpec:
        """Return the least a container of this lab can be."""
        return ContainerSpec(
            name=self.name(part), image=image, command=command, labels=self.labels, deadline_s=self.deadline_s
        )


def program_user() -> str:
    """Return the `uid:gid` that unprivileged programs run as: ours, so that they may write where we may; never root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else _NOBODY


def open_to_programs(folder: Path) -> None:
    """Make `folder` and what is in it writable for `program_user`."""
    uid, gid = map(int, program_user().split(":"))
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, gid)


def of_others() -> tuple[str, ...]:
    """Return what a container's root needs to write into folders that are not root's, but ours; and who names it.

    The kernel gives a process' namespace to whoever may all that the process may (ptrace(2), access mode checking).
    """
    return ("DAC_OVERRIDE",) if os.getuid() else ()


def node_spec(identity: Identity, image: str, node: Node, router: str) -> ContainerSpec:
    """Return the sleeper that owns a network namespace: it makes its way, says so, drops every capability, sleeps.

    It dies with the container `router`, whose process namespace it shares.
    """
    text = f"{script(node_argv(node))}echo {NODE_READY}\nexec {shlex.join(_STAY)}"
    return replace(
        identity.spec(f"node-{node.name}", image, ("sh", "-ec", text)),
        processes=router,
        capabilities=(*NODE_CAPABILITIES, *of_others()),
        sysctls=_there(NODE_SYSCTLS),
    )


def _there(sysctls: Mapping[str, str]) -> Mapping[str, str]:
    """Return those of `sysctls` that this kernel has: booted without IPv6 it has none to switch off."""
    return {name: value for name, value in sysctls.items() if _IPV6.exists() or not name.startswith("net.ipv6.")}


def router_spec(identity: Identity, image: str, begin: str, results: Path) -> ContainerSpec:
    """Return the router before its driver's needs are added; `begin` is what it does before it sleeps.

    It is urgent: a kernel forwards, delays and drops before any process has its turn, and so must the VM.
    """
    return replace(
        identity.spec("router", image, ("sh", "-ec", f"{begin}exec sleep infinity")),
        capabilities=(*ROUTER_CAPABILITIES, *of_others()),
        sysctls=_there(ROUTER_SYSCTLS),
        mounts=(Mount(source=results, target=RESULTS, read_only=False),),
        read_only=False,
        urgent=True,
    )


@dataclass(frozen=True, kw_only=True)
class Program:
    """One of our programs, loaded in a container: its module, and where and with what it may run.

    `sdk` is the release of the SDK in its image. `once`: its container is changed while it runs, and serves one run.
    """

    part: str
    module: str
    sdk: str = SDK_VERSION
    node: str | None = None
    limits: Limits = field(default_factory=Limits)
    once: bool = False


def program_spec(identity: Identity, image: str, program: Program, door: Path, results: Path) -> ContainerSpec:
    """Return an unprivileged container with a zygote of `program`, of this very checkout, which is mounted read-only.

    It listens in the folder `door` (`lab.clients.zygote`); of this machine's files it sees these and `results`.
    """
    code = Path(lab.__file__).parent
    return replace(
        identity.spec(program.part, image, ("/venv/bin/python", "-u", "-m", ZYGOTE, program.module)),
        join=program.node,
        environment={
            "PYTHONPATH": CODE,
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/tmp",  # a tmpfs inside the container
            "LAB_DOOR": DOOR,
        },
        mounts=(
            Mount(source=code, target=f"{CODE}/lab"),
            Mount(source=door, target=DOOR, read_only=False),
            Mount(source=results, target=RESULTS, read_only=False),
        ),
        user=program_user(),
        cpus=program.limits.cpus,
        memory_bytes=program.limits.memory_bytes,
    )
