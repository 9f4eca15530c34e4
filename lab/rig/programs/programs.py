"""Our programs beside the lab's own containers: started with their folder, watched, ended, their last words kept.

Law: how a program ended and what it said is in the recording, whatever it was for; one that died is noticed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder, storing
from lab.rig.engine import words
from lab.rig.engine.engine import Engine
from lab.rig.layout.containers import Program, program_spec
from lab.rig.standing.lab import Lab

GRACE_S = 3.0
ALIVE_EVERY_S = 1.0
"""How often, at most, the engine is asked about a program: asking loads the machine that is being measured."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started program: its name in the run folder's terms, its container, and its folder inside the run folder."""

    name: str
    container: str
    place: str


def start(lab: Lab, program: Program, place: str) -> Running:
    """Start `program`, whose folder is `place` in the run folder."""
    image = lab.machine.images.with_sdk(program.sdk)
    container = lab.machine.engine.start(program_spec(lab.identity, image.reference, program))
    return Running(name=Path(place).name, container=container, place=place)


def check_alive(engine: Engine, programs: Sequence[Running]) -> None:
    """Raise EnvironmentFault, with its last log lines, for the first program that has ended on its own."""
    for each in programs:
        state = engine.state(each.container)
        if state is None or not state.running:
            code, log = (state.exit_code, words.tail(engine.logs(each.container))) if state else (None, "    (gone)")
            raise EnvironmentFault(f"{each.name} ended with exit code {code}:\n{log}", fix="is there memory left?")


def finish(lab: Lab, running: Running, folder: RunFolder) -> None:
    """End it: SIGTERM, grace, SIGKILL; keep its exit code and log, remove its container."""
    engine = lab.machine.engine
    engine.signal(running.container, "SIGTERM")
    try:
        engine.wait(running.container, GRACE_S)
    except TimeoutError:
        engine.signal(running.container, "SIGKILL")
    state = engine.state(running.container)
    end = {"exit_code": state.exit_code if state else None, "oom_killed": state.oom_killed if state else False}
    folder.write(f"{running.place}/{names.CLIENT_EXIT}", json.dumps(end))
    folder.write(f"{running.place}/{names.CLIENT_LOG}", lab.redacted(engine.logs(running.container)))
    engine.remove(running.container)


def replace_now(path: Path, text: str) -> None:
    """Replace a file that a running program polls: whole, but not synced, for the disk must not delay what is due."""
    temporary = path.with_name(f".{path.name}")
    with storing(path):
        temporary.write_text(text)
        temporary.rename(path)


class Pulse:
    """Says when to look again: at most once in `every_s` seconds."""

    def __init__(self, every_s: float = ALIVE_EVERY_S) -> None:
        """Be due first after `every_s`: what has just started is alive."""
        self._every_s = every_s
        self._next = time.monotonic() + every_s

    def due(self) -> bool:
        """Return whether it is time, and if so wait anew."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._every_s
        return True
