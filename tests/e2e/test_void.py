"""What voids a run: witnesses outside the thing under test, each provoked for real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.values import Outcome
from lab.rig.layout import containers
from lab.rig.layout.topology import ROUTER_SYSCTLS
from lab.rig.process.watch import silent
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.load import loads
from tests.e2e.conftest import run_in, scenario

pytestmark = pytest.mark.e2e


def forget_router(lab: Lab, client: str) -> None:
    """Let `client` find the router by ARP, as an unprepared host does."""
    argv = ("ip", "neigh", "del", lab.topology.node(client).segment.router_ip, "dev", "eth0")
    spec = lab.identity.spec(f"forget-{client}", lab.machine.images.router.reference, argv)
    engine = lab.machine.engine
    container = engine.start(replace(spec, join=lab.nodes[client], capabilities=("NET_ADMIN",)))
    assert engine.wait(container, 10) == 0, engine.logs(container)
    engine.remove(container)


def test_packets_that_walk_past_the_bump_make_the_run_void(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that answers ARP on the edge bridge lets every packet past: the audio looks perfect, the run is void."""
    monkeypatch.setattr(
        containers, "ROUTER_SYSCTLS", {**ROUTER_SYSCTLS, "net.ipv4.conf.all.arp_ignore": "0"}, raising=True
    )
    text = scenario("", duration="2s").replace("{publisher: {}", "{publisher: {up: {loss: 50%}}")
    with Lab(here, loads(text), watch=silent) as lab:
        forget_router(lab, "publisher")
        done = run_in(lab, loads(text), text)
    assert done.verdict.outcome is Outcome.VOID, done.text(120)
    assert any("did not pass the bump" in reason for reason in done.verdict.void)
