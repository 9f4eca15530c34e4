"""How the router's devices are joined: pure functions from a topology to `ip`, `ethtool` and `tc` argument lists.

Law: both drivers show the same names and the same two tap points, `edgeN` and `outN`, outside every qdisc that
impairs; no packet of the router's own crosses a bump, and nothing on the way splits, merges or drops packets.

    vm       nodeM ─ lanN ─ wireN ══ edgeN ─ brN ─ inN ~~ [downN ─ brN ─ upN] ~~ outN        inN, outN: taps of the VM
    kernel   nodeM ─ lanN ─ wireN ══ edgeN ─ brN ─ upN ══ downN ─ rbN ─ portN ══ outN        ══: veth pairs
    both     nodeM ─ core, nodeM ─ open: bridges that hold the router's address
"""

from __future__ import annotations

from typing import Literal

from lab.rig.layout.script import Argv, script
from lab.rig.layout.topology import BumpedLink, Node, Segment, Topology

Driver = Literal["kernel", "vm"]

TAP_QUEUE = "10000"
"""Packets a tap may hold while the VM is busy; what it drops nobody counts as a drop of the link."""

_OFFLOADS = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")


def plumb_argv(topology: Topology, driver: Driver) -> tuple[Argv, ...]:
    """Return all that the router's devices need, after `first_argv`, for nodes to be joined.

    All of `ip` comes before all of `ethtool`, so that one process can do it.
    """
    lines: list[Argv] = []
    for segment in (topology.core, topology.open):
        if segment:
            lines += _plain_segment(segment)
    for link in topology.links:
        lines += _edge(link)
        lines += _port(f"in{link.index}", f"br{link.index}") if driver == "vm" else _pairs(link)
        lines += _router_side(link)
    return tuple(sorted((*lines, *neighbour_argv(topology)), key=lambda line: line[0] == "ethtool"))


def first_argv(topology: Topology, driver: Driver) -> tuple[Argv, ...]:
    """Return what needs no device of the router: the VM's taps, with which it can be started."""
    return tuple(line for link in topology.links for line in tap_argv(link)) if driver == "vm" else ()


def join_script(topology: Topology) -> str:
    """Return what makes the wire of every node a port of its segment, waiting for each to be made."""
    return "".join(map(_join, topology.nodes))


def neighbour_argv(topology: Topology) -> tuple[Argv, ...]:
    """Return a permanent neighbour for every node, so that no ARP ever has to cross a bump."""
    inner = {link.segment.name: link.inner for link in topology.links}
    return tuple(
        ("ip", "neigh", "replace", node.ip, "lladdr", node.mac, "dev", device, "nud", "permanent")
        for node in topology.nodes
        for device in (inner.get(node.segment.name, node.segment.bridge),)
    )


def tap_argv(link: BumpedLink) -> tuple[Argv, ...]:
    """Return what makes the VM's two taps of `link`."""
    names = (f"in{link.index}", link.inner)
    return (
        *(("ip", "tuntap", "add", "dev", name, "mode", "tap") for name in names),
        *(("ip", "link", "set", name, "txqueuelen", TAP_QUEUE) for name in names),
        # The default qdisc of many hosts (fq_codel) drops by its own judgement.
        *(("tc", "qdisc", "replace", "dev", name, "root", "pfifo", "limit", TAP_QUEUE) for name in names),
    )


def _join(node: Node) -> str:
    there = f"until [ -e /sys/class/net/{node.port} ]; do sleep 0.01; done\n"
    return there + script(_port(node.port, node.segment.bridge))


def _plain_segment(segment: Segment) -> list[Argv]:
    return [
        *_bridge(segment.bridge, segment.router_mac),
        ("ip", "address", "add", f"{segment.router_ip}/{segment.prefix}", "dev", segment.bridge),
    ]


def _edge(link: BumpedLink) -> list[Argv]:
    lan, wire = link.segment.bridge, f"wire{link.index}"
    return [
        ("ip", "link", "add", wire, "type", "veth", "peer", "name", link.edge),
        *_bridge(lan),
        # Did it answer for the router, packets would walk past the edge too, where nobody saw them come.
        ("ip", "link", "set", lan, "arp", "off"),
        *_port(wire, lan),
        *_bridge(f"br{link.index}"),
        *_port(link.edge, f"br{link.index}"),
    ]


def _pairs(link: BumpedLink) -> list[Argv]:
    up, down, port, rear = link.device("up"), link.device("down"), f"port{link.index}", f"rb{link.index}"
    return [
        ("ip", "link", "add", up, "type", "veth", "peer", "name", down),
        ("ip", "link", "add", port, "type", "veth", "peer", "name", link.inner),
        *_bridge(rear),
        *_port(up, f"br{link.index}"),
        *_port(down, rear),
        *_port(port, rear),
    ]


def _router_side(link: BumpedLink) -> list[Argv]:
    return [
        ("ip", "link", "set", link.inner, "address", link.segment.router_mac),
        ("ethtool", "-K", link.inner, *_OFFLOADS),
        ("ip", "address", "add", f"{link.segment.router_ip}/{link.segment.prefix}", "dev", link.inner),
        ("ip", "link", "set", link.inner, "up"),
    ]


def _bridge(name: str, mac: str | None = None) -> list[Argv]:
    address = ("address", mac) if mac else ()
    quiet = ("stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
    return [
        ("ip", "link", "add", name, *address, "type", "bridge", *quiet),
        ("ip", "link", "set", name, "up"),
    ]


def _port(device: str, bridge: str) -> list[Argv]:
    return [
        ("ethtool", "-K", device, *_OFFLOADS),
        ("ip", "link", "set", device, "master", bridge),
        ("ip", "link", "set", device, "up"),
    ]
