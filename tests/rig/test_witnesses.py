"""The kernel's counters tell what happened to packets that a program never read: real containers, real drops.

Counted to the packet: each test waits until every packet it sent has come, and nobody else speaks on this wire.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from lab.analysis.containers.hosts import Host
from lab.evidence.accounts import CgroupSecond, NetworkSecond
from lab.host import images
from lab.rig.engine.cgroup import Cgroup
from lab.rig.engine.words import said
from lab.rig.layout.topology import NODE_SYSCTLS
from lab.rig.witnesses.namespace import Namespace
from tests.rig.test_engine import Bench, bench, engine, until

pytestmark = pytest.mark.rig
__all__ = ["bench", "engine"]
PORT, SENT = 5001, 200

OPEN = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('0.0.0.0', 5001));"
READER = OPEN + "print('bound', flush=True)\nwhile True: s.recv(2048)"
SLEEPER = OPEN + "import time; s.setsockopt(1, 8, 4096); print('bound', flush=True); time.sleep(60)"
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(int(sys.argv[2])):
    try: s.sendto(bytes(1000), (sys.argv[1], 5001))
    except PermissionError: pass
    time.sleep(0.0005)
"""
SEND_BROKEN = """
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for _ in range(int(sys.argv[2])):
    s.sendto(struct.pack('!HHHH', 4000, 5001, 108, 1) + bytes(100), (sys.argv[1], 0))
    time.sleep(0.0005)
"""


class Ends:
    """A receiver whose namespace has a packet filter at hand, and a sender at the other end of a wire."""

    def __init__(self, bench: Bench, client_image: str) -> None:
        self._bench, self._image = bench, client_image
        self.address, self.other = "198.19.0.1", "198.19.0.2"
        self.node = self._end("node", None, "until [ -e /sys/class/net/eth0 ]; do sleep 0.01; done", self.address)
        wire = "ip link add eth0 type veth peer name eth0 netns 1"
        far = self._end("far", self.node, wire, self.other)
        for each in (self.node, far):
            said(bench.engine, each, "up", within_s=10, who="an end of the wire", fix="")
        sender = replace(bench.spec("sender"), image=client_image, join=far, capabilities=("NET_RAW",), user="0:0")
        self.sender = bench.engine.start(sender)
        state = bench.engine.state(self.node)
        assert state is not None
        self._namespace = Namespace(state.pid)

    def _end(self, part: str, processes: str | None, begin: str, address: str) -> str:
        """Return a container that gets its end of the wire by `begin`, and says when it is up."""
        rest = f"ip address add {address}/30 dev eth0; ip link set eth0 up; echo up; exec sleep infinity"
        spec = self._bench.spec(part, "sh", "-ec", f"{begin}; {rest}")
        spec = replace(spec, processes=processes, capabilities=("NET_ADMIN",), sysctls=NODE_SYSCTLS)
        return self._bench.engine.start(spec)

    def receiver(self, program: str) -> None:
        """Start `program` in the receiver's namespace and wait until it is bound."""
        spec = replace(self._bench.spec("receiver", "/venv/bin/python", "-c", program), image=self._image)
        container = self._bench.engine.start(replace(spec, join=self.node))
        assert until(lambda: "bound" in self._bench.engine.logs(container), 5)

    def filter(self, hook: str) -> None:
        """Drop UDP to the port at `hook` (input, output) of the receiver's namespace."""
        for words in (
            "add table inet t",
            f"add chain inet t c {{ type filter hook {hook} priority 0; }}",
            f"add rule inet t c udp dport {PORT} drop",
        ):
            done = self._bench.engine.execute(self.node, ("nft", words))
            assert done.exit_code == 0, done.stderr

    def send(self, program: str = SEND) -> Host:
        """Send all packets to the receiver; return its host over that time, when all of them have been received."""
        before = self._namespace.read()
        done = self._bench.engine.execute(self.sender, ("/venv/bin/python", "-c", program, self.address, str(SENT)))
        assert done.exit_code == 0, done.stderr

        def received() -> bool:
            return self._namespace.read().ip_in_receives >= before.ip_in_receives + SENT

        assert until(received, 5)
        return _host(before, self._namespace.read())

    def send_back(self, node_program: str) -> Host:
        """Send all packets from the receiver's namespace to the sender; return the receiver's host over that time."""
        spec = replace(
            self._bench.spec("back", "/venv/bin/python", "-c", node_program, self.other, str(SENT)), image=self._image
        )
        before = self._namespace.read()
        container = self._bench.engine.start(replace(spec, join=self.node))
        assert self._bench.engine.wait(container, 10) == 0
        return _host(before, self._namespace.read())


def _host(*looks: NetworkSecond) -> Host:
    return Host(name="server", network=looks)


def counts(host: Host) -> tuple[int | None, int | None, int | None]:
    """Return filtered, receive-buffer and checksum drops over the whole time."""
    span = (host.network[0].t_ns, host.network[-1].t_ns)
    return host.filtered(*span), host.rcvbuf_drops(*span), host.checksum_errors(*span)


@pytest.fixture
def ends(bench: Bench) -> Ends:
    """Give a receiver and a sender."""
    ready = images.present(bench.engine)
    assert ready is not None
    return Ends(bench, ready.client.reference)


def test_what_is_read_is_nobodys_drop(ends: Ends) -> None:
    """The clean control of the others: every packet is received, delivered and read."""
    ends.receiver(READER)
    host = ends.send()
    assert counts(host) == (0, 0, 0)
    assert host.network[1].udp_in_datagrams - host.network[0].udp_in_datagrams == SENT
    assert host.dropped_unread == 0


def test_a_packet_filter_shows_as_received_and_not_delivered(ends: Ends) -> None:
    """INPUT lies between the two counters; every packet of it is there, and none is called anything else."""
    ends.receiver(READER)
    ends.filter("input")
    assert counts(ends.send()) == (SENT, 0, 0)


def test_a_filter_on_the_way_out_shows_as_requested_and_not_transmitted(ends: Ends) -> None:
    """Where the kernel counts both; where it does not, nothing is known."""
    ends.filter("output")
    host = ends.send_back(SEND)
    span = (host.network[0].t_ns, host.network[1].t_ns)
    assert host.filtered_out(*span) == (None if host.network[0].ip_out_transmits is None else SENT)
    assert counts(host)[1:] == (0, 0)


def test_a_full_receive_buffer_shows_as_its_errors(ends: Ends) -> None:
    """A program that does not read: what fits is held, the rest is dropped and counted, and nothing was filtered."""
    ends.receiver(SLEEPER)
    host = ends.send()
    filtered, overflowed, checksum = counts(host)
    assert (filtered, checksum) == (0, 0)
    assert overflowed is not None
    assert SENT - 20 <= overflowed < SENT


def test_a_wrong_checksum_shows_as_itself(ends: Ends) -> None:
    """The program asks for it and is not given it."""
    ends.receiver(READER)
    host = ends.send(SEND_BROKEN)
    assert until(lambda: counts(_host(host.network[0], ends._namespace.read()))[1:] == (0, SENT), 5)


def test_a_pause_shorter_than_a_second_is_seen(bench: Bench) -> None:
    """A busy container that is stopped for 600 ms stands still for at least one distance between two looks."""
    container = bench.engine.start(bench.spec("busy", "sh", "-c", "while :; do :; done"))
    state = bench.engine.state(container)
    assert state is not None
    group = Cgroup(state.pid)
    looks: list[CgroupSecond] = []
    for number in range(16):
        if number == 6:
            bench.engine._api.pause(container)
            paused_ns = time.time_ns()
        if number == 9:
            bench.engine._api.unpause(container)
        looks.append(group.read())
        time.sleep(0.2)
    host = Host(name="client-a", cgroup=tuple(looks))
    (spell,) = host.stood_still(looks[0].t_ns, looks[-1].t_ns)
    assert paused_ns - 50_000_000 <= spell.from_ns
    assert 350_000_000 <= spell.to_ns - spell.from_ns <= 900_000_000
