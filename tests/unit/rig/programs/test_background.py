"""Who sends competing traffic to whom."""

from __future__ import annotations

from lab.rig.layout.topology import topology
from lab.rig.programs.background import orders
from lab.scenario.model import Background, Impairment
from tests.unit.rig.layout.test_topology import link, scenario

BUSY = Impairment(background=Background(rate_bps=300_000, pattern="poisson"))
TOPOLOGY = topology(scenario({"a": "publisher", "b": "subscriber"}, (link("a", background=BUSY.background), link("b"))))


def test_up_goes_from_the_client_side_to_the_core() -> None:
    """Traffic on `up` passes the same queue as the client's own packets."""
    told = orders(TOPOLOGY, {("a", "up"): BUSY, ("a", "down"): Impairment()}, seed=7)
    (send,) = told["background-a"]
    assert (send["host"], send["rate_bps"], send["pattern"]) == (TOPOLOGY.node("background").ip, 300_000, "poisson")
    assert told["background"] == []


def test_down_goes_the_other_way() -> None:
    """Traffic on `down` is sent by the core's node."""
    told = orders(TOPOLOGY, {("a", "down"): BUSY}, seed=7)
    assert [send["host"] for send in told["background"]] == [TOPOLOGY.node("background-a").ip]
    assert told["background-a"] == []
