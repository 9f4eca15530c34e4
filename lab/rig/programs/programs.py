"""Our programs beside the lab's own containers: started with their folder, watched, ended, their last words kept.

Law: how a program ended and what it said is in the recording, whatever it was for; one that died is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.durable import write_atomically
from lab.evidence.store import RunFolder
from lab.rig.engine import words
from lab.rig.engine.engine import KILLED, ContainerState
from lab.rig.layout.containers import Program
from lab.rig.standing.forks import End, Fork
from lab.rig.standing.lab import Lab
from lab.rig.standing.zygotes import Zygote

GRACE_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started program: its folder inside the run folder, the process, and what that was forked from."""

    place: str
    fork: Fork
    zygote: Zygote

    @property
    def name(self) -> str:
        """Its name in the run folder's terms."""
        return Path(self.place).name

    @property
    def container(self) -> str:
        """Its container's id."""
        return self.zygote.container


def start(
    lab: Lab, program: Program, folder: RunFolder, place: str, environment: Mapping[str, str] | None = None
) -> Running:
    """Start `program`, whose folder is `place` in the run folder, and open to it. EnvironmentFault."""
    zygote = lab.zygotes.loaded(program)
    try:
        fork = zygote.fork(folder.path / place, environment or {})
    except EnvironmentFault:  # it has died since the last run
        lab.zygotes.drop(zygote)
        zygote = lab.zygotes.loaded(program)
        fork = zygote.fork(folder.path / place, environment or {})
    return Running(place=place, fork=fork, zygote=zygote)


def check_alive(programs: Sequence[Running]) -> None:
    """Raise EnvironmentFault, with its last words, for the first program that has ended on its own."""
    for each in programs:
        if end := each.fork.end():
            raise EnvironmentFault(f"{each.name} {how(each, end)}", fix="is there memory left?")


def how(running: Running, end: End) -> str:
    """Return in words how a program ended, and its last ones."""
    state = running.zygote.state(ending=end.exit_code is None)
    if end.exit_code is not None:
        memory = " (out of memory)" if state and _out_of_memory(end.exit_code, state) else ""
        return f"ended with exit code {end.exit_code}{memory}:\n{last_words(running)}"
    why = "gone" if state is None else "out of memory" if state.oom_killed else f"exit code {state.exit_code}"
    return f"ended with its container ({why}):\n{last_words(running)}"


def _out_of_memory(exit_code: int | None, state: ContainerState) -> bool:
    """Return whether that is what killed a program: its container remembers it of each that was ever in it."""
    return state.oom_killed and exit_code in (None, KILLED)


def last_words(running: Running) -> str:
    """Return the last lines of what it said."""
    return words.tail(running.fork.said()) or "    (it said nothing)"


def finish(lab: Lab, running: Running, folder: RunFolder) -> None:
    """End it: SIGTERM, grace, SIGKILL; keep its exit code and log.

    Its container serves the next run, unless the program ended badly or was to be the only one.
    """
    end = _ended(running.fork)
    running.fork.close()
    folder.write(f"{running.place}/{names.CLIENT_LOG}", running.fork.said())
    exit_code, oom_killed = end.exit_code if end else None, False
    if exit_code != 0 and (state := running.zygote.state(ending=exit_code is None)):
        exit_code = state.exit_code if exit_code is None else exit_code
        oom_killed = _out_of_memory(exit_code, state)
    left = {"exit_code": exit_code, "oom_killed": oom_killed}
    folder.write(f"{running.place}/{names.CLIENT_EXIT}", json.dumps(left))
    if running.zygote.program.once or exit_code != 0:
        lab.zygotes.drop(running.zygote)


def _ended(fork: Fork) -> End | None:
    """Return how `fork` ended; None when not even SIGKILL ends it, as while its container stands still."""
    for name in ("SIGTERM", "SIGKILL"):
        fork.signal(name)
        if end := fork.end(GRACE_S):
            return end
    return None


def replace_now(path: Path, text: str) -> None:
    """Replace a file that a running program polls: whole, but not synced, for the disk must not delay what is due."""
    write_atomically(path, text.encode(), durable=False)
