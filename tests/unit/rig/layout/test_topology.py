"""The lab on paper: addresses, devices, and who is behind which link."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lab.rig.layout.topology import BLOCKS, Topology, node_argv, topology
from lab.scenario.links import MAX_LINKS
from lab.scenario.model import (
    Background,
    Client,
    Expectation,
    Impairment,
    Link,
    Media,
    Scenario,
    Server,
)

BLOCK = IPv4Network("198.18.4.0/22")


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
    return topology(scenario(clients, (link("publisher"),)), BLOCK)


def test_blocks_stay_in_the_benchmark_range() -> None:
    """Every block is a /22 of 198.18.0.0/15."""
    assert len(BLOCKS) == 128
    assert all(block.subnet_of(IPv4Network("198.18.0.0/15")) for block in BLOCKS)


def test_a_linked_client_has_a_network_of_its_own(mixed: Topology) -> None:
    """The others share the open segment; the server alone is on the core."""
    assert mixed.node("publisher").segment.name == "publisher"
    assert {mixed.node(name).segment.name for name in ("near", "far")} == {"open"}
    assert mixed.server.segment.name == "core"


def test_addresses_and_macs_are_unique(mixed: Topology) -> None:
    """No two interfaces of a lab share an address or a MAC, and each lies in its segment."""
    pairs = [(n.ip, n.mac) for n in mixed.nodes] + [(s.router_ip, s.router_mac) for s in mixed.segments]
    assert len({ip for ip, _ in pairs}) == len(pairs) == len({mac for _, mac in pairs})
    assert all(IPv4Address(n.ip) in IPv4Network(n.segment.subnet) for n in mixed.nodes)


def test_no_open_segment_when_everybody_has_a_link() -> None:
    """A segment that nobody is on is not made."""
    made = topology(scenario({"a": "publisher", "b": "subscriber"}, (link("a"), link("b"))), BLOCK)
    assert made.open is None
    assert [segment.name for segment in made.segments] == ["core", "a", "b"]


def test_twelve_links_fit_into_a_block() -> None:
    """The most a scenario may ask for has room, each link with devices of its own."""
    names = [f"c{i}" for i in range(MAX_LINKS)]
    made = topology(scenario(dict.fromkeys(names, "both"), tuple(map(link, names))), BLOCK)
    assert len({each.device("up") for each in made.links}) == MAX_LINKS
    assert len({segment.subnet for segment in made.segments}) == MAX_LINKS + 1


def test_background_has_a_node_at_both_ends_of_a_busy_link_only() -> None:
    """Competing traffic needs somebody beside the client and somebody on the core."""
    busy = link("a", background=Background(rate_bps=1000))
    made = topology(scenario({"a": "publisher", "b": "subscriber"}, (busy, link("b"))), BLOCK)
    placed = [(node.name, node.segment.name) for node in made.background]
    assert placed == [("background", "core"), ("background-a", "a")]


def test_a_node_finds_its_way_without_asking(mixed: Topology) -> None:
    """Route and neighbour are set, so that no ARP has to cross an impaired link."""
    argv = node_argv(mixed.node("publisher"))
    router = mixed.links[0].segment
    assert ("ip", "route", "replace", "default", "via", router.router_ip, "dev", "eth0") in argv
    assert any(line[:2] == ("ip", "neigh") and router.router_mac in line and "permanent" in line for line in argv)
