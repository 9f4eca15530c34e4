"""The bump tells the truth: what taps on both sides see is what was asked and what the counters say.

One lab for the module. Statistical bounds are five standard deviations or more (false alarms below 10⁻⁶).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import pytest

from lab.rig.bump.driver import Bump
from lab.scenario.model import Impairment, Loss
from tests.rig.bump_lab import RTCP_HEAD, STUN_HEAD, BumpLab, Rig, counters, direction_of, frames

pytestmark = pytest.mark.rig

UP, DOWN = ("a", "up"), ("a", "down")
CLEAN = Impairment()
Crossed = tuple[BumpLab, Bump]


@pytest.fixture(scope="module")
def standing(rig: Rig) -> Iterator[Crossed]:
    """Make one lab of two links behind the VM for the module."""
    with BumpLab(rig, ["a", "b"], "vm") as lab, lab.bump() as bump:
        yield lab, bump


@pytest.fixture
def crossed(standing: Crossed) -> Iterator[Crossed]:
    """Give the lab with every direction clean, and leave it so."""
    yield standing
    _, bump = standing
    bump.apply("clean", {(client, way): CLEAN for client in "ab" for way in ("up", "down")}, None)


def test_an_idle_link_carries_nothing(crossed: Crossed) -> None:
    """Not one frame in ten seconds: no ARP, no spanning tree, nothing of the router's own nor of the host's."""
    lab, bump = crossed
    before = bump.read("before")
    with lab.tapped("edge0", "out0", "edge1", "out1", "core", expression="") as files:
        time.sleep(10)
    assert [len(list(frames(pcap))) for pcap in files.values()] == [0] * 5
    drawn = [counters(direction_of(step, UP))["2:"] for step in (before, bump.read("after"))]
    assert drawn[0] == drawn[1]


def test_neighbours_are_permanent(crossed: Crossed) -> None:
    """The router never has to ask for a node."""
    lab, _ = crossed
    known = lab.sh("ip neigh show nud permanent")
    assert all(f"{node.ip} " in known and node.mac in known for node in lab.topology.nodes)
    assert lab.sh("ip neigh show nud reachable nud stale nud delay nud probe nud incomplete") == ""


def test_clean_loses_and_delays_nothing(crossed: Crossed) -> None:
    """All of 500 packets cross, in both directions, in their order."""
    lab, bump = crossed
    for way in (UP, DOWN):
        crossing = lab.cross(bump, way, 500)
        assert crossing.order == list(range(500))
        assert crossing.counted["2:"] == (500, 0)
        assert statistics.median(crossing.delays_ms) < 10


def test_delay_is_as_asked(crossed: Crossed) -> None:
    """20 ms: never less, and hardly more."""
    lab, bump = crossed
    bump.apply("delay", {UP: Impairment(delay_ms=20)}, None)
    delays = lab.cross(bump, UP, 300).delays_ms
    assert min(delays) >= 20
    assert statistics.median(delays) < 25


def test_random_loss_balances_packet_for_packet(crossed: Crossed) -> None:
    """50 % of 1000: tap before = sent + dropped, tap after = sent; 5 sigma are 79 packets."""
    lab, bump = crossed
    bump.apply("half", {UP: Impairment(loss=Loss(share=0.5))}, None)
    crossing = lab.cross(bump, UP, 1000, gap_ms=1)
    sent, dropped = crossing.counted["2:"]
    assert (len(crossing.before), len(crossing.after)) == (sent + dropped, sent) == (1000, 1000 - len(crossing.lost))
    assert abs(dropped - 500) < 79


def test_segments_of_tcp_that_come_together_are_lost_and_counted_one_by_one(crossed: Crossed) -> None:
    """Half a megabyte in bursts, 10 % lost: merged, they would be one packet to the kernel and many to a tap."""
    lab, bump = crossed
    bump.apply("lossy", {UP: Impairment(loss=Loss(share=0.1))}, None)
    first = counters(direction_of(bump.read("first"), UP))["2:"]
    with lab.tapped("edge0", "out0", expression="ip src " + lab.topology.node("a").ip) as files:
        lab.stream("a", 500_000)
    last = counters(direction_of(bump.read("last"), UP))["2:"]
    sent, dropped = (b - a for a, b in zip(first, last, strict=True))
    before, after = (len(list(frames(pcap))) for pcap in files.values())
    assert (before, after) == (sent + dropped, sent)
    assert sent > 340
    assert dropped > 10


def test_same_seed_and_step_lose_the_same_packets(crossed: Crossed) -> None:
    """The ordinals are equal when the step is repeated, and others when it has another name."""
    lab, bump = crossed
    asked = {UP: Impairment(loss=Loss(share=0.2))}
    lost = []
    for step in ("impair", "impair", "change-1"):
        bump.apply(step, asked, None)
        lost.append(lab.cross(bump, UP, 300, gap_ms=1).lost)
    assert lost[0] == lost[1] != lost[2]


def test_queue_drops_are_told_from_random_loss(crossed: Crossed) -> None:
    """At three times the rate the queue drops most, and netem's own loss is what is left of its counter."""
    lab, bump = crossed
    asked = Impairment(loss=Loss(share=0.1), rate_bps=200_000, queue_bytes=6000)
    bump.apply("narrow", {UP: asked}, None)
    crossing = lab.cross(bump, UP, 600, fill=102, gap_ms=2)  # 150 bytes on the wire each 2 ms: 600 kbit/s
    queue, random = crossing.counted["20:"][1], crossing.counted["2:"][1] - crossing.counted["20:"][1]
    assert queue + random == len(crossing.lost) == crossing.counted["2:"][1]
    assert abs(random - 60) < 37
    assert queue > 250
    span_s = (crossing.after[-1].t_ns - crossing.after[0].t_ns) / 1e9
    assert 150 * 8 * len(crossing.after) / span_s == pytest.approx(200_000, rel=0.25)


def test_outage_drops_everything_and_ends(crossed: Crossed) -> None:
    """Nothing crosses during it, and all of it has the outage's counter; afterwards all is as before."""
    lab, bump = crossed
    bump.apply("outage", {DOWN: Impairment(outage=True)}, None)
    crossing = lab.cross(bump, DOWN, 100)
    assert (len(crossing.after), crossing.counted["3:"]) == (0, (0, 100))
    bump.apply("over", {DOWN: CLEAN}, None)
    assert lab.cross(bump, DOWN, 100).lost == []


@pytest.mark.parametrize(("protocol", "udp_lost", "tcp"), [("udp", 50, "refused"), ("tcp", 0, "silence")])
def test_a_blocked_protocol_alone_is_blocked(crossed: Crossed, protocol: str, udp_lost: int, tcp: str) -> None:
    """A firewall against UDP lets TCP through, and the other way round."""
    lab, bump = crossed
    bump.apply("block", {UP: Impairment(block=(protocol,))}, None)
    assert len(lab.cross(bump, UP, 50).lost) == udp_lost
    assert lab.connect("a") == tcp


def test_jitter_keeps_order_unless_it_is_free(crossed: Crossed) -> None:
    """±15 ms over packets 2 ms apart: in order with `keep`, out of order with `free`; no packet is early or lost."""
    lab, bump = crossed
    for order in ("keep", "free"):
        asked = Impairment(delay_ms=40, jitter_ms=15, distribution="uniform", order=order)
        bump.apply(order, {UP: asked}, None)
        crossing = lab.cross(bump, UP, 400)
        assert sorted(crossing.order) == list(range(400))
        assert (crossing.order == sorted(crossing.order)) == (order == "keep")
        assert min(crossing.delays_ms) >= 25
        if order == "free":  # the median of 400 uniform draws: sigma 0.75 ms; later on a busy machine
            assert statistics.median(crossing.delays_ms) > 36


def test_bursts_have_the_length_that_was_asked(crossed: Crossed) -> None:
    """20 % in bursts of 4 on average: about 150 bursts, whose mean has a standard deviation of 0.28."""
    lab, bump = crossed
    bump.apply("bursts", {UP: Impairment(loss=Loss(share=0.2, burst=4))}, None)
    lost = lab.cross(bump, UP, 3000, gap_ms=1).lost
    bursts = sum(1 for number in lost if number - 1 not in set(lost))
    assert 2.6 < len(lost) / bursts < 5.4
    assert abs(len(lost) / 3000 - 0.2) < 0.09


def test_duplicates_and_corruption_are_seen_at_the_tap(crossed: Crossed) -> None:
    """Duplicates are extra copies of the same bytes; corruption alters bytes and drops nothing."""
    lab, bump = crossed
    bump.apply("twice", {UP: Impairment(duplicate=0.3)}, None)
    crossing = lab.cross(bump, UP, 300)
    assert crossing.lost == []
    assert 300 + 40 < len(crossing.after) == crossing.counted["2:"][0] < 300 + 140
    bump.apply("altered", {UP: Impairment(corrupt=0.5)}, None)
    crossing = lab.cross(bump, UP, 300, fill=400)
    assert crossing.counted["2:"] == (300, 0)
    whole = {each.payload for each in crossing.before} & {each.payload for each in crossing.after}
    assert 60 < len(whole) < 240


def test_a_change_takes_effect_within_200_ms(crossed: Crossed) -> None:
    """All four directions, from before they are told to after the read-back: the median of five."""
    _, bump = crossed
    asked = {(client, way): Impairment(delay_ms=5) for client in "ab" for way in ("up", "down")}
    steps = [bump.apply("impair", asked, None) for _ in range(5)]
    took_ms = [(step.to_ns - step.from_ns) / 1e6 for step in steps]
    print(f"a change of 4 directions took {took_ms} ms")
    assert statistics.median(took_ms) < 200


def test_only_rtp_is_impaired_when_asked(rig: Rig) -> None:
    """With everything lost, STUN and RTCP cross as if nothing were there, and RTP does not."""
    with BumpLab(rig, ["a", "b"], "vm") as lab, lab.bump(impair_only="rtp") as bump:
        bump.apply("impair", {UP: Impairment(loss=Loss(share=1.0))}, None)
        assert lab.cross(bump, UP, 50, head=STUN_HEAD).lost == []
        assert lab.cross(bump, UP, 50, head=RTCP_HEAD).lost == []
        crossing = lab.cross(bump, UP, 50)
        assert (len(crossing.lost), crossing.counted["2:"]) == (50, (0, 50))
        bump.apply("outage", {UP: Impairment(outage=True)}, None)
        assert len(lab.cross(bump, UP, 50, head=STUN_HEAD).lost) == 50
