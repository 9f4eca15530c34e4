"""A lab without LiveKit: router, bump and silent nodes, and Python beside them to send packets and count them.

Law: what a test knows of a packet it knows from the captures on both sides of the bump.
"""

from __future__ import annotations

import json
import secrets
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lab.evidence.steps import DirectionState, StepState
from lab.rig.bump.driver import Bump, Driver, held, joined, router_needs, router_script, startable
from lab.rig.engine.engine import RUN_LABEL, ContainerSpec, Engine
from lab.rig.layout.containers import Identity, node_spec, router_spec
from lab.rig.layout.topology import SERVER, Node, topology
from lab.rig.standing import cleanup
from lab.scenario.model import Client, Impairment, Link, Media, Scenario, Server

DEADLINE_S = 400
SENDER = """
import json, socket, struct, sys, time
plan = json.load(sys.stdin)
payload = bytes.fromhex(plan["head"])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
due = time.monotonic()
for number in range(plan["packets"]):
    out.sendto(payload + struct.pack(">I", number) + bytes(plan["fill"]), (plan["to"], plan["port"]))
    due += plan["gap_s"]
    time.sleep(max(0, due - time.monotonic()))
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=float(sys.argv[2]))
except ConnectionRefusedError:
    print("refused")
except TimeoutError:
    print("silence")
"""
READ_ALL = """
import socket
with socket.create_server(("", 9001)) as door:
    print("open", flush=True)
    inbox, _ = door.accept()
    while inbox.recv(65536):
        pass
"""
WRITE_ALL = """
import socket, sys
with socket.create_connection((sys.argv[1], 9001)) as out:
    out.sendall(bytes(int(sys.argv[2])))
"""
SINK = """
import socket
inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inbox.bind(("", 9000))
while True:
    inbox.recv(2048)
"""
PYTHON = "/venv/bin/python"
TCPDUMP = ("tcpdump", "-n", "-U", "--immediate-mode", "--time-stamp-precision=nano", "-Z", "root")
RTP_HEAD, RTCP_HEAD, STUN_HEAD = "806f", "80c8", "0001"


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What every lab of these tests stands on."""

    engine: Engine
    router_image: str
    client_image: str
    cache: Path


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One UDP datagram to the port of a test at one tap: when, which (its ordinal), and its bytes."""

    t_ns: int
    number: int
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """What both taps of a link saw of one burst of packets, and the counters of its direction before and after."""

    before: tuple[Seen, ...]
    after: tuple[Seen, ...]
    counted: Mapping[str, tuple[int, int]]  # handle → packets (sent, dropped) in between

    @property
    def lost(self) -> list[int]:
        """The ordinals that did not come out, in order."""
        return sorted({each.number for each in self.before} - {each.number for each in self.after})

    @property
    def delays_ms(self) -> list[float]:
        """How long each packet took, in the order in which they came out (first copies)."""
        entered = {each.number: each.t_ns for each in self.before}
        return [(each.t_ns - entered[each.number]) / 1e6 for each in self.after]

    @property
    def order(self) -> list[int]:
        """The ordinals as they came out."""
        return [each.number for each in self.after]


def scenario(clients: Sequence[str]) -> Scenario:
    """Return a scenario with a clean link for each of `clients`."""
    return Scenario(
        version=1,
        name="bump",
        description="",
        seed=7,
        media=Media(),
        clients=tuple(Client(name=name, role="publisher") for name in clients),
        links=tuple(Link(client=name, up=Impairment(), down=Impairment()) for name in clients),
        timeline=(),
        impair_only="all",
        impair="after_join",
        server=Server(),
        inject=(),
        expect=(),
    )


class BumpLab:
    """Router and nodes for `clients`, removed on exit; `bump()` makes what impairs."""

    sysctls: Mapping[str, str] = {}
    peopled = True

    def __init__(self, rig: Rig, clients: Sequence[str], driver: Driver) -> None:
        """Plan it on `rig`."""
        self.engine, self.clients, self.driver, self.cache = rig.engine, clients, driver, rig.cache
        self.topology = topology(scenario(clients))
        self._rig = rig
        run = f"bump{secrets.token_hex(4)}"
        self._identity = Identity(run=run, labels={RUN_LABEL: run}, deadline_s=DEADLINE_S)
        self._stack = ExitStack()

    def __enter__(self) -> BumpLab:
        """Build it: the router, which makes its devices, and the nodes, whose wires it joins."""
        with ExitStack() as stack:
            stack.callback(self._remove)
            self.router = self.engine.start(self._router())
            nodes = self.topology.nodes if self.peopled else ()
            with ThreadPoolExecutor(8) as pool:
                pairs = list(pool.map(self._person, nodes))
            joined(self.engine, self.router)
            self.nodes = {node.name: space for node, (space, _) in zip(nodes, pairs, strict=True)}
            self.programs = {node.name: program for node, (_, program) in zip(nodes, pairs, strict=True)}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._stack.close()

    def bump(self, *, seed: int = 7, impair_only: str = "all", report=lambda _: None) -> Bump:
        """Return a bump on this lab's router."""
        return Bump(
            machine=lambda: startable(self.engine, self.router, self.driver),
            engine=self.engine,
            router=self.router,
            topology=self.topology,
            driver=self.driver,
            seed=seed,
            impair_only=impair_only,
            cache=self.cache,
            report=report,
        )

    def sh(self, script: str) -> str:
        """Run `script` in the router and return its output."""
        outcome = self.engine.execute(self.router, ("sh", "-e"), stdin=script.encode())
        assert outcome.exit_code == 0, outcome
        return outcome.stdout

    def send(self, client: str, packets: int, *, gap_ms: float = 2, head: str = RTP_HEAD, fill: int = 100) -> None:
        """Let `client` send numbered datagrams to the server, or the server to it with `client` "server:<client>"."""
        source, _, target = client.partition(":")
        plan = {
            "packets": packets,
            "gap_s": gap_ms / 1000,
            "head": head,
            "fill": fill,
            "to": self.topology.node(target or SERVER).ip,
            "port": 9000,
        }
        outcome = self.engine.execute(self.programs[source], (PYTHON, "-c", SENDER), stdin=json.dumps(plan).encode())
        assert outcome.exit_code == 0, outcome

    def connect(self, client: str, timeout_s: float = 0.5) -> str:
        """Let `client` connect to a closed TCP port of the server: "refused" when it got there, else "silence"."""
        argv = (PYTHON, "-c", CONNECT, self.topology.server.ip, str(timeout_s))
        return self.engine.execute(self.programs[client], argv).stdout.strip()

    def stream(self, client: str, size: int) -> None:
        """Let `client` send `size` bytes to the server over TCP; wait until it has read them, and all is said."""
        reader = self.engine.shell(self.programs[SERVER], (PYTHON, "-c", READ_ALL))
        assert reader.read(10) == b"open\n"
        argv = (PYTHON, "-c", WRITE_ALL, self.topology.server.ip, str(size))
        assert self.engine.execute(self.programs[client], argv).exit_code == 0
        assert reader.read(30) == b""
        reader.close()
        until = time.monotonic() + 30
        while not all(self._said_all(name) for name in (client, SERVER)):  # a farewell that was lost is sent again
            assert time.monotonic() < until

    def _said_all(self, name: str) -> bool:
        """Return whether every TCP connection of `name` is closed, or only remembered (TIME_WAIT)."""
        table = self.engine.execute(self.programs[name], ("cat", "/proc/net/tcp")).stdout
        return all(line.split()[3] == "06" for line in table.splitlines()[1:])

    @contextmanager
    def tapped(self, *devices: str, expression: str = "udp port 9000") -> Iterator[dict[str, bytes]]:
        """Capture on `devices` inside the block; afterwards the pcap bytes of each."""
        files: dict[str, bytes] = {}
        taps = []
        for device in devices:
            argv = (*TCPDUMP, "-i", device, "-w", f"/tmp/{device}.pcap", *expression.split())
            shell = self.engine.shell(self.router, argv)
            words = b""
            while b"listening" not in words:
                words += shell.read(5)
            taps.append(shell)
        yield files
        self.sh("sleep 0.1; for p in $(pgrep -x tcpdump); do kill -INT $p; done")
        for shell in taps:
            while shell.read(5):
                pass
            shell.close()
        for device in devices:
            text = self.sh(f"od -An -v -tx1 /tmp/{device}.pcap; rm /tmp/{device}.pcap")
            files[device] = bytes.fromhex(text.replace("\n", "").replace(" ", ""))

    def cross(self, bump: Bump, way: tuple[str, str], packets: int, **how) -> Crossing:
        """Send `packets` through the link in the direction `way` and return what the taps and the counters say."""
        client, direction = way
        link = next(each for each in self.topology.links if each.client == client)
        devices = (link.edge, link.inner) if direction == "up" else (link.inner, link.edge)
        first = counters(direction_of(bump.read("first"), way))
        with self.tapped(*devices) as files:
            self.send(client if direction == "up" else f"{SERVER}:{client}", packets, **how)
            drain(bump)
        last = counters(direction_of(bump.read("last"), way))
        counted = {handle: (sent - first[handle][0], drop - first[handle][1]) for handle, (sent, drop) in last.items()}
        before, after = (tuple(datagrams(files[device])) for device in devices)
        return Crossing(before=before, after=after, counted=counted)

    def walk_past(self, client: str) -> None:
        """Let `client` find the router by ARP, as an unprepared host does.

        With `arp_ignore` 0 the bridge on its side of the bump answers first, and its packets never see the bump.
        """
        segment = self.topology.node(client).segment
        argv = ("ip", "neigh", "del", segment.router_ip, "dev", "eth0")
        helper = replace(
            self._identity.spec(f"forget-{client}", self._rig.router_image, argv),
            join=self.nodes[client],
            capabilities=("NET_ADMIN",),
        )
        container = self.engine.start(helper)
        assert self.engine.wait(container, 10) == 0, self.engine.logs(container)
        self.engine.remove(container)

    def _router(self) -> ContainerSpec:
        begin = router_script(self.topology, self.driver, peopled=self.peopled)
        spec = router_spec(self._identity, self._rig.router_image, begin, self.cache)
        needs = router_needs(self.driver, self.cache)
        sysctls = {**spec.sysctls, **self.sysctls}
        return replace(spec, sysctls=sysctls, devices=needs.devices, mounts=(*spec.mounts, *needs.mounts))

    def _person(self, node: Node) -> tuple[str, str]:
        """Start a node, and beside it a program that listens to what the tests send."""
        space = self.engine.start(node_spec(self._identity, self._rig.router_image, node, self.router))
        part, command = f"python-{node.name}", (PYTHON, "-c", SINK)
        sink = replace(self._identity.spec(part, self._rig.client_image, command), join=space)
        return space, self.engine.start(sink)

    def _remove(self) -> None:
        cleanup.sweep(self.engine, self._identity.labels)


def drain(bump: Bump) -> None:
    """Wait until no qdisc holds a packet."""
    until = time.monotonic() + 10
    while held(bump.read("drained")):
        assert time.monotonic() < until, "the bump does not run empty"
        time.sleep(0.02)


def direction_of(step: StepState, way: tuple[str, str]) -> DirectionState:
    """Return the state of the direction `way` (client, up | down) in `step`."""
    return next(each for each in step.directions if (each.client, each.direction) == way)


def counters(direction: DirectionState) -> dict[str, tuple[int, int]]:
    """Return handle → (packets sent, packets dropped)."""
    return {each.handle: (each.sent_packets, each.dropped) for each in direction.qdiscs}


def frames(pcap: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (capture time in ns, Ethernet frame) of a little-endian pcap with nanoseconds."""
    assert pcap[:4] == b"\x4d\x3c\xb2\xa1", pcap[:4]
    at = 24
    while at < len(pcap):
        seconds, nanos, length, _ = struct.unpack_from("<IIII", pcap, at)
        yield seconds * 10**9 + nanos, pcap[at + 16 : at + 16 + length]
        at += 16 + length


def datagrams(pcap: bytes) -> Iterator[Seen]:
    """Yield the UDP payloads of a capture, each with the ordinal that its sender wrote behind two bytes of head."""
    for t_ns, frame in frames(pcap):
        payload = frame[42:]
        yield Seen(t_ns=t_ns, number=struct.unpack_from(">I", payload, 2)[0], payload=payload)
