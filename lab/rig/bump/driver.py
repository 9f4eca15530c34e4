"""The bump of a lab, whichever way it is made: choose the driver, join the devices, impair, read back.

Law: what is recorded is what the kernel said it does, between the moment before it was told and the moment its
answer had been compared with what was asked.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.errors import EnvironmentFault
from lab.evidence.steps import DirectionState, Qdisc, StepState
from lab.rig.bump import readback, tc, vm
from lab.rig.bump.console import FACTS, START, Console, ConsoleClosed
from lab.rig.bump.plumbing import Driver, first_argv, join_script, plumb_argv
from lab.rig.engine.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, ContainerSpec, Engine, Mount
from lab.rig.engine.words import said
from lab.rig.layout import owner
from lab.rig.layout.script import Argv, script
from lab.rig.layout.topology import Topology
from lab.scenario.model import Direction, Impairment

CLEAN = Impairment()
PROBE_S = 20
TAPPED, JOINED = "tapped", "joined"
"""What a router says when the VM can be started, and when every node hangs on its segment."""
ROUTER_S = 15.0
Way = tuple[str, Direction]
"""A client and the direction of its link."""

_WAYS: tuple[Direction, ...] = ("up", "down")


@dataclass(frozen=True, kw_only=True)
class RouterNeeds:
    """What the router's container must be given for a driver."""

    devices: tuple[str, ...]
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, kw_only=True)
class BumpFacts:
    """What impairs, for the manifest. `seeded`: netem accepts a seed; `qemu` is None for the kernel driver."""

    driver: Driver
    seeded: bool
    kernel: str
    iproute2: str
    qemu: str | None
    resumed: bool


def choose(engine: Engine, router_reference: str, insist: str | None) -> Driver:
    """Return the driver: `insist`, or kernel where the whole tree can be built in a throwaway namespace, else vm.

    Raises EnvironmentFault when the kernel driver is insisted on and refused, with tc's words.
    """
    if insist == "vm":
        return "vm"
    refusal = _kernel_refusal(engine, router_reference)
    if refusal and insist == "kernel":
        raise EnvironmentFault(f"this kernel cannot impair: {refusal}", fix="leave out --netem, or use --netem vm")
    return "vm" if refusal else "kernel"


def _kernel_refusal(engine: Engine, router_reference: str) -> str:
    """Return why the kernel of this machine cannot build the tree, "" when it can."""
    lines = (*tc.setup_argv("lo", "rtp", None),)
    container = engine.start(
        ContainerSpec(
            name=f"lab-probe-{secrets.token_hex(5)}",
            image=router_reference,
            command=("sh", "-ec", script(lines)),
            labels={RUN_LABEL: "probe", OWNER_LABEL: owner.token(), EXPIRES_LABEL: owner.expires(PROBE_S)},
            deadline_s=PROBE_S,
            capabilities=("NET_ADMIN",),
        )
    )
    try:
        return engine.logs(container).strip() or "tc failed" if engine.wait(container, PROBE_S) else ""
    finally:
        engine.remove(container)


def router_needs(driver: Driver, cache: Path) -> RouterNeeds:
    """Return what the router needs for `driver`; `cache` must exist."""
    if driver == "kernel":
        return RouterNeeds(devices=(), mounts=())
    return RouterNeeds(devices=("/dev/net/tun",), mounts=(vm.cache_mount(cache),))


def router_script(topology: Topology, driver: Driver, *, peopled: bool = True) -> str:
    """Return what a fresh router does before it sleeps; it waits for every node, where there are to be any."""
    words = vm.WHO if driver == "vm" else ""
    devices = script(plumb_argv(topology, driver))
    joins = join_script(topology) if peopled else ""
    return f"{script(first_argv(topology, driver))}{words}echo {TAPPED}\n{devices}{joins}echo {JOINED}\n"


def startable(engine: Engine, router: str, driver: Driver) -> str:
    """Return what the router says of its VM ("" without one), once its bump can be started. EnvironmentFault."""
    words = TAPPED if driver == "vm" else JOINED
    return _said(engine, router, words).partition(TAPPED)[0]


def joined(engine: Engine, router: str) -> None:
    """Return when every node is joined and addressed. Raises EnvironmentFault with the words of what failed."""
    _said(engine, router, JOINED)


def _said(engine: Engine, router: str, words: str) -> str:
    return said(engine, router, words, within_s=ROUTER_S, who="the router", fix="run `lab doctor`")


@dataclass(kw_only=True, eq=False)
class Bump:
    """Every impaired direction of a lab: clean on entry, then what `apply` says. The router's owner removes it.

    Nothing is touched before `__enter__`, which first waits for `machine`: `startable` of the router.
    """

    engine: Engine
    router: str
    topology: Topology
    driver: Driver
    seed: int
    impair_only: tc.Only
    cache: Path
    machine: Callable[[], str]
    report: vm.Report = vm.silent
    facts: BumpFacts = field(init=False)
    _console: Console = field(init=False)
    _force: dict[Way, Impairment] = field(init=False, default_factory=dict)
    _seeds: dict[Way, int | None] = field(init=False, default_factory=dict)

    def __enter__(self) -> Bump:
        """Start what impairs and build every tree, clean. Raises EnvironmentFault."""
        running = self._start()
        self._console = running.console
        try:
            self.facts = self._facts(running)
            self._force = {(link.client, way): CLEAN for link in self.topology.links for way in _WAYS}
            self._seeds = {way: self._seed_of(way, "clean") for way in self._force}
            self._run("clean", None, {way: self._setup(way) for way in self._force})
        except BaseException:
            self._console.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close the console."""
        self._console.close()

    def apply(self, name: str, changes: Mapping[Way, Impairment], due_ns: int | None) -> StepState:
        """Put each direction of `changes` into its new state and return what the kernel then holds of them.

        The step's `name` is part of the seed: a step of this name is drawn alike in every run with the same seed.
        Raises EnvironmentFault naming field, asked and got when the read-back differs.
        """
        seeds = {way: self._seed_of(way, name) for way in changes}
        argv = {
            way: tc.change_argv(self._device(way), self._force[way], asked, seeds[way])
            for way, asked in changes.items()
        }
        self._force |= changes
        self._seeds |= seeds
        return self._run(name, due_ns, argv)

    def read(self, name: str) -> StepState:
        """Return the counters of every direction, after comparing it with what is in force."""
        return self._run(name, None, dict.fromkeys(self._force, ()))

    def _start(self) -> vm.Running:
        machine = self.machine()
        if self.driver == "vm" and self.topology.links:
            return vm.start(self.engine, self.router, machine, len(self.topology.links), self.cache, self.report)
        console = Console(self.engine.shell(self.router, ("sh",)))
        facts = console.run(FACTS).output
        console.run(START)
        return vm.Running(console=console, resumed=False, qemu=None, facts=facts)

    def _facts(self, running: vm.Running) -> BumpFacts:
        kernel, version, *seeded = running.facts.splitlines()
        return BumpFacts(
            driver=self.driver,
            seeded=seeded == ["seeded"],
            kernel=kernel,
            iproute2=_version(version),
            qemu=running.qemu and _version(running.qemu),
            resumed=running.resumed,
        )

    def _seed_of(self, way: Way, step: str) -> int | None:
        return tc.seed_for(self.seed, *way, step) if self.facts.seeded else None

    def _device(self, way: Way) -> str:
        client, direction = way
        return next(link.device(direction) for link in self.topology.links if link.client == client)

    def _setup(self, way: Way) -> tuple[Argv, ...]:
        return tc.setup_argv(self._device(way), self.impair_only, self._seeds[way])

    def _run(self, name: str, due_ns: int | None, argv: Mapping[Way, tuple[Argv, ...]]) -> StepState:
        """Run every direction's lines and its read-back in one round trip, and compare."""
        began = time.time_ns()
        devices = [self._device(way) for way in argv]
        lines = [line for each in argv.values() for line in each]
        trees, *filters = self._ask([*lines, *tc.show_argv(devices)])
        directions = tuple(
            self._direction(way, argv[way], readback.qdiscs(trees, device), rules)
            for way, device, rules in zip(argv, devices, filters, strict=True)
        )
        return StepState(name=name, due_ns=due_ns, from_ns=began, to_ns=time.time_ns(), directions=directions)

    def _direction(
        self, way: Way, argv: tuple[Argv, ...], qdiscs: tuple[Qdisc, ...], filters: Sequence[Any]
    ) -> DirectionState:
        asked = readback.asked_shape(self._force[way], self.impair_only, self._seeds[way])
        readback.compare(self._device(way), asked, readback.got_shape(qdiscs, filters))
        return DirectionState(client=way[0], direction=way[1], argv=argv, qdiscs=qdiscs)

    def _ask(self, lines: Sequence[Argv]) -> list[Any]:
        try:
            return self._console.tc(lines)
        except ConsoleClosed as error:
            words = vm.last_words(self.engine, self.router) if self.driver == "vm" else ""
            raise EnvironmentFault(f"the bump died: {error}\n{words}", fix="is there memory left?") from error


def held(step: StepState) -> int:
    """Return how many packets the qdiscs held when they were read."""
    return sum(qdisc.backlog_packets for way in step.directions for qdisc in way.qdiscs)


def _version(words: str) -> str:
    """Return the first number with dots in what a program says of its version."""
    found = re.search(r"\d+(\.\d+)+", words)
    return found[0] if found else words
