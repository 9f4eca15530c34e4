"""A lab: networks, router with its bump, namespaces and the LiveKit server, alive between `__enter__` and `__exit__`.

Law: everything carries the run's label from its creation, so that one sweep by label undoes any partial bring-up;
a watchdog does it when this process is killed. Many runs (`session.record`) may share one lab.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.rig import cleanup, containers, owner, signals, watchdog
from lab.rig.bump.driver import Bump, plumb, router_needs
from lab.rig.bump.plumbing import Driver
from lab.rig.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Engine, SubnetTaken
from lab.rig.images import Images
from lab.rig.parallel import side_by_side
from lab.rig.server import Credentials, server_spec, wait_ready, write_configuration
from lab.rig.topology import BLOCKS, SERVER, Node, Topology, topology
from lab.rig.waiting import until
from lab.rig.watch import Progress, Watch
from lab.scenario.model import Scenario

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

BLOCK_TRIES = 20
NODE_READY_S = 15.0
MARGIN_S = 240
"""How much longer than its media a lab may live before its containers end themselves."""


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

    topology: Topology
    bump: Bump
    router: str
    nodes: dict[str, str]
    server: str
    credentials: Credentials

    def __init__(self, machine: Machine, scenario: Scenario, *, watch: Watch, keep: bool = False) -> None:
        """Plan a lab with the links, clients and server of `scenario`; nothing exists before `__enter__`."""
        self.machine = machine
        self.scenario = scenario
        self.run = secrets.token_hex(5)
        self.keep = keep
        self._watch = watch
        self._stack = ExitStack()
        lifetime = (scenario.media.settle_ms + scenario.media.control_ms + scenario.media.duration_ms) // 1000
        self.identity = containers.Identity(
            run=self.run,
            labels={RUN_LABEL: self.run, OWNER_LABEL: owner.token(), EXPIRES_LABEL: owner.expires(lifetime + MARGIN_S)},
            deadline_s=lifetime + MARGIN_S,
        )

    def __enter__(self) -> Lab:
        """Build it: watchdog, networks, then router and namespaces side by side, then bump and server side by side."""
        with ExitStack() as stack:
            self.scratch = self._scratch(stack)
            guard = stack.enter_context(watchdog.guard(self.run, [self.scratch]))
            stack.callback(self._sweep)
            self._watch(Progress(phase="networks"))
            networks = self._networks()
            guard.ready()
            self._watch(Progress(phase="containers"))
            self._namespaces(networks)
            self._watch(Progress(phase="server and bump"))
            self.bump = self._media_path(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it, whatever happened inside; signals wait until it is done."""
        with signals.shielded():
            self._stack.close()

    def new_room(self) -> str:
        """Return the name of a room that no run of this lab has used."""
        return f"{self.run}-{secrets.token_hex(3)}"

    def redacted(self, text: str) -> str:
        """Return `text` without this lab's secrets: the key's secret, and every access token (a JWT)."""
        return _JWT.sub("(token)", text.replace(self.credentials.secret, "(secret)"))

    def _scratch(self, stack: ExitStack) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"livekit-lab-{self.run}-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _sweep(self) -> None:
        if not self.keep:
            cleanup.sweep(self.machine.engine, {RUN_LABEL: self.run}).raise_if_any(self.run)

    def _networks(self) -> dict[str, str]:
        """Create every segment's network in a block that nobody uses; return segment name → network id."""
        first = secrets.randbelow(len(BLOCKS))
        for attempt in range(BLOCK_TRIES):
            self.topology = topology(self.scenario, BLOCKS[(first + attempt * 37) % len(BLOCKS)])
            try:
                return dict(side_by_side(self._network(s.name, s.subnet) for s in self.topology.segments))
            except SubnetTaken:
                cleanup.sweep(self.machine.engine, {RUN_LABEL: self.run}).raise_if_any(self.run)
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
