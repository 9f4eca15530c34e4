"""The containers that a lab is made of: each is started, and waited for until it does its work.

Law: a piece that does not come up is named with its last words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.rig.bump.driver import router_needs
from lab.rig.bump.plumbing import Driver
from lab.rig.engine.engine import Engine
from lab.rig.layout import containers
from lab.rig.layout.containers import Identity
from lab.rig.layout.images import Images
from lab.rig.layout.topology import SERVER, Node, Topology
from lab.rig.process.waiting import until
from lab.rig.standing.server import server_spec, wait_ready
from lab.scenario.model import Server

NODE_READY_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a lab needs of this machine."""

    engine: Engine
    images: Images
    driver: Driver
    results: Path
    cache: Path


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """One lab's; `networks` maps each segment's name to its network's id."""

    machine: Machine
    identity: Identity
    topology: Topology
    networks: Mapping[str, str]

    def start_router(self) -> str:
        """Return the router's container; its devices are not joined yet."""
        machine = self.machine
        addresses = {self.networks[s.name]: s.router_ip for s in self.topology.segments}
        router = containers.router_spec(self.identity, machine.images.router.reference, addresses, machine.results)
        needs = router_needs(machine.driver, machine.cache)
        return machine.engine.start(replace(router, devices=needs.devices, mounts=(*router.mounts, *needs.mounts)))

    def start_node(self, node: Node) -> str:
        """Return the sleeper that owns the namespace of `node`, once it knows its way."""
        engine, image = self.machine.engine, self.machine.images.router.reference
        container = engine.start(containers.node_spec(self.identity, image, node, self.networks[node.segment.name]))
        until(
            lambda: containers.NODE_READY in engine.logs(container),
            NODE_READY_S,
            lambda: EnvironmentFault(f"a node did not set its route:\n{engine.logs(container)}"),
        )
        return container

    def start_server(self, asked: Server, folder: Path, node: str) -> str:
        """Return the server's container in the namespace of `node`, once it listens; `folder` has its configuration."""
        containers.open_to_programs(folder)
        base = replace(self.identity.spec(SERVER, "", ()), user=containers.program_user())
        image = self.machine.images.server.reference
        container = self.machine.engine.start(server_spec(image, node, asked, folder, base))
        wait_ready(self.machine.engine, container)
        return container
