"""The lab to poke at by hand is the lab that runs: compose.yaml against the topology of scenarios/clean.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.rig.layout.topology import (
    NODE_CAPABILITIES,
    NODE_SYSCTLS,
    ROUTER_CAPABILITIES,
    ROUTER_SYSCTLS,
    topology,
)
from lab.scenario.load import load

NODE_NEEDS = tuple(each for each in NODE_CAPABILITIES if each != "NET_RAW")
"""A network of the engine gives it its wire: it names no namespace of the router, and need not match it for that."""

ROOT = Path(__file__).parents[3]
TOPOLOGY = topology(load(ROOT / "scenarios" / "clean.yaml"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Return the parsed file."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())
    return parsed


def test_networks_are_the_topologys(compose: dict[str, Any]) -> None:
    """A network of the engine for each segment, with its subnet; none internal, which drops routed packets."""
    written = {name: network["ipam"]["config"][0]["subnet"] for name, network in compose["networks"].items()}
    assert written == {segment.name: segment.subnet for segment in TOPOLOGY.segments}
    assert not any(network.get("internal") for network in compose["networks"].values())


def test_the_router_is_the_topologys(compose: dict[str, Any]) -> None:
    """Address on every segment, capabilities, sysctls."""
    router = compose["services"]["router"]
    addresses = {name: place["ipv4_address"] for name, place in router["networks"].items()}
    assert addresses == {segment.name: segment.router_ip for segment in TOPOLOGY.segments}
    assert tuple(router["cap_add"]) == ROUTER_CAPABILITIES
    assert router["sysctls"] == ROUTER_SYSCTLS


@pytest.mark.parametrize("node", TOPOLOGY.nodes, ids=lambda node: node.name)
def test_each_node_is_the_topologys(compose: dict[str, Any], node: Any) -> None:
    """Address, route, capabilities, sysctls; and the program in it has no capability at all."""
    service = compose["services"][f"node-{node.name}"]
    assert service["networks"] == {node.segment.name: {"ipv4_address": node.ip}}
    assert service["environment"]["ROUTER"] == node.segment.router_ip
    assert tuple(service["cap_add"]) == NODE_NEEDS
    assert service["sysctls"] == NODE_SYSCTLS
    program = compose["services"][node.name]
    assert (program["cap_drop"], program.get("cap_add")) == (["ALL"], None)
    assert program["network_mode"] == f"service:node-{node.name}"


def test_images_are_the_labs_and_nothing_is_published(compose: dict[str, Any]) -> None:
    """`lab setup` prints their names; no port of the host is opened."""
    images = {name: service["image"].split(":")[0] for name, service in compose["services"].items()}
    assert set(images.values()) == {"${LAB_ROUTER", "${LAB_SERVER", "${LAB_CLIENT"}
    assert not any("ports" in service for service in compose["services"].values())
