"""The lab on paper: addresses, devices, and who is behind which link."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.rig.layout.topology import BLOCK, Topology, node_argv, topology
from lab.scenario.links import MAX_LINKS
from lab.scenario.model import (
    Background,
    Client,
    Crowd,
    Expectation,
    Impairment,
    Link,
    Media,
    Scenario,
    Server,
)

IFNAMSIZ = 16
"""The kernel's: so many bytes with the zero at the end."""


def scenario(clients: dict[str, str], links: tuple[Link, ...]) -> Scenario:
    """Return a scenario with nothing but clients and links."""
    return Scenario(
        version=1,
        name="t",
        description="",
        seed=1,
        media=Media(),
        clients=tuple(Client(name=name, role=role) for name, role in clients.items()),
        links=links,
        timeline=(),
        impair_only="all",
        impair="after_join",
        server=Server(),
        inject=(),
        expect=(Expectation(metric="unexplained_frames", op="=="),),
    )


def link(client: str, **up: object) -> Link:
    """Return a link of `client` whose uplink has `up`."""
    return Link(client=client, up=Impairment(**up), down=Impairment())  # type: ignore[arg-type]


@pytest.fixture
def mixed() -> Topology:
    """Return one linked publisher and two listeners without a link."""
    clients = {"publisher": "publisher", "near": "subscriber", "far": "subscriber"}
    return topology(scenario(clients, (link("publisher"),)))


def test_all_labs_are_alike(mixed: Topology) -> None:
    """Nothing of a lab's addresses is drawn or found: they are those of its scenario, in nobody's LAN or VPN."""
    clients = {"publisher": "publisher", "near": "subscriber", "far": "subscriber"}
    assert topology(replace(scenario(clients, (link("publisher"),)), name="other", seed=2)) == mixed
    assert BLOCK.subnet_of(IPv4Network("198.18.0.0/15"))
    assert all(IPv4Network(segment.subnet).subnet_of(BLOCK) for segment in mixed.segments)
    assert (mixed.core.router_ip, mixed.server.ip) == ("198.18.0.2", "198.18.0.10")


def test_every_wire_has_a_port_of_its_own_with_a_name_that_a_kernel_takes() -> None:
    """In the largest lab too, and none is called like another device of the router."""
    names = [f"c{i}" for i in range(MAX_LINKS)]
    busy = tuple(link(name, background=Background(rate_bps=1000)) for name in names)
    full = scenario(dict.fromkeys((*names, *(f"free{i}" for i in range(20))), "both"), busy)
    made = topology(replace(full, server=Server(crowd=Crowd(publishers=1))))
    ports = {node.port for node in made.nodes}
    assert len(ports) == len(made.nodes) == 1 + 32 + 1 + 12 + 1
    assert all(len(port) <= IFNAMSIZ - 1 for port in ports)
    assert ports.isdisjoint({each for one in made.links for each in (one.edge, one.inner, one.segment.bridge)})


def test_a_linked_client_has_a_segment_of_its_own(mixed: Topology) -> None:
    """The others share the open segment; the server alone is on the core."""
    assert mixed.node("publisher").segment.name == "publisher"
    assert mixed.node("publisher").segment.bridge == "lan0"
    assert {mixed.node(name).segment.name for name in ("near", "far")} == {"open"}
    assert mixed.server.segment.name == "core"


def test_addresses_and_macs_are_unique(mixed: Topology) -> None:
    """No two interfaces of a lab share an address or a MAC, and each lies in its segment."""
    pairs = [(n.ip, n.mac) for n in mixed.nodes] + [(s.router_ip, s.router_mac) for s in mixed.segments]
    assert len({ip for ip, _ in pairs}) == len(pairs) == len({mac for _, mac in pairs})
    assert all(IPv4Address(n.ip) in IPv4Network(n.segment.subnet) for n in mixed.nodes)


def test_no_open_segment_when_everybody_has_a_link() -> None:
    """A segment that nobody is on is not made."""
    made = topology(scenario({"a": "publisher", "b": "subscriber"}, (link("a"), link("b"))))
    assert made.open is None
    assert [segment.name for segment in made.segments] == ["core", "a", "b"]


def test_twelve_links_fit_into_a_block() -> None:
    """The most a scenario may ask for has room, each link with devices of its own."""
    names = [f"c{i}" for i in range(MAX_LINKS)]
    made = topology(scenario(dict.fromkeys(names, "both"), tuple(map(link, names))))
    assert len({each.device("up") for each in made.links}) == MAX_LINKS
    assert len({segment.subnet for segment in made.segments}) == MAX_LINKS + 1


def test_background_has_a_node_at_both_ends_of_a_busy_link_only() -> None:
    """Competing traffic needs somebody beside the client and somebody on the core."""
    busy = link("a", background=Background(rate_bps=1000))
    made = topology(scenario({"a": "publisher", "b": "subscriber"}, (busy, link("b"))))
    placed = [(node.name, node.segment.name) for node in made.background]
    assert placed == [("background", "core"), ("background-a", "a")]


def test_a_node_makes_its_wire_and_finds_its_way_without_asking(mixed: Topology) -> None:
    """One end is its eth0, the other the router's port; nothing has to be asked across an impaired link."""
    node = mixed.node("publisher")
    router = node.segment
    assert [" ".join(line) for line in node_argv(node)] == [
        f"ip link add eth0 address {node.mac} type veth peer name {node.port} netns 1",
        f"ip address add {node.ip}/26 dev eth0",
        "ethtool -K eth0 tx off tso off gso off gro off",
        "ip link set eth0 up",
        f"ip neigh replace {router.router_ip} lladdr {router.router_mac} dev eth0 nud permanent",
        f"ip route replace default via {router.router_ip} dev eth0",
    ]
