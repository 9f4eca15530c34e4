"""What the containers of a lab may do, and whose turn it is when they all want a CPU."""

from __future__ import annotations

from pathlib import Path

from lab.rig.layout.containers import Identity, Program, node_spec, program_spec, router_spec
from lab.rig.layout.topology import BLOCKS, topology
from lab.scenario.load import loads
from tests.fakes.sweeps import BASE

IDENTITY = Identity(run="r", labels={}, deadline_s=9)


def test_only_the_router_comes_before_the_others() -> None:
    """As a kernel's own forwarding does; the pacer has to see what clients and server see, and is one of them."""
    node = topology(loads(BASE, source="base"), BLOCKS[0]).server
    pacer = Program(part="pacer", module="m", folder=Path("/f"), environment={})
    assert router_spec(IDENTITY, "i", {}, Path("/r")).urgent
    assert not program_spec(IDENTITY, "i", pacer).urgent
    assert not node_spec(IDENTITY, "i", node, "n").urgent
