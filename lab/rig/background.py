"""Competing traffic: without it there is no congestion, only a narrow link.

For each link that carries some, one unprivileged program beside the client and one on the core send plain UDP to each
other through the same bump and the same queue as the media. They idle until the impairment begins, and follow the
timeline's changes through `orders.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.rig.containers import Program, open_to_programs, program_spec
from lab.rig.lab import Lab
from lab.rig.topology import BACKGROUND_PORT, Topology
from lab.scenario.model import Direction, Impairment

MODULE = "lab.clients.background"
Flows = Mapping[tuple[str, Direction], Impairment]
"""What is in force on each (client, direction)."""


def orders(topology: Topology, flows: Flows, seed: int) -> dict[str, list[dict[str, object]]]:
    """Return what each background node is to send now: node name → sends (host, port, rate_bps, pattern, seed)."""
    told: dict[str, list[dict[str, object]]] = {node.name: [] for node in topology.background}
    for (client, direction), impairment in flows.items():
        if impairment.background is None:
            continue
        edge, core = f"background-{client}", "background"
        sender, sink = (edge, core) if direction == "up" else (core, edge)
        told[sender].append(
            {
                "host": topology.node(sink).ip,
                "port": BACKGROUND_PORT,
                "rate_bps": impairment.background.rate_bps,
                "pattern": impairment.background.pattern,
                "seed": seed,
            }
        )
    return told


class Background:
    """The running senders; `follow` gives them new orders."""

    def __init__(self, topology: Topology, folders: Mapping[str, Path], seed: int) -> None:
        """Remember where each node's program reads its orders."""
        self._topology = topology
        self._folders = folders
        self._seed = seed

    def follow(self, flows: Flows) -> None:
        """Send from now on what `flows` asks for."""
        for name, sends in orders(self._topology, flows, self._seed).items():
            temporary = self._folders[name] / ".orders"
            temporary.write_text(json.dumps({"sends": sends}))
            temporary.rename(self._folders[name] / "orders.json")


@contextmanager
def background(lab: Lab, folder: Path, seed: int) -> Iterator[Background]:
    """Start the senders that `lab`'s topology has, idle; end them on exit."""
    engine, running, folders = lab.machine.engine, [], {}
    try:
        for node in lab.topology.background:
            place = folder / "background" / node.name
            place.mkdir(parents=True)
            (place / "config.json").write_text(json.dumps({"format": 1, "listen": [BACKGROUND_PORT], "sends": []}))
            (place / "go").write_text("{}")
            open_to_programs(place)
            folders[node.name] = place
            program = Program(part=node.name, module=MODULE, folder=place, node=lab.nodes[node.name], environment={})
            image = lab.machine.images.client.reference
            running.append(engine.start(program_spec(lab.identity, image, program)))
        yield Background(lab.topology, folders, seed)
    finally:
        for container in running:
            engine.signal(container, "SIGTERM")
        for container in running:
            engine.remove(container)
