"""The router's devices: every node on its segment, both drivers alike, silent, both taps outside the qdiscs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.rig.bump.plumbing import Driver, first_argv, join_script, plumb_argv
from lab.rig.layout.script import script
from lab.rig.layout.topology import topology
from lab.scenario.model import Client
from tests.rig.bump_lab import scenario

TWO = scenario(["a", "b"])
LAB = topology(replace(TWO, clients=(*TWO.clients, Client(name="free", role="subscriber"))))
OFF = "tx off tso off gso off gro off"


def lines(driver: Driver) -> list[str]:
    """Return the plumbing of the lab as text."""
    return [" ".join(line) for line in (*first_argv(LAB, driver), *plumb_argv(LAB, driver))]


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_every_segment_is_a_bridge_and_the_router_has_a_place_on_it(driver: Driver) -> None:
    """On core and open the bridge itself holds address and MAC; on a link what lies behind the bump does."""
    text = lines(driver)
    for segment in (LAB.core, LAB.open):
        assert segment is not None
        (made,) = (line for line in text if line.startswith(f"ip link add {segment.bridge} "))
        assert f" address {segment.router_mac} type bridge " in made
        assert f"ip address add {segment.router_ip}/26 dev {segment.bridge}" in text
    for link in LAB.links:
        assert any(line.startswith(f"ip link add lan{link.index} type bridge") for line in text)
        assert f"ip link set out{link.index} address {link.segment.router_mac}" in text
        assert f"ip address add {link.segment.router_ip}/26 dev out{link.index}" in text
    assert sum(line.startswith("ip address add") for line in text) == len(LAB.segments)


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_a_tap_sees_each_packet_once_between_segment_and_bump(driver: Driver) -> None:
    """The edge is one end of a wire whose other end is a port of the client's segment."""
    text = lines(driver)
    for number in (0, 1):
        assert f"ip link add wire{number} type veth peer name edge{number}" in text
        assert f"ip link set lan{number} arp off" in text  # or it would answer for what lies behind the edge
        assert f"ip link set wire{number} master lan{number}" in text
        assert f"ip link set edge{number} master br{number}" in text


def test_every_node_s_wire_becomes_a_port_of_its_segment_once_it_is_there() -> None:
    """Whoever is late is waited for."""
    text = join_script(LAB)
    assert text.count("until ") == text.count(" master ") == len(LAB.nodes) == 4
    for node in LAB.nodes:
        there, join = f"until [ -e /sys/class/net/{node.port} ]", f"link set {node.port} master {node.segment.bridge}\n"
        assert 0 <= text.index(there) < text.index(f"ethtool -K {node.port} {OFF}\n") < text.index(join)
        assert text.index(join) < text.index(f"link set {node.port} up\n")


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_every_node_is_a_permanent_neighbour(driver: Driver) -> None:
    """On its own segment's device, so that nobody asks through a bump."""
    neighbours = [line for line in lines(driver) if line.startswith("ip neigh")]
    assert len(neighbours) == len(LAB.nodes) == 4
    node = LAB.node("b")
    assert f"ip neigh replace {node.ip} lladdr {node.mac} dev out1 nud permanent" in neighbours
    for node in (LAB.server, LAB.node("free")):
        device = node.segment.bridge
        assert f"ip neigh replace {node.ip} lladdr {node.mac} dev {device} nud permanent" in neighbours


@pytest.mark.parametrize(
    ("driver", "ports"),
    [
        ("vm", ["wire0 master lan0", "edge0 master br0", "in0 master br0"]),
        (
            "kernel",
            ["wire0 master lan0", "edge0 master br0", "up0 master br0", "down0 master rb0", "port0 master rb0"],
        ),
    ],
)
def test_the_taps_lie_outside_the_impaired_devices(driver: Driver, ports: list[str]) -> None:
    """edge0 and out0 are never up0 or down0, whichever driver."""
    joined = [line.removeprefix("ip link set ") for line in lines(driver) if "0 master" in line]
    assert joined == ports


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_no_device_splits_or_merges_packets_and_no_bridge_chatters(driver: Driver) -> None:
    """Offloads are off on every port, and bridges neither build trees nor listen for groups."""
    text = lines(driver)
    bridges = {line.split()[3] for line in text if "type bridge" in line}
    ports = {line.split()[3] for line in text if line.endswith(" up")} - bridges
    assert {f"ethtool -K {port} {OFF}" for port in ports} == {line for line in text if line.startswith("ethtool")}
    assert bridges == {"core", "open", "lan0", "lan1", "br0", "br1"} | ({"rb0", "rb1"} if driver == "kernel" else set())
    quiet = "stp_state 0 forward_delay 0 mcast_snooping 0"
    assert all(line.endswith(quiet) for line in text if "type bridge" in line)


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_every_device_is_up(driver: Driver) -> None:
    """Both ends of each wire, every bridge, every tap."""
    text = lines(driver)
    added = [line.split() for line in text if line.startswith(("ip link add", "ip tuntap add"))]
    made = {line[3] if line[1] == "link" else line[4] for line in added} | {
        line[line.index("name") + 1] for line in added if "peer" in line
    }
    assert {line.split()[3] for line in text if line.endswith(" up")} == made


def test_taps_drop_nothing_of_their_own_accord() -> None:
    """A plain queue with room, not the host's default qdisc."""
    text = lines("vm")
    for tap in ("in0", "out0", "in1", "out1"):
        assert f"tc qdisc replace dev {tap} root pfifo limit 10000" in text
        assert f"ip link set {tap} txqueuelen 10000" in text


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_what_follows_each_other_is_done_by_one_process(driver: Driver) -> None:
    """A process for all of `ip`, and then one for each port's offloads: every process costs a lab's start."""
    tools = [line.split()[0] for line in script(plumb_argv(LAB, driver)).split("END\n", 1)[1].splitlines()]
    assert set(tools) == {"ethtool"}
