"""Real packets along a lab's path, counted and timed: what setup and doctor believe instead of a configuration."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from statistics import median

from lab.errors import EnvironmentFault
from lab.rig.layout.containers import Program, open_to_programs
from lab.rig.layout.topology import SERVER
from lab.rig.process.waiting import until
from lab.rig.standing.forks import Fork
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
    with closing(_start(lab, "ruler-listen", SERVER, "listen", str(PORT), f"{seconds + PATIENCE_S:g}")) as listener:
        until(
            lambda: "ready" in listener.said(),
            PATIENCE_S * 4,
            lambda: EnvironmentFault(f"the ruler did not start:\n{listener.said()}", fix="run `lab setup`"),
        )
        target = lab.topology.node(SERVER).ip
        with closing(_start(lab, "ruler-send", client, "send", target, str(PORT), str(count), f"{GAP_MS:g}")) as sender:
            sent = int(_result(sender, seconds + 10))
        arrived = json.loads(_result(listener, seconds + 10))
    return Measured(sent=sent, delays_ms=tuple(arrived.values()))


def _start(lab: Lab, part: str, node: str, *arguments: str) -> Fork:
    zygote = lab.zygotes.loaded(Program(part=part, module=MODULE, node=lab.nodes[node]))
    place = lab.machine.results / part
    place.mkdir(exist_ok=True)
    open_to_programs(place)
    return zygote.fork(place, {}, arguments)


def _result(ruler: Fork, within_s: float) -> str:
    """Return the last line that it said, once it has ended well. EnvironmentFault."""
    end = ruler.end(within_s)
    if end is None or end.exit_code != 0:
        raise EnvironmentFault(f"the ruler did not measure:\n{ruler.said()}", fix="run `lab setup`")
    return ruler.said().splitlines()[-1]
