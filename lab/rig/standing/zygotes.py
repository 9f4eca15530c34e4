"""The containers in which a lab's programs are loaded: each serves one run after another, which forks what it needs.

Law: a fork begins as a process that has just been started would, whatever ran before it, but for what that left in the
container's /tmp, where none of our programs writes. A container whose program came to a bad end, or was changed
meanwhile, is dropped by whoever ran it (`drop`), and made anew for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from lab.clients.zygote import LOADED
from lab.errors import EnvironmentFault
from lab.rig.engine.engine import ContainerState, Engine
from lab.rig.engine.words import said
from lab.rig.layout.containers import RESULTS, Identity, Program, open_to_programs, program_spec
from lab.rig.standing.forks import Fork, ordered
from lab.rig.standing.pieces import Machine

END_S = 3.0
"""A container is not gone the moment its program is."""
LOAD_S = 60.0
"""With a hundredth of a CPU, the least that a scenario may give, loading and joining took 46 s."""


@dataclass(frozen=True, kw_only=True)
class Zygote:
    """A loaded program: its container, the folder on the machine with its door, and `results` as it sees them."""

    engine: Engine
    program: Program
    container: str
    home: Path
    results: Path
    seen: Path
    _numbers: count[int] = field(default_factory=count, compare=False)

    def fork(self, folder: Path, environment: Mapping[str, str], arguments: Sequence[str] = ()) -> Fork:
        """Run the program with `folder`, which is in `results`, as its LAB_DIR. EnvironmentFault."""
        place, log = self.seen / folder.relative_to(self.results), self.home / f"{next(self._numbers)}.log"
        return ordered(door(self.home), place, log, environment, arguments)

    def state(self, *, ending: bool) -> ContainerState | None:
        """Return what the engine says of its container, None when that is gone; of one that is `ending`, how it did."""
        if ending:
            with suppress(TimeoutError, EnvironmentFault):  # it may be gone
                self.engine.wait(self.container, END_S)
        return self.engine.state(self.container)


class Zygotes:
    """Those of one lab, by part. Threads may ask for different parts at the same time."""

    def __init__(self, machine: Machine, identity: Identity, scratch: Path) -> None:
        """Plan it; what a zygote needs on this machine is made in `scratch`."""
        self._machine = machine
        self._identity = identity
        self._scratch = scratch
        self._standing: dict[str, Zygote] = {}
        self._numbers = count()

    def loaded(self, program: Program) -> Zygote:
        """Return a zygote of `program`: the one that stands, or a new one. EnvironmentFault; Interrupted."""
        standing = self._standing.get(program.part)
        if standing is not None and standing.program != program:
            self.drop(standing)
            standing = None
        if standing is None:
            standing = self._standing[program.part] = self._started(program)
        return standing

    def drop_all(self) -> None:
        """Remove those that stand."""
        for zygote in [*self._standing.values()]:
            self.drop(zygote)

    def drop(self, zygote: Zygote) -> None:
        """Remove its container, whatever runs in it; the next run has a new one."""
        self._standing.pop(zygote.program.part, None)
        self._machine.engine.remove(zygote.container)

    def _started(self, program: Program) -> Zygote:
        home = self._scratch / f"{program.part}-{next(self._numbers)}"
        door(home).mkdir(parents=True)
        open_to_programs(door(home))
        engine, results = self._machine.engine, self._machine.results
        image = self._machine.images.with_sdk(program.sdk).reference
        container = engine.start(program_spec(self._identity, image, program, door(home), results))
        try:
            fix = "is there memory left?"
            said(engine, container, LOADED, within_s=LOAD_S, who=program.part, fix=fix)
            seen = engine.root(container) / RESULTS.lstrip("/")
        except BaseException:
            engine.remove(container)
            raise
        return Zygote(engine=engine, program=program, container=container, home=home, results=results, seen=seen)


def door(home: Path) -> Path:
    """Return the folder, of those of a zygote, that it sees too."""
    return home / "door"
