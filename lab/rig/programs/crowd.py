"""The crowd: other participants of the room, in one container beside the server, to load it.

Law: they join before anybody is measured and are silent until `begin`; what they are is in the recording's folder
`crowd`, and how they ended too. Nobody's ledger follows them.
"""

from __future__ import annotations

import json
import time

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.rig.layout.containers import Program, open_to_programs
from lab.rig.layout.lifetime import JOIN_S
from lab.rig.layout.topology import CROWD, SIGNAL_PORT
from lab.rig.process import signals
from lab.rig.programs import programs
from lab.rig.programs.programs import replace_now
from lab.rig.standing import server
from lab.rig.standing.lab import Lab
from lab.scenario.model import Crowd as Wanted

MODULE = "lab.clients.crowd"
POLL_S = 0.05


def members(wanted: Wanted) -> dict[str, list[str]]:
    """Return the names of those who speak and of those who listen."""
    return {
        "publishers": [f"{CROWD}-speaker-{number}" for number in range(1, wanted.publishers + 1)],
        "subscribers": [f"{CROWD}-listener-{number}" for number in range(1, wanted.subscribers + 1)],
    }


class Crowd:
    """The crowd of one run; nobody where the scenario wants none."""

    def __init__(self, lab: Lab, wanted: Wanted, folder: RunFolder, room: str) -> None:
        """Plan who joins `room`."""
        self._lab = lab
        self._wanted = wanted
        self._folder = folder
        self._room = room
        self._running: programs.Running | None = None

    def __enter__(self) -> Crowd:
        """Let them join, and wait until all have. EnvironmentFault when they cannot."""
        if self._wanted == Wanted():
            return self
        try:
            self._running = self._start()
            self._wait_joined(self._running)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let them go; keep what they said."""
        if self._running is not None:
            programs.finish(self._lab, self._running, self._folder)

    def begin(self) -> None:
        """Let them speak and listen."""
        if self._running is not None:
            replace_now(self._folder.path / CROWD / "go", json.dumps({"start_monotonic_ns": time.monotonic_ns()}))

    def check_alive(self) -> None:
        """Raise EnvironmentFault when they are gone: nothing would load the server then."""
        if self._running is not None:
            programs.check_alive([self._running])

    def _start(self) -> programs.Running:
        lab, who = self._lab, members(self._wanted)
        config = {**who, "camera": self._wanted.camera}
        self._folder.write(f"{CROWD}/{names.CLIENT_CONFIG}", json.dumps(config, indent=1))
        open_to_programs(self._folder.path / CROWD)
        tokens = {
            name: server.token(lab.credentials, self._room, name, lab.identity.deadline_s)
            for name in (*who["publishers"], *who["subscribers"])
        }
        environment = {
            "LIVEKIT_URL": f"ws://{lab.topology.server.ip}:{SIGNAL_PORT}",
            "LAB_TOKENS": json.dumps(tokens),
        }
        program = Program(part=CROWD, module=MODULE, node=lab.nodes[CROWD])
        return programs.start(lab, program, self._folder, CROWD, environment)

    def _wait_joined(self, running: programs.Running) -> None:
        until = time.monotonic() + JOIN_S
        said = self._folder.path / CROWD / names.CLIENT_EVENTS
        while not (said.exists() and '"ready"' in said.read_text()):
            if time.monotonic() > until:
                raise EnvironmentFault(f"the crowd did not join within {JOIN_S:g} s", fix="ask for fewer")
            signals.check()
            programs.check_alive([running])
            time.sleep(POLL_S)
