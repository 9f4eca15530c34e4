"""Real packets along a lab's path, counted and timed: what setup and doctor believe instead of a configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from lab.errors import EnvironmentFault
from lab.rig.layout.containers import Program, open_to_programs, program_spec
from lab.rig.layout.topology import SERVER
from lab.rig.process.waiting import until
from lab.rig.standing.lab import Lab

MODULE = "lab.clients.ruler"
PORT = 5002
GAP_MS = 5.0
PATIENCE_S = 1.5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Packets sent from a client to the server's namespace, and the one-way delays (ms) of those that came."""

    sent: int
    delays_ms: tuple[float, ...]

    @property
    def lost(self) -> int:
        """How many did not come."""
        return self.sent - len(self.delays_ms)

    @property
    def delay_ms(self) -> float | None:
        """The median one-way delay, None when nothing came."""
        return median(self.delays_ms) if self.delays_ms else None


def measure(lab: Lab, client: str, count: int) -> Measured:
    """Send `count` packets from the namespace of `client` to the server's, through the router, and see what comes."""
    seconds = count * GAP_MS / 1000 + PATIENCE_S
    listener = _start(lab, "ruler-listen", SERVER, "listen", str(PORT), f"{seconds + PATIENCE_S:g}")
    engine = lab.machine.engine
    try:
        until(
            lambda: "ready" in engine.logs(listener),
            PATIENCE_S * 4,
            lambda: EnvironmentFault(f"the ruler did not start:\n{engine.logs(listener)}", fix="run `lab setup`"),
        )
        target = lab.topology.node(SERVER).ip
        sender = _start(lab, "ruler-send", client, "send", target, str(PORT), str(count), f"{GAP_MS:g}")
        engine.wait(sender, seconds + 10)
        sent = int(engine.logs(sender).split()[-1])
        engine.remove(sender)
        engine.wait(listener, seconds + 10)
        arrived = json.loads(engine.logs(listener).splitlines()[-1])
    finally:
        engine.remove(listener)
    return Measured(sent=sent, delays_ms=tuple(arrived.values()))


def _start(lab: Lab, part: str, node: str, *arguments: str) -> str:
    folder = Path(mkdtemp(prefix="ruler-", dir=lab.scratch))
    open_to_programs(folder)
    program = Program(
        part=part, module=MODULE, folder=folder, node=lab.nodes[node], environment={}, arguments=arguments
    )
    return lab.machine.engine.start(program_spec(lab.identity, lab.machine.images.client.reference, program))
