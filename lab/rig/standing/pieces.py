"""The containers that a lab is made of: each is started, and waited for until it does its work.

Law: a piece that does not come up is named with its last words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lab.rig.bump.driver import router_needs, router_script
from lab.rig.bump.plumbing import Driver
from lab.rig.engine.engine import Engine
from lab.rig.engine.words import said
from lab.rig.layout import containers
from lab.rig.layout.containers import Identity
from lab.rig.layout.images import Images
from lab.rig.layout.topology import SERVER, Node, Topology
from lab.rig.standing.server import READY_S, READY_WORDS, server_spec
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
    """One lab's."""

    machine: Machine
    identity: Identity
    topology: Topology

    def start_router(self) -> str:
        """Return the router's container, which has begun to make its devices."""
        machine = self.machine
        begin = router_script(self.topology, machine.driver)
        router = containers.router_spec(self.identity, machine.images.router.reference, begin, machine.results)
        needs = router_needs(machine.driver, machine.cache)
        return machine.engine.start(replace(router, devices=needs.devices, mounts=(*router.mounts, *needs.mounts)))

    def start_node(self, node: Node, router: str) -> str:
        """Return the sleeper that owns the namespace of `node`, once it knows its way through `router`."""
        engine, image = self.machine.engine, self.machine.images.router.reference
        container = engine.start(containers.node_spec(self.identity, image, node, router))
        who = f"the node of {node.name}"
        said(engine, container, containers.NODE_READY, within_s=NODE_READY_S, who=who, fix="run `lab doctor`")
        return container

    def start_server(self, asked: Server, folder: Path, node: str) -> str:
        """Return the server's container in the namespace of `node`, once it listens; `folder` has its configuration."""
        containers.open_to_programs(folder)
        base = replace(self.identity.spec(SERVER, "", ()), user=containers.program_user())
        image = self.machine.images.server.reference
        container = self.machine.engine.start(server_spec(image, node, asked, folder, base))
        fix = "check server.config in the scenario"
        said(self.machine.engine, container, READY_WORDS, within_s=READY_S, who="LiveKit", fix=fix)
        return container
