"""What the containers of a lab may do, what they share, and whose turn it is when they all want a CPU."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.rig.layout.containers import NODE_READY, Identity, Program, node_spec, program_spec, router_spec
from lab.rig.layout.topology import topology
from lab.scenario.load import loads
from tests.fakes.sweeps import BASE

IDENTITY = Identity(run="r", labels={}, deadline_s=9)
NODE = node_spec(IDENTITY, "i", topology(loads(BASE, source="base")).server, "the-router")
ROUTER = router_spec(IDENTITY, "i", "make\ndevices\n", Path("/r"))
PACER = program_spec(IDENTITY, "i", Program(part="pacer", module="m", node="n"), Path("/f"), Path("/r"))


def test_only_the_router_comes_before_the_others() -> None:
    """As a kernel's own forwarding does; the pacer has to see what clients and server see, and is one of them."""
    assert ROUTER.urgent
    assert not PACER.urgent
    assert not NODE.urgent


def test_a_node_has_a_network_of_its_own_and_the_router_s_processes() -> None:
    """Whose first process names the namespace that the other end of its wire is in, and takes it along when it ends."""
    assert (NODE.join, NODE.processes) == (None, "the-router")
    assert (ROUTER.join, ROUTER.processes) == (None, None)
    assert (PACER.join, PACER.processes) == ("n", None)


def test_a_node_says_that_it_knows_its_way_once_it_does_and_then_may_do_nothing() -> None:
    """The first line that fails ends it; what it may do is gone before anybody joins it."""
    assert NODE.command[:2] == ("sh", "-ec")
    *way, said, last = NODE.command[2].splitlines()
    assert way[0] == "ip -batch - <<'END'"
    assert way[-1] == "END"
    assert said == f"echo {NODE_READY}"
    assert last == "exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs sleep infinity"
    assert NODE.capabilities == ("NET_ADMIN", "NET_RAW", "SETPCAP")
    assert (PACER.capabilities, ROUTER.capabilities) == ((), ("NET_ADMIN", "NET_RAW"))


@pytest.mark.parametrize("user", [0, 1000])
def test_a_node_may_as_much_as_the_router_it_names(user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the kernel refuses it the router's namespace: a process is named by whoever has all that it has."""
    monkeypatch.setattr(os, "getuid", lambda: user)
    router = router_spec(IDENTITY, "i", "", Path("/r"))
    node = node_spec(IDENTITY, "i", topology(loads(BASE, source="base")).server, "the-router")
    assert ("DAC_OVERRIDE" in router.capabilities) == bool(user)
    assert set(router.capabilities) <= set(node.capabilities)


def test_the_router_begins_with_what_it_is_told_and_then_sleeps() -> None:
    """The first line that fails ends it; its own address is on nothing that the engine made."""
    assert ROUTER.command == ("sh", "-ec", "make\ndevices\nexec sleep infinity")
    assert ROUTER.sysctls["net.ipv4.ip_forward"] == "1"


def test_nobody_speaks_ipv6() -> None:
    """Not one packet of it is in a lab, so that nothing but what was made to cross a link does."""
    assert NODE.sysctls["net.ipv6.conf.all.disable_ipv6"] == ROUTER.sysctls["net.ipv6.conf.all.disable_ipv6"] == "1"
