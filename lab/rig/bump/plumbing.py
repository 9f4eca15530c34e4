"""How the router's devices are joined: pure functions from a topology to `ip`, `ethtool` and `tc` argument lists.

Law: both drivers show the same names and the same two tap points, `edgeN` and `outN`, outside every qdisc that
impairs; no packet of the router's own crosses a bump, and nothing on the way splits, merges or drops packets.

    vm       edgeN ─ brN ─ inN ~~ [downN ─ brN ─ upN] ~~ outN                     inN, outN: taps of the VM
    kernel   edgeN ─ brN ─ upN ══ downN ─ rbN ─ portN ══ outN                     ══: veth pairs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from lab.errors import EnvironmentFault
from lab.rig.bump.tc import Argv
from lab.rig.layout.topology import BumpedLink, Segment, Topology

Driver = Literal["kernel", "vm"]

TAP_QUEUE = "10000"
"""Packets a tap may hold while the VM is busy; what it drops nobody counts as a drop of the link."""

_OFFLOADS = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")


def devices_by_address(ip_json: str) -> dict[str, str]:
    """Return IPv4 address → device from the output of `ip -j -4 address show`."""
    return {
        str(address["local"]): str(device["ifname"])
        for device in json.loads(ip_json)
        for address in device.get("addr_info", ())
    }


def plumb_argv(topology: Topology, driver: Driver, found: Mapping[str, str]) -> tuple[Argv, ...]:
    """Return all that turns a fresh router, after `first_argv`, into the lab's; `found` is `devices_by_address`.

    All of `ip` comes before all of `ethtool`, so that one process can do it. Raises EnvironmentFault when the router
    has no device on a segment.
    """
    lines: list[Argv] = []
    for segment in (topology.core, topology.open):
        if segment:
            lines += _plain_segment(segment, _device(segment, found))
    for link in topology.links:
        lines += _edge(link, _device(link.segment, found))
        lines += _port(f"in{link.index}", f"br{link.index}") if driver == "vm" else _pairs(link)
        lines += _router_side(link)
    return tuple(sorted((*lines, *neighbour_argv(topology)), key=lambda line: line[0] == "ethtool"))


def first_argv(topology: Topology, driver: Driver) -> tuple[Argv, ...]:
    """Return what needs no device of the router: the VM's taps, with which it can be started."""
    return tuple(line for link in topology.links for line in tap_argv(link)) if driver == "vm" else ()


def neighbour_argv(topology: Topology) -> tuple[Argv, ...]:
    """Return a permanent neighbour for every node, so that no ARP ever has to cross a bump."""
    inner = {link.segment.name: link.inner for link in topology.links}
    return tuple(
        ("ip", "neigh", "replace", node.ip, "lladdr", node.mac, "dev", device, "nud", "permanent")
        for node in topology.nodes
        for device in (inner.get(node.segment.name, node.segment.name),)
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


def _device(segment: Segment, found: Mapping[str, str]) -> str:
    if segment.router_ip not in found:
        raise EnvironmentFault(f"the router has no device with {segment.router_ip}", fix="run `lab doctor`")
    return found[segment.router_ip]


def _plain_segment(segment: Segment, device: str) -> list[Argv]:
    return [
        ("ip", "link", "set", device, "down"),
        ("ip", "link", "set", device, "name", segment.name, "address", segment.router_mac),
        ("ethtool", "-K", segment.name, *_OFFLOADS),
        ("ip", "link", "set", segment.name, "up"),
    ]


def _edge(link: BumpedLink, device: str) -> list[Argv]:
    return [
        ("ip", "link", "set", device, "down"),
        ("ip", "address", "flush", "dev", device),
        ("ip", "link", "set", device, "name", link.edge),
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


def _bridge(name: str) -> list[Argv]:
    return [
        ("ip", "link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0"),
        ("ip", "link", "set", name, "up"),
    ]


def _port(device: str, bridge: str) -> list[Argv]:
    return [
        ("ethtool", "-K", device, *_OFFLOADS),
        ("ip", "link", "set", device, "master", bridge),
        ("ip", "link", "set", device, "up"),
    ]
