"""Media that moves to TCP in the middle: what was seen until then is told, and what is not seen is nobody's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome, Owner
from lab.evidence.recording import Recording
from lab.evidence.values import KIND_OTHER, ClientEvidence, PairSample
from tests.unit.analysis.build import (
    GO_NS,
    LEAD,
    MS,
    PUBLISHER,
    SERVER,
    SUBSCRIBER,
    Plan,
    lines,
    number,
    recording,
    wire,
)
from tests.unit.analysis.flows.test_door import PACKETS, track
from tests.unit.analysis.test_judge import FIRST, asked, at

MOVED = 90
"""The first packet, counted from the window's first, that a client sends or gets over TCP."""
TCP = 6
_LOOK_NS = 100 * MS


def moved(run: Recording, plan: Plan, who: str, packet: int = MOVED) -> Recording:
    """Return `run` with the media of `who` on TCP from `packet` on: the taps see segments, the SDK says the pair."""
    from_ns = wire(plan, lines(plan)).t_ns[FIRST + packet + LEAD]
    place, end, address = {"publisher": ("edge", "src", PUBLISHER), "subscriber": ("core", "dst", SUBSCRIBER)}[who]
    leaving = next(tap.packets for tap in run.taps if tap.place == place and tap.client in (None, who))
    ours = leaving[leaving[end] == number(address)]
    first = ours["seq"][np.searchsorted(ours["t_ns"], from_ns)]
    taps = []
    for tap in run.taps:
        packets = tap.packets.copy()
        since = (packets["seq"].astype(np.int64) - int(first) + 2**15) % 2**16 >= 2**15
        rows = since & (packets[end] == number(address))
        packets["proto"][rows], packets["kind"][rows], packets["ssrc"][rows] = TCP, KIND_OTHER, 0
        taps.append(replace(tap, packets=packets))
    clients = tuple(paired(one, from_ns, run) if one.name == who else one for one in run.clients)
    return replace(run, taps=tuple(taps), clients=clients)


def paired(client: ClientEvidence, from_ns: int, run: Recording) -> ClientEvidence:
    """Return `client` with its nominated pair each 100 ms: UDP to the server, and TCP from `from_ns` on."""
    ends_ns = run.manifest.marks.end_ns or 0
    pairs = tuple(
        PairSample(
            t_ns=t_ns,
            local=f"{client.address}:5000",
            remote=f"{SERVER}:{7881 if t_ns >= from_ns else 7882}",
            protocol="tcp" if t_ns >= from_ns else "udp",
            round_trip_time_s=0.0,
        )
        for t_ns in range(GO_NS, ends_ns, _LOOK_NS)
    )
    return replace(client, pairs=pairs)


def judged(plan: Plan, who: str, packet: int = MOVED) -> FlowVerdict:
    """Judge a run in which the media of `who` moves to TCP."""
    return judge(moved(recording(plan), plan, who, packet), asked(plan)).flows[0]


@pytest.mark.parametrize("who", ["publisher", "subscriber"])
@pytest.mark.parametrize("took_ms", [0.0, 300.0])
def test_what_runs_over_tcp_is_nobodys_loss(who: str, took_ms: float) -> None:
    """The reason says who moved, when and where to; what was under way just then is not counted either."""
    plan = Plan(up_delay_ms=dict.fromkeys(range(-LEAD, 300), took_ms), up_held_ms=took_ms)
    flow = judged(plan, who)
    assert (flow.outcome, flow.owner, flow.damage) == (Outcome.UNKNOWN, Owner.UNDECIDED, {})
    assert flow.frames.made == pytest.approx(MOVED - took_ms / 20, abs=10)
    assert f"{who}'s media moved to TCP, to {SERVER}:7881, 1.8 s into the media" in flow.reasons[0]
    assert f"only {flow.frames.made:g} of 200 were" in flow.reasons[0]
    assert len(flow.reasons) == 1


@pytest.mark.parametrize("who", ["publisher", "subscriber"])
def test_what_was_lost_before_the_move_is_told(who: str) -> None:
    """Ten packets of a server, and each that a firewall took until the client moved: in the table and the reason."""
    flow = judged(Plan(server_lost=at(*range(20, 30)), up_lost=at(*range(50, MOVED))), who)
    lost = {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost}
    assert lost["server"] == 9.0
    assert lost["uplink"] == pytest.approx(MOVED - 50, abs=10)
    assert set(flow.damage) == {Owner.SERVER, Owner.UPLINK}
    assert flow.reasons[1].startswith("until then: NETWORK/uplink")


def test_a_server_that_forwarded_nothing_just_before_is_not_blamed_for_it() -> None:
    """It may have sent those packets the other way already."""
    assert judged(Plan(server_lost=at(*range(80, MOVED))), "subscriber").damage == {}


def test_what_the_server_read_over_tcp_contradicts_nobody() -> None:
    """Its account of the track counts packets that no capture holds: it is asked about none."""
    plan = Plan()
    run = moved(recording(plan), plan, "publisher")
    tracks = (track("upstream", PACKETS), track("downstream", PACKETS))
    flow = judge(replace(run, tracks=tracks), asked(plan)).flows[0]
    assert [hop.undecided for hop in flow.hops if hop.undecided] == []


def test_a_move_behind_the_media_changes_nothing() -> None:
    """All that was to be measured had been seen."""
    flow = judged(Plan(), "publisher", packet=220)
    assert (flow.outcome, flow.frames.made, flow.reasons) == (Outcome.PASS, 200.0, ())


@pytest.mark.parametrize("who", ["publisher", "subscriber"])
def test_a_pair_that_was_left_and_stays_nominated_hides_no_move(who: str) -> None:
    """The old pair is told of for a second more: what was on UDP then is what the taps saw."""
    plan = Plan()
    run = moved(recording(plan), plan, who)
    left = {name: index for index, name in enumerate(("publisher", "subscriber"))}[who]
    pairs = run.clients[left].pairs
    first = next(i for i, pair in enumerate(pairs) if pair.protocol == "tcp")
    stale = tuple(replace(pairs[first - 1], t_ns=pair.t_ns) for pair in pairs[first : first + 10])
    clients = list(run.clients)
    clients[left] = replace(clients[left], pairs=tuple(sorted((*pairs, *stale), key=lambda pair: pair.t_ns)))
    flow = judge(replace(run, clients=tuple(clients)), asked(plan)).flows[0]
    assert (flow.damage, flow.frames.made) == ({}, pytest.approx(MOVED, abs=10))
    assert "moved to TCP" in flow.reasons[0]


def test_a_pair_that_is_only_nominated_as_well_is_no_move() -> None:
    """All of the media is on UDP."""
    plan = Plan()
    run = recording(plan)
    source = paired(run.clients[0], 0, run)
    pairs = tuple(sorted((*source.pairs, *paired(source, 2**62, run).pairs), key=lambda pair: pair.t_ns))
    both = replace(run, clients=(replace(source, pairs=pairs), run.clients[1]))
    assert judge(both, asked(plan)).outcome == Outcome.PASS


@pytest.mark.parametrize("who", ["publisher", "subscriber"])
@pytest.mark.parametrize("first_ns", [0, GO_NS + 500 * MS])
def test_media_that_began_on_tcp_and_moved_to_udp_is_nobodys_loss(who: str, first_ns: int) -> None:
    """Joined over TCP, or moved to it in the clean control; what was sent so in the media was seen by nobody."""
    plan = Plan(server_lost=at(*range(MOVED)))
    run, until_ns = recording(plan), wire(plan, lines(plan)).t_ns[FIRST + MOVED + LEAD]

    def back(client: ClientEvidence) -> ClientEvidence:
        over = paired(client, first_ns, run).pairs
        later = (pair for pair in paired(client, 2**62, run).pairs if pair.t_ns >= until_ns)
        return replace(client, pairs=(*(pair for pair in over if pair.t_ns < until_ns), *later))

    clients = tuple(back(one) if one.name == who else one for one in run.clients)
    flow = judge(replace(run, clients=clients), asked(plan)).flows[0]
    assert (flow.outcome, flow.damage) == (Outcome.UNKNOWN, {})
    assert flow.reasons[0].startswith(f"{who}'s media began on TCP, to {SERVER}:7881, and moved to UDP later")
