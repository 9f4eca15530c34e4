"""A lab: router with its bump, namespaces and the LiveKit server, alive between `__enter__` and `__exit__`.

Law: everything carries the run's label from its creation, so that one sweep by label undoes any partial bring-up;
a watchdog does it when this process is killed, or could not. Many runs (`session.record`) may share one lab.
A lab is entered as soon as its devices are joined, so that captures can be opened meanwhile; whoever needs another
piece waits for it, and hears there what went wrong with it.
"""

from __future__ import annotations

import importlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from lab.errors import EnvironmentFault, LeftoverError
from lab.rig.bump.driver import Bump, joined, startable
from lab.rig.engine.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL
from lab.rig.layout import containers, lifetime, owner
from lab.rig.layout.topology import SERVER, topology
from lab.rig.process import signals
from lab.rig.process.coming import all_arrived, arrived
from lab.rig.process.watch import FAILED, KEPT, NOTE, Progress, Watch
from lab.rig.standing import cleanup, watchdog
from lab.rig.standing.pieces import Machine, Pieces
from lab.rig.standing.server import Credentials, write_configuration
from lab.rig.standing.watchdog import Guard
from lab.rig.standing.zygotes import Zygotes
from lab.scenario.model import Scenario

__all__ = ["Lab", "Machine"]

T = TypeVar("T")
PIECES = 64
"""More than a lab has: each is brought up in a thread of its own."""


class Lab:
    """The long lifetime. Raises EnvironmentFault when it cannot be built, LeftoverError when it cannot be removed."""

    router: str
    _nodes: dict[str, Future[str]]
    _server: Future[tuple[str, str]]
    _bump: Future[Bump]

    def __init__(
        self, machine: Machine, scenario: Scenario, *, watch: Watch, keep: bool = False, lives_s: int | None = None
    ) -> None:
        """Plan a lab with the links, clients and server of `scenario`; nothing exists before `__enter__`.

        Its containers end themselves after `lives_s`; None: as long as a run of `scenario` may take.
        With `keep` a lab that stood stays after `__exit__`, for an hour, whoever starts or cleans other labs meanwhile.
        """
        self.machine = machine
        self.scenario = scenario
        self.topology = topology(scenario)
        self.run = secrets.token_hex(5)
        self.keep = keep
        self._watch = watch
        self.credentials = Credentials()
        self._stack = ExitStack()
        self._pieces: list[Future[Any]] = []
        self._pool = ThreadPoolExecutor(PIECES)
        self._media = ExitStack()
        self.scratch = Path(tempfile.gettempdir()) / f"livekit-lab-{self.run}"
        lives_s = lifetime.lab_s(scenario, keep=keep) if lives_s is None else lives_s
        whose = owner.kept() if keep else owner.token()
        self.identity = containers.Identity(
            run=self.run,
            labels={RUN_LABEL: self.run, OWNER_LABEL: whose, EXPIRES_LABEL: owner.expires(lives_s)},
            deadline_s=lives_s,
        )
        self.zygotes = Zygotes(machine, self.identity, self.scratch)

    def __enter__(self) -> Lab:
        """Build it: watchdog, router and its devices, nodes; everything else is on its way then."""
        try:
            self._build()
        except BaseException as error:
            self._take_down(error)
            raise
        return self

    @cached_property
    def nodes(self) -> dict[str, str]:
        """The containers that own the namespaces, by name of their node; each knows its way."""
        return {name: arrived(node) for name, node in self._nodes.items()}

    @cached_property
    def server(self) -> str:
        """The server's container; it listens."""
        return arrived(self._server)[0]

    @cached_property
    def server_configuration(self) -> str:
        """What the server was told, without its key."""
        return arrived(self._server)[1]

    @cached_property
    def bump(self) -> Bump:
        """The bump; every direction was clean when it came up."""
        return arrived(self._bump)

    def complete(self) -> None:
        """Wait until all of it stands. Raises EnvironmentFault for what does not come up."""
        self._watch(Progress(phase="server and bump"))
        for piece in self._pieces:
            arrived(piece)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Remove it, whatever happened inside."""
        self._take_down(error)

    def _build(self) -> None:
        guard = self._stack.enter_context(watchdog.guard(self.run, [self.scratch]))
        self.scratch.mkdir(mode=0o700)
        self._stack.callback(shutil.rmtree, self.scratch, ignore_errors=True)  # a kept server has read what is in it
        self._stack.push(partial(self._undo, guard))
        self._watch(Progress(phase="containers"))
        made = Pieces(machine=self.machine, identity=self.identity, topology=self.topology)
        router = self._later(made.start_router)
        self._later(partial(importlib.import_module, "livekit.api"))  # 0.2 s, for tokens, while the engine works
        guard.ready()
        self.router = arrived(router)
        devices = self._later(partial(joined, self.machine.engine, self.router))
        nodes = self.topology.nodes
        self._nodes = {node.name: self._later(partial(made.start_node, node, self.router)) for node in nodes}
        self._bump = self._later(self._start_bump)
        self._server = self._later(partial(self._start_server, made))
        try:
            all_arrived([devices, *self._nodes.values()])
        except EnvironmentFault:
            if not self._router_runs():
                arrived(devices)  # its words say why no node could join it
            raise

    def _router_runs(self) -> bool:
        state = self.machine.engine.state(self.router)
        return state is not None and state.running

    def _later(self, task: Callable[[], T]) -> Future[T]:
        """Have `task` done side by side with all else; taking down waits for its end."""
        with signals.shielded():  # a signal inside `submit` would leave a thread that nobody waits for
            piece = self._pool.submit(task)
            self._pieces.append(piece)
        return piece

    def _take_down(self, first: BaseException | None) -> None:
        """Undo what was built; signals wait until it is done. `first` is the error that led here, if there is one."""
        with signals.shielded():
            self._stack.__exit__(type(first) if first else None, first, None)

    def _undo(self, guard: Guard, _kind: object, first: BaseException | None, _trace: object) -> None:
        """Remove everything, unless a lab that stood is to be kept. What fails here never hides the `first` error.

        The watchdog is dismissed only when nothing is left to do; else it goes on trying.
        """
        try:
            if self.keep and self._stands():
                self.zygotes.drop_all()  # their run is over, and nobody else may order one
                self._say_kept()
            else:
                self._remove()
            guard.dismiss()
        except LeftoverError as error:
            if first is None:
                raise
            self._watch(Progress(phase=FAILED, detail=str(error)))

    def _stands(self) -> bool:
        """Return whether every piece is there."""
        return hasattr(self, "_bump") and not any(
            not each.done() or each.cancelled() or each.exception() for each in self._pieces
        )

    def _remove(self) -> None:
        """Remove everything, which also ends what still waits for a part of it; and then what that had under way."""
        under_way = any(not each.done() for each in self._pieces)
        try:
            cleanup.sweep_run(self.machine.engine, self.run)
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._media.close()
        if under_way:
            cleanup.sweep_run(self.machine.engine, self.run)

    def _say_kept(self) -> None:
        until_when = time.strftime("%H:%M", time.localtime(int(self.identity.labels[EXPIRES_LABEL])))
        said = f"the lab stays until {until_when}; `lab clean --run {self.run}` removes it"
        self._watch(Progress(phase=KEPT, detail=said))

    def _note(self, words: str) -> None:
        self._watch(Progress(phase=NOTE, detail=words))

    def new_room(self) -> str:
        """Return the name of a room that no run of this lab has used."""
        return f"{self.run}-{secrets.token_hex(3)}"

    def _start_bump(self) -> Bump:
        bump = Bump(
            engine=self.machine.engine,
            router=self.router,
            topology=self.topology,
            driver=self.machine.driver,
            seed=self.scenario.seed,
            impair_only=self.scenario.impair_only,
            cache=self.machine.cache,
            machine=partial(startable, self.machine.engine, self.router, self.machine.driver),
            report=self._note,
        )
        self._media.enter_context(bump)
        return bump

    def _start_server(self, made: Pieces) -> tuple[str, str]:
        """Return the server's container, which listens, and its configuration."""
        folder = Path(tempfile.mkdtemp(prefix="livekit-", dir=self.scratch))
        write_configuration(folder, self.topology, self.scenario.server, self.credentials)
        container = made.start_server(self.scenario.server, folder, arrived(self._nodes[SERVER]))
        return container, (folder / "livekit.yaml").read_text()
