"""The router's devices: found by address, named alike by both drivers, silent, both taps outside the qdiscs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump.plumbing import devices_by_address, first_argv, plumb_argv
from lab.rig.bump.vm import script
from lab.rig.layout.topology import BLOCKS, topology
from lab.scenario.model import Client
from tests.rig.bump_lab import scenario

TWO = scenario(["a", "b"])
LAB = topology(replace(TWO, clients=(*TWO.clients, Client(name="free", role="subscriber"))), BLOCKS[3])
FOUND = {segment.router_ip: f"eth{number}" for number, segment in enumerate(reversed(LAB.segments))}


def lines(driver: str) -> list[str]:
    """Return the plumbing of the lab as text."""
    made = (*first_argv(LAB, driver), *plumb_argv(LAB, driver, FOUND))  # type: ignore[arg-type]
    return [" ".join(line) for line in made]


def test_devices_are_found_by_their_address() -> None:
    """In whatever order the engine made them."""
    words = json.dumps(
        [
            {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
            {"ifname": "eth1", "addr_info": [{"local": "198.18.0.2", "prefixlen": 26}]},
            {"ifname": "eth0", "addr_info": []},
        ]
    )
    assert devices_by_address(words) == {"127.0.0.1": "lo", "198.18.0.2": "eth1"}


def test_a_missing_device_is_named() -> None:
    """The router must be on every segment."""
    with pytest.raises(EnvironmentFault, match=LAB.links[0].segment.router_ip):
        plumb_argv(LAB, "vm", {key: value for key, value in FOUND.items() if key != LAB.links[0].segment.router_ip})


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_every_device_gets_its_name_and_the_router_s_address(driver: str) -> None:
    """Core and open keep theirs; a link's address moves behind the bump."""
    text = lines(driver)
    for segment in (LAB.core, LAB.open):
        assert segment is not None
        device = FOUND[segment.router_ip]
        assert f"ip link set {device} name {segment.name} address {segment.router_mac}" in text
    for link in LAB.links:
        assert f"ip link set {FOUND[link.segment.router_ip]} name edge{link.index}" in text
        assert f"ip link set out{link.index} address {link.segment.router_mac}" in text
        assert f"ip address add {link.segment.router_ip}/26 dev out{link.index}" in text


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_every_node_is_a_permanent_neighbour(driver: str) -> None:
    """On its own segment's device, so that nobody asks through a bump."""
    neighbours = [line for line in lines(driver) if line.startswith("ip neigh")]
    assert len(neighbours) == len(LAB.nodes) == 4
    node = LAB.node("b")
    assert f"ip neigh replace {node.ip} lladdr {node.mac} dev out1 nud permanent" in neighbours
    server = LAB.server
    assert f"ip neigh replace {server.ip} lladdr {server.mac} dev core nud permanent" in neighbours


@pytest.mark.parametrize(
    ("driver", "ports"),
    [
        ("vm", ["edge0 master br0", "in0 master br0"]),
        ("kernel", ["edge0 master br0", "up0 master br0", "down0 master rb0", "port0 master rb0"]),
    ],
)
def test_the_taps_lie_outside_the_impaired_devices(driver: str, ports: list[str]) -> None:
    """edge0 and out0 are never up0 or down0, whichever driver."""
    joined = [line.removeprefix("ip link set ") for line in lines(driver) if "master" in line and "0 master" in line]
    assert joined == ports
    assert not [line for line in lines(driver) if "out0 master" in line]


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_no_device_splits_or_merges_packets_and_no_bridge_chatters(driver: str) -> None:
    """Offloads are off on every port, and bridges neither build trees nor listen for groups."""
    text = lines(driver)
    ports = {line.split()[3] for line in text if line.endswith(" up")} - {"br0", "br1", "rb0", "rb1"}
    assert {f"ethtool -K {port} tx off tso off gso off gro off" for port in ports} <= set(text)
    bridges = [line for line in text if "type bridge" in line]
    assert len(bridges) == (2 if driver == "vm" else 4)
    assert all(line.endswith("stp_state 0 forward_delay 0 mcast_snooping 0") for line in bridges)


def test_taps_drop_nothing_of_their_own_accord() -> None:
    """A plain queue with room, not the host's default qdisc."""
    text = lines("vm")
    for tap in ("in0", "out0", "in1", "out1"):
        assert f"tc qdisc replace dev {tap} root pfifo limit 10000" in text
        assert f"ip link set {tap} txqueuelen 10000" in text


@pytest.mark.parametrize("driver", ["vm", "kernel"])
def test_what_follows_each_other_is_done_by_one_process(driver: str) -> None:
    """Every line is done once and in its order; a process for all of `ip`, and one for each port's offloads."""
    asked = plumb_argv(LAB, driver, FOUND)  # type: ignore[arg-type]
    text = script(asked).decode().splitlines()
    begin, end = text.index("ip -batch - <<'END'"), text.index("END")
    assert [f"ip {line}" for line in text[begin + 1 : end]] == [" ".join(line) for line in asked if line[0] == "ip"]
    assert (begin, text[end + 1 :]) == (0, [" ".join(line) for line in asked if line[0] == "ethtool"])
