"""A lab: networks, router with its bump, namespaces and the LiveKit server, alive between `__enter__` and `__exit__`.

Law: everything carries the run's label from its creation, so that one sweep by label undoes any partial bring-up;
a watchdog does it when this process is killed, or could not. Many runs (`session.record`) may share one lab.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType

from lab.errors import EnvironmentFault, LeftoverError
from lab.rig import cleanup, containers, lifetime, owner, signals, watchdog
from lab.rig.bump.driver import Bump, plumb, router_needs
from lab.rig.bump.plumbing import Driver
from lab.rig.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Engine, SubnetTaken
from lab.rig.images import Images
from lab.rig.parallel import side_by_side
from lab.rig.server import Credentials, server_spec, wait_ready, write_configuration
from lab.rig.topology import BLOCKS, SERVER, Node, Topology, topology
from lab.rig.waiting import until
from lab.rig.watch import FAILED, KEPT, Progress, Watch
from lab.rig.watchdog import Guard
from lab.scenario.model import Scenario

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

BLOCK_TRIES = 20
NODE_READY_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a lab needs of this machine."""

    engine: Engine
    images: Images
    driver: Driver
    results: Path
    cache: Path


class Lab:
    """The long lifetime. Raises EnvironmentFault when it cannot be built, LeftoverError when it cannot be removed."""

    block: IPv4Network
    topology: Topology
    bump: Bump
    router: str
    nodes: dict[str, str]
    server: str
    credentials: Credentials

    def __init__(self, machine: Machine, scenario: Scenario, *, watch: Watch, keep: bool = False) -> None:
        """Plan a lab with the links, clients and server of `scenario`; nothing exists before `__enter__`.

        With `keep` a lab that stood stays after `__exit__`, for an hour, whoever starts or cleans other labs meanwhile.
        """
        self.machine = machine
        self.scenario = scenario
        self.run = secrets.token_hex(5)
        self.keep = keep
        self._watch = watch
        self._stack = ExitStack()
        self._stands = False
        self.scratch = Path(tempfile.gettempdir()) / f"livekit-lab-{self.run}"
        lives_s = lifetime.lab_s(scenario, keep=keep)
        whose = owner.kept() if keep else owner.token()
        self.identity = containers.Identity(
            run=self.run,
            labels={RUN_LABEL: self.run, OWNER_LABEL: whose, EXPIRES_LABEL: owner.expires(lives_s)},
            deadline_s=lives_s,
        )

    def __enter__(self) -> Lab:
        """Build it: watchdog, networks, then router and namespaces side by side, then bump and server side by side."""
        try:
            self._build()
        except BaseException as error:
            self._take_down(error)
            raise
        self._stands = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Remove it, whatever happened inside."""
        self._take_down(error)

    def _build(self) -> None:
        guard = self._stack.enter_context(watchdog.guard(self.run, [self.scratch]))
        self.scratch.mkdir(mode=0o700)
        self._stack.callback(shutil.rmtree, self.scratch, ignore_errors=True)  # a kept server has read what is in it
        self._stack.push(partial(self._undo, guard))
        self._watch(Progress(phase="networks"))
        networks = self._networks()
        guard.ready()
        self._watch(Progress(phase="containers"))
        self._namespaces(networks)
        self._watch(Progress(phase="server and bump"))
        self.bump = self._media_path(self._stack)

    def _take_down(self, first: BaseException | None) -> None:
        """Undo what was built; signals wait until it is done. `first` is the error that led here, if there is one."""
        with signals.shielded():
            self._stack.__exit__(type(first) if first else None, first, None)

    def _undo(self, guard: Guard, _kind: object, first: BaseException | None, _trace: object) -> None:
        """Remove everything, unless a lab that stood is to be kept. What fails here never hides the `first` error.

        The watchdog is dismissed only when nothing is left to do; else it goes on trying.
        """
        try:
            if self.keep and self._stands:
                self._say_kept()
            else:
                cleanup.sweep_run(self.machine.engine, self.run)
            guard.dismiss()
        except LeftoverError as error:
            if first is None:
                raise
            self._watch(Progress(phase=FAILED, detail=str(error)))

    def _say_kept(self) -> None:
        until_when = time.strftime("%H:%M", time.localtime(int(self.identity.labels[EXPIRES_LABEL])))
        said = f"the lab stays until {until_when}; `lab clean --run {self.run}` removes it"
        self._watch(Progress(phase=KEPT, detail=said))

    def new_room(self) -> str:
        """Return the name of a room that no run of this lab has used."""
        return f"{self.run}-{secrets.token_hex(3)}"

    def redacted(self, text: str) -> str:
        """Return `text` without this lab's secrets: the key's secret, and every access token (a JWT)."""
        return _JWT.sub("(token)", text.replace(self.credentials.secret, "(secret)"))

    def _networks(self) -> dict[str, str]:
        """Create every segment's network in a block that nobody uses; return segment name → network id."""
        first = secrets.randbelow(len(BLOCKS))
        for attempt in range(BLOCK_TRIES):
            self.block = BLOCKS[(first + attempt * 37) % len(BLOCKS)]
            self.topology = topology(self.scenario, self.block)
            try:
                return dict(side_by_side(self._network(s.name, s.subnet) for s in self.topology.segments))
            except SubnetTaken:
                cleanup.sweep_run(self.machine.engine, self.run)
        ranges = IPv4Network("198.18.0.0/15")
        raise EnvironmentFault(f"{BLOCK_TRIES} address blocks of {ranges} are taken", fix="look at `lab clean --all`")

    def _network(self, name: str, subnet: str) -> Callable[[], tuple[str, str]]:
        engine, identity = self.machine.engine, self.identity
        return lambda: (name, engine.create_network(identity.name(name), subnet, identity.labels))

    def _namespaces(self, networks: dict[str, str]) -> None:
        """Start the router and every node at once, and wait until each node knows its way."""
        engine, image = self.machine.engine, self.machine.images.router.reference
        router = containers.router_spec(
            self.identity,
            image,
            {networks[s.name]: s.router_ip for s in self.topology.segments},
            self.machine.results,
        )
        needs = router_needs(self.machine.driver, self.machine.cache)
        router = replace(router, devices=needs.devices, mounts=(*router.mounts, *needs.mounts))

        def node(each: Node) -> Callable[[], str]:
            spec = containers.node_spec(self.identity, image, each, networks[each.segment.name])
            return lambda: self._started_node(engine.start(spec))

        self.router, *nodes = side_by_side([lambda: engine.start(router), *map(node, self.topology.nodes)])
        self.nodes = {each.name: found for each, found in zip(self.topology.nodes, nodes, strict=True)}

    def _started_node(self, container: str) -> str:
        until(
            lambda: containers.NODE_READY in self.machine.engine.logs(container),
            NODE_READY_S,
            lambda: EnvironmentFault(f"a node did not set its route:\n{self.machine.engine.logs(container)}"),
        )
        return container

    def _media_path(self, stack: ExitStack) -> Bump:
        """Start the server while the bump boots."""
        engine = self.machine.engine
        bump = Bump(
            engine=engine,
            router=self.router,
            topology=self.topology,
            driver=self.machine.driver,
            seed=self.scenario.seed,
            impair_only=self.scenario.impair_only,
            cache=self.machine.cache,
        )
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(self._start_server)
            plumb(engine, self.router, self.topology, self.machine.driver)
            stack.enter_context(bump)
            self.server = starting.result()
        return bump

    def _start_server(self) -> str:
        engine, asked = self.machine.engine, self.scenario.server
        self.credentials = Credentials()
        folder = Path(tempfile.mkdtemp(prefix="livekit-", dir=self.scratch))
        write_configuration(folder, self.topology, asked, self.credentials)
        containers.open_to_programs(folder)
        base = replace(self.identity.spec(SERVER, "", ()), user=containers.program_user())
        container = engine.start(
            server_spec(self.machine.images.server.reference, self.nodes[SERVER], asked, folder, base)
        )
        wait_ready(engine, container)
        self.server_configuration = (folder / "livekit.yaml").read_text()
        return container
