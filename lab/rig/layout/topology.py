"""Who sits where: segments, addresses, MACs and devices of one lab, computed from the scenario alone.

Law: the router is the only way across, and nothing is left to discovery. Every address and MAC is known before
the first container starts, so that routes and permanent neighbours need no ARP, and no packet of the lab has to
ask for its way through an impaired link (a WAN does not lose your ARP).

    client ══ lanN ── edgeN ─ bump ─ outN ┐
    client ══ lanN ── edgeN ─ bump ─ outN ┼ router ─ core ══ server
    clients without a link ══ open ═══════┘

Segments are bridges inside the router's network namespace, and nodes hang on them by veth pairs: no engine's network
is used, so no host has a device, a route or a rule in a lab, and every lab has the same addresses: 198.18.0.0/22
(RFC 2544: nobody's LAN or VPN), cut into sixteen /26s: core, open, then a link each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.rig.layout.script import Argv
from lab.scenario.model import Crowd, Scenario

BLOCK = IPv4Network("198.18.0.0/22")
SERVER = "server"
CROWD = "crowd"
SIGNAL_PORT = 7880
MEDIA_PORT = 7882
BACKGROUND_PORT = 5001

ROUTER_SYSCTLS: Mapping[str, str] = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.disable_ipv6": "1",
    # Without these two the router answers ARP on the edge bridge itself and every packet walks past the bump.
    "net.ipv4.conf.all.arp_ignore": "1",
    "net.ipv4.conf.all.arp_announce": "2",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
}
NODE_SYSCTLS: Mapping[str, str] = {"net.ipv6.conf.all.disable_ipv6": "1"}
ROUTER_CAPABILITIES = ("NET_ADMIN", "NET_RAW")
NODE_CAPABILITIES = (*ROUTER_CAPABILITIES, "SETPCAP")
"""A node makes its wire to the router (whose namespace only a process that may as much can name), its route and its
neighbour; then it drops every capability, before its program starts."""
ROUTER_PID = "1"
"""The router's first process, to a node, which shares its process namespace: it stands for its network namespace."""

_ROUTER_HOST = 2
_FIRST_NODE_HOST = 10


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One bridge in the router, and the router's place on it."""

    name: str  # core | open | the linked client's name
    bridge: str  # core | open | lanN
    subnet: str
    router_ip: str
    router_mac: str
    prefix: int = 26


@dataclass(frozen=True, kw_only=True)
class Node:
    """A network namespace with one address: the server's, a client's, or a background sender's."""

    name: str
    segment: Segment
    ip: str
    mac: str

    @property
    def port(self) -> str:
        """The router's end of its wire, a port of the segment's bridge; its own end is eth0."""
        return f"node{int(IPv4Address(self.ip)) - int(BLOCK[0])}"


@dataclass(frozen=True, kw_only=True)
class BumpedLink:
    """One impaired link: its number gives its devices (`edge0`, `out0` in the router, `up0`, `down0` in the bump)."""

    index: int
    client: str
    segment: Segment

    @property
    def edge(self) -> str:
        """The router's device on the client's side of the bump."""
        return f"edge{self.index}"

    @property
    def inner(self) -> str:
        """The router's device on its own side of the bump; it holds the router's address."""
        return f"out{self.index}"

    def device(self, direction: str) -> str:
        """Return the bump's device whose egress impairs `direction` (up | down)."""
        return f"{direction}{self.index}"


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole lab, before anything exists."""

    core: Segment
    open: Segment | None
    links: tuple[BumpedLink, ...]
    server: Node
    clients: tuple[Node, ...]
    background: tuple[Node, ...]
    crowd: Node | None = None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Every segment, the core first."""
        rest = (self.open,) if self.open else ()
        return (self.core, *rest, *(link.segment for link in self.links))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every namespace but the router's."""
        return (self.server, *self.clients, *self.background, *((self.crowd,) if self.crowd else ()))

    def node(self, name: str) -> Node:
        """Return the node called `name`."""
        return next(node for node in self.nodes if node.name == name)


def _mac(address: IPv4Address) -> str:
    """Return a locally administered unicast MAC that spells the address."""
    return "02:1b:" + ":".join(f"{byte:02x}" for byte in address.packed)


def _segment(name: str, bridge: str, network: IPv4Network) -> Segment:
    router = network[_ROUTER_HOST]
    return Segment(name=name, bridge=bridge, subnet=str(network), router_ip=str(router), router_mac=_mac(router))


def _node(name: str, segment: Segment, place: int = 0) -> Node:
    address = IPv4Network(segment.subnet)[_FIRST_NODE_HOST + place]
    return Node(name=name, segment=segment, ip=str(address), mac=_mac(address))


def topology(scenario: Scenario) -> Topology:
    """Return the lab of `scenario`."""
    core_net, open_net, *link_nets = BLOCK.subnets(new_prefix=26)
    core = _segment("core", "core", core_net)
    links = tuple(
        BumpedLink(index=i, client=link.client, segment=_segment(link.client, f"lan{i}", link_nets[i]))
        for i, link in enumerate(scenario.links)
    )
    linked = {link.client: link.segment for link in links}
    unlinked = [client.name for client in scenario.clients if client.name not in linked]
    open_segment = _segment("open", "open", open_net) if unlinked else None
    clients = tuple(_node(name, segment) for name, segment in linked.items())
    if open_segment:
        clients += tuple(_node(name, open_segment, place) for place, name in enumerate(unlinked))
    return Topology(
        core=core,
        open=open_segment,
        links=links,
        server=_node(SERVER, core),
        clients=clients,
        background=_background(scenario, core, linked),
        crowd=_node(CROWD, core, 2) if scenario.server.crowd != Crowd() else None,
    )


def _background(scenario: Scenario, core: Segment, linked: Mapping[str, Segment]) -> tuple[Node, ...]:
    """One node beside each client whose link carries competing traffic, and one on the core for the other end."""
    busy = {link.client for link in scenario.links if link.up.background or link.down.background}
    busy |= {change.client for change in scenario.timeline if change.impairment.background}
    if not busy:
        return ()
    edges = tuple(_node(f"background-{name}", segment, 1) for name, segment in linked.items() if name in busy)
    return (_node("background", core, 1), *edges)


def node_argv(node: Node) -> tuple[Argv, ...]:
    """Return what a node runs to find its way: wire, address, permanent neighbour, default route, offloads off."""
    segment = node.segment
    peer = ("peer", "name", node.port, "netns", ROUTER_PID)
    return (
        ("ip", "link", "add", "eth0", "address", node.mac, "type", "veth", *peer),
        ("ip", "address", "add", f"{node.ip}/{segment.prefix}", "dev", "eth0"),
        # Checksums are written out and packets stay as small as on a wire, or netem would judge 64 kB "packets".
        ("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off"),
        ("ip", "link", "set", "eth0", "up"),
        ("ip", "neigh", "replace", segment.router_ip, "lladdr", segment.router_mac, "dev", "eth0", "nud", "permanent"),
        ("ip", "route", "replace", "default", "via", segment.router_ip, "dev", "eth0"),
    )
