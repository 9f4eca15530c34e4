"""Competing traffic: without it there is no congestion, only a narrow link.

For each link that carries some, one unprivileged program beside the client and one on the core send plain UDP to each
other through the same bump and the same queue as the media. They idle until the impairment begins, and follow the
timeline's changes through `orders.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.rig.layout.containers import Program, open_to_programs
from lab.rig.layout.topology import BACKGROUND_PORT, Node, Topology
from lab.rig.process.parallel import side_by_side
from lab.rig.programs import programs
from lab.rig.standing.lab import Lab
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

    def __init__(self, lab: Lab, folder: RunFolder, seed: int) -> None:
        """Plan the senders that `lab`'s topology has."""
        self._lab = lab
        self._folder = folder
        self._seed = seed
        self._running: list[programs.Running] = []

    def __enter__(self) -> Background:
        """Start them, idle."""
        try:
            for node in self._lab.topology.background:
                self._running.append(self._start(node))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End them, and keep what they said and how they ended."""
        side_by_side(partial(programs.finish, self._lab, each, self._folder) for each in self._running)

    def follow(self, flows: Flows) -> None:
        """Send from now on what `flows` asks for."""
        for name, sends in orders(self._lab.topology, flows, self._seed).items():
            programs.replace_now(self._folder.path / _place(name) / "orders.json", json.dumps({"sends": sends}))

    def check_alive(self) -> None:
        """Raise EnvironmentFault for a sender that ended: without it there would be no congestion to speak of."""
        programs.check_alive(self._running)

    def _start(self, node: Node) -> programs.Running:
        place = _place(node.name)
        config = {"format": 1, "listen": [BACKGROUND_PORT], "sends": []}
        self._folder.write(f"{place}/{names.CLIENT_CONFIG}", json.dumps(config))
        self._folder.write(f"{place}/go", "{}")
        open_to_programs(self._folder.path / place)
        program = Program(part=node.name, module=MODULE, node=self._lab.nodes[node.name])
        return programs.start(self._lab, program, self._folder, place)


def _place(node: str) -> str:
    return f"background/{node}"
