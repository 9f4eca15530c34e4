"""What is lost so far, hop by hop, for somebody who looks on.

Law: nothing is read unless somebody asks, and then at most each PERIOD_S. What is read is there anyway: the counters of
the bump, the newest lines of what programs and sampler write down. It is no evidence: the verdict is made of the whole
recording. A counter that cannot be read now is left out, and stops no run.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.steps import DirectionState
from lab.rig.bump.driver import Bump
from lab.rig.bump.tc import BLOCKED, NETEM, ROOT, TBF
from lab.rig.process.watch import Count
from lab.scenario.model import Scenario

PERIOD_S = 1.0
_TAIL_BYTES = 16_384
"""More than the two longest lines of any of these files."""
_SAMPLES_A_FRAME = 960


class Counts:
    """The hops of one run; what is counted begins with the first look."""

    def __init__(self, bump: Bump, scenario: Scenario, run: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Look at `bump` and into the folder `run`; `clock` gives seconds."""
        self._bump: Bump | None = bump if scenario.links else None
        self._listeners = tuple(client.name for client in scenario.clients if client.role != "publisher")
        self._run, self._clock = run, clock
        self._from: dict[tuple[str, str], Count] = {}
        self._seen: tuple[Count, ...] = ()
        self._next = clock()

    def read(self) -> tuple[Count, ...]:
        """Return every hop that can be counted, in the order in which audio passes them."""
        if self._clock() >= self._next:
            self._next = self._clock() + PERIOD_S
            self._seen = tuple(self._since(count) for count in self._totals())
        return self._seen

    def _since(self, count: Count) -> Count:
        first = self._from.setdefault((count.hop, count.client), count)
        before = dict(first.causes)
        return Count(
            hop=count.hop,
            client=count.client,
            offered=count.offered - first.offered,
            dropped=count.dropped - first.dropped,
            causes=tuple((name, value - before.get(name, 0)) for name, value in count.causes),
        )

    def _totals(self) -> Iterator[Count]:
        links = self._links()
        yield from (_link(state) for state in links if state.direction == "up")
        yield from self._server()
        yield from (_link(state) for state in links if state.direction == "down")
        for listener in self._listeners:
            yield from self._playout(listener)

    def _links(self) -> tuple[DirectionState, ...]:
        if self._bump is None:
            return ()
        try:
            return self._bump.read("look").directions
        except EnvironmentFault:
            self._bump = None  # whatever is wrong with it, the run's own readings say so
            return ()

    def _server(self) -> Iterator[Count]:
        seen = _last(self._run / names.NETWORKS.format(container=names.SERVER))
        if seen:
            dropped = seen["udp_in_errors"]
            yield Count(hop="server", client="", offered=seen["udp_in_datagrams"] + dropped, dropped=dropped)

    def _playout(self, listener: str) -> Iterator[Count]:
        tracks = _last(self._run / names.client(listener, names.CLIENT_STATS)).get("inbound", ())
        if tracks:
            played, concealed = (
                round(sum(track[name] for track in tracks) / _SAMPLES_A_FRAME)
                for name in ("total_samples_received", "concealed_samples")
            )
            yield Count(hop="playout", client=listener, offered=played, dropped=concealed)


def _link(state: DirectionState) -> Count:
    """Count one direction of a link: what netem dropped of its own, and what the full queue and a block did."""
    dropped = {qdisc.handle: qdisc.dropped for qdisc in state.qdiscs}
    root = next(qdisc for qdisc in state.qdiscs if qdisc.handle == ROOT)
    causes = (
        ("random", dropped[NETEM] - dropped[TBF]),
        ("queue", dropped[TBF]),
        ("blocked", dropped[BLOCKED]),
    )
    return Count(
        hop="uplink" if state.direction == "up" else "downlink",
        client=state.client,
        offered=root.sent_packets + root.dropped + root.backlog_packets,
        dropped=root.dropped,
        causes=causes,
    )


def _last(path: Path) -> dict[str, Any]:
    """Return the last whole line of a JSON-lines file, nothing while there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return {}
    return json.loads(lines[-1]) if lines else {}
