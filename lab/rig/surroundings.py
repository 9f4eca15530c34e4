"""What is around the clients of a run: captures and witnesses, and then links, traffic and crowd.

Law: whatever witnesses is open before anything else happens, and closed after everything else has ended; the lab is
left as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from lab.evidence.store import RunFolder
from lab.rig.bump.network import Network
from lab.rig.layout.containers import RESULTS
from lab.rig.process.parallel import Together
from lab.rig.programs.background import Background
from lab.rig.programs.crowd import Crowd
from lab.rig.standing import sharing
from lab.rig.standing.lab import Lab
from lab.rig.witnesses import server_words
from lab.rig.witnesses.capture import Captures
from lab.rig.witnesses.witnesses import Witnesses
from lab.scenario.model import Scenario


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """All of it."""

    taps: Captures
    witnesses: Witnesses
    network: Network
    traffic: Background
    crowd: Crowd

    def impair(self) -> None:
        """Put the links into the state that the scenario asks for, and let the traffic beside the call follow."""
        self.network.impair()
        self.traffic.follow(self.network.in_force)

    def check_alive(self) -> None:
        """Raise EnvironmentFault, with its last words, for a capture or a program that has ended."""
        self.taps.check_alive()
        self.traffic.check_alive()
        self.crowd.check_alive()


@contextmanager
def surroundings(lab: Lab, scenario: Scenario, folder: RunFolder, room: str) -> Iterator[Surroundings]:
    """Open what witnesses, make the links what they are when the clients join, and let the crowd in."""
    with (
        Together(_taps(lab, folder), Witnesses(lab, folder), _words(lab, folder, room)) as (taps, witnesses, _),
        ExitStack() as stack,
    ):
        traffic = stack.enter_context(Background(lab, folder, scenario.seed))
        network = stack.enter_context(Network(lab.bump, scenario, folder))
        stack.callback(traffic.follow, {})  # or its links would never fall silent for the last counters
        crowd = stack.enter_context(Crowd(lab, scenario.server.crowd, folder, room))
        stack.callback(sharing.restore_server, lab, scenario.server.after_join)
        around = Surroundings(taps=taps, witnesses=witnesses, network=network, traffic=traffic, crowd=crowd)
        if scenario.impair == "from_start":
            around.impair()
        yield around


def _taps(lab: Lab, folder: RunFolder) -> Captures:
    mounted = PurePosixPath(RESULTS) / folder.path.relative_to(lab.machine.results)
    return Captures(engine=lab.machine.engine, router=lab.router, topology=lab.topology, folder=folder, mounted=mounted)


@contextmanager
def _words(lab: Lab, folder: RunFolder, room: str) -> Iterator[None]:
    """Keep what the server says when the clients have left."""
    try:
        yield
    finally:
        server_words.keep_last_words(lab, folder, room)
