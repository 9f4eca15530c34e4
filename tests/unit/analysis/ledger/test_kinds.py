"""A kind needs evidence: what was muted, or came before or after all hearing, is nobody's loss where that shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome, Owner
from lab.analysis.way.pauses import Spell, pauses
from lab.evidence.recording import Recording
from lab.evidence.values import Event, Packets
from lab.pcm import SILENT_LEVEL
from tests.unit.analysis.build import GO_NS, LEAD, MS, UP_SSRC, Plan, lines, recording, wire
from tests.unit.analysis.test_judge import FIRST, asked, at

MUTED = range(50, 90)
"""The packets of a mute, after the first measured one."""


def events(*named: tuple[str, int], publisher: str = "") -> tuple[Event, ...]:
    """Return events by name and time."""
    detail = {"publisher": publisher} if publisher else {}
    return tuple(Event(t_ns=t_ns, name=name, detail=detail) for name, t_ns in named)


def sent(packet: int) -> int:
    """Return when the packet with this ordinal after the first measured one was sent."""
    return wire(Plan(), lines(Plan())).t_ns[FIRST + packet + LEAD]


def told(run: Recording, *, source: Sequence[Event] = (), listener: Sequence[Event] = ()) -> Recording:
    """Return `run` with what its clients wrote down."""
    publisher, subscriber = run.clients
    clients = (replace(publisher, events=tuple(source)), replace(subscriber, events=tuple(listener)))
    return replace(run, clients=clients)


def silenced(run: Recording, muted: Iterable[int]) -> Recording:
    """Return `run` with the sender's packets `muted` sent as silence."""
    ordinals = [FIRST + i for i in muted]

    def quiet(packets: Packets) -> Packets:
        changed = packets.copy()
        number = (changed["seq"].astype(int) - Plan().first_seq) % 2**16 - LEAD
        inside = (changed["ssrc"] == UP_SSRC) & [int(n) in ordinals for n in number]
        changed["level"][inside] = SILENT_LEVEL
        return changed

    return replace(run, taps=tuple(replace(tap, packets=quiet(tap.packets)) for tap in run.taps))


def judged(run: Recording) -> FlowVerdict:
    """Judge a run with one flow."""
    return judge(run, asked(Plan())).flows[0]


MUTE = events(("muted", sent(50) - 2 * MS), ("unmuted", sent(90) - 2 * MS))


def test_a_mute_is_a_kind_and_what_it_cut_is_the_clients() -> None:
    """40 packets of silence that the server kept: 4 frames had been pushed by then and were cut, 36 nobody meant."""
    run = silenced(recording(Plan(server_lost=at(*MUTED))), MUTED)
    flow = judged(told(run, source=MUTE))
    assert flow.frames.kinds == {"mute": 36.0}
    assert (flow.frames.lost, flow.frames.unexplained) == (4.0, 0.0)
    assert set(flow.damage) == {Owner.CLIENT}
    assert flow.frames.inserted_ms == {}
    assert {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost} == {"send": 4.0}


@pytest.mark.parametrize("skipped", [10, 20, 30])
def test_what_is_not_pushed_while_muted_is_no_loss_and_fills_no_other_hole(skipped: int) -> None:
    """A program that stops pushing in its mute, and stalls for 400 ms long after: that silence is nobody else's.

    It is not ahead any more when it pushes again: what the SDK had was used up in the mute.
    """
    plan = Plan(skips=at(*range(56, 56 + skipped)), stalls={FIRST + 150: 400}, server_lost=at(*MUTED))
    flow = judged(told(silenced(recording(plan), MUTED), source=MUTE))
    assert flow.frames.inserted_ms == {Owner.CLIENT: 400.0}
    assert flow.frames.kinds["mute"] == pytest.approx(36, abs=4)
    assert {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost} == {"send": 4.0}


def test_what_is_skipped_before_a_mute_or_behind_it_is_lost() -> None:
    """Its turn was not in the mute: 5 frames on either side."""
    plan = Plan(skips=at(*range(40, 45), *range(100, 105)), server_lost=at(*MUTED))
    flow = judged(told(silenced(recording(plan), MUTED), source=MUTE))
    assert next(hop.frames_lost for hop in flow.hops if hop.name == "push") == 10.0


def test_silence_without_an_event_is_no_mute() -> None:
    """The same packets, and no word of the client: content is missing that the SDK had."""
    run = silenced(recording(Plan(server_lost=at(*MUTED))), MUTED)
    flow = judged(told(run))
    assert flow.frames.kinds == {}
    assert flow.damage[Owner.SDK] == pytest.approx(40 / 200, abs=0.01)


def test_an_event_without_silence_is_no_mute() -> None:
    """The client says it muted, the wire carries sound: what died on the uplink died on the uplink."""
    run = told(recording(Plan(up_lost=at(60, 61, 62))), source=MUTE)
    flow = judged(run)
    assert flow.frames.kinds == {}
    assert set(flow.damage) == {Owner.UPLINK}


def test_what_the_server_withholds_around_a_mute_is_the_clients() -> None:
    """Two packets before the silence and three behind it went in and not out: those pushed unmuted are damage.

    The last of them came back by RED.
    """
    kept = (*range(48, 50), *MUTED, *range(90, 93))
    run = silenced(recording(Plan(server_lost=at(*kept))), MUTED)
    early = events(("muted", sent(48) - 2 * MS), ("unmuted", sent(90) - 2 * MS))
    flow = judged(told(run, source=early))
    assert set(flow.damage) == {Owner.CLIENT}
    assert (flow.frames.kinds, flow.frames.lost) == ({"mute": 40.0}, 4.0)
    assert {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost} == {"send": 2.0, "server": 2.0}


def test_who_was_not_subscribed_missed_it_himself() -> None:
    """The listener let go and came back: what went into the server meanwhile is his; without events the server's."""
    run = recording(Plan(server_lost=at(*range(50, 80))))
    apart = (
        *events(("subscribed", GO_NS - 400 * MS), publisher="publisher"),
        *events(("unsubscribed", sent(52)), ("subscribed", sent(77)), publisher="publisher"),
    )
    flow = judged(told(run, listener=apart))
    assert (set(flow.damage), flow.frames.lost) == ({Owner.CLIENT}, 29.0)
    assert set(judged(told(run)).damage) == {Owner.SERVER}
    about_another = tuple(replace(event, detail={"publisher": "another"}) for event in apart)
    assert set(judged(told(run, listener=about_another)).damage) == {Owner.SERVER}


@pytest.mark.parametrize(("frames", "kinds"), [(10, {"start-up": 10.0}), (25, {"start-up": 25.0}), (26, {}), (60, {})])
def test_what_came_before_anything_was_forwarded_is_start_up_if_it_is_little(
    frames: int, kinds: dict[str, float]
) -> None:
    """Up to 500 ms; more is damage, although it has the same evidence."""
    flow = judged(recording(Plan(server_lost=range(-LEAD, FIRST + frames + 1))))
    assert flow.frames.kinds == kinds
    assert (flow.frames.lost > 0) == (not kinds)


@pytest.mark.parametrize("left", ["disconnected", "unsubscribed"])
def test_what_came_after_the_listener_had_left_is_tail(left: str) -> None:
    """The last 10 frames never arrived: a tail if the listener had left by then, the server's loss if he had not."""
    run = recording(Plan(server_lost=range(FIRST + 190, 360)))
    joined = events(("subscribed", GO_NS - 400 * MS), publisher="publisher")
    flow = judged(told(run, listener=(*joined, *events((left, sent(191)), publisher="publisher"))))
    assert (flow.frames.kinds, flow.frames.lost, flow.damage) == ({"tail": 10.0}, 0.0, {})
    still_there = judged(told(run, listener=(*joined, *events((left, sent(239) + 4000 * MS), publisher="publisher"))))
    assert (still_there.frames.kinds, set(still_there.damage)) == ({}, {Owner.SERVER})


def leaving(event: str, packet: int, later_ms: int) -> tuple[Event, ...]:
    """Return a listener's events: it subscribed, and left `later_ms` after a packet was sent."""
    joined = events(("subscribed", GO_NS - 400 * MS), publisher="publisher")
    return (*joined, *events((event, sent(packet) + later_ms * MS), publisher="publisher"))


SLOW = dict.fromkeys(range(FIRST + 100, FIRST + 170), 1400.0)
"""A server that takes 1.4 s, up to where it forwards nothing more."""
STOPPED = range(FIRST + 170, 360)


@pytest.mark.parametrize(
    ("server", "later_ms", "kinds", "outcome"),
    [
        (Plan(server_lost=STOPPED, server_delay_ms=SLOW), 750, {"tail": 30.0}, Outcome.UNKNOWN),
        (Plan(server_lost=STOPPED, server_delay_ms=SLOW), 2500, {}, Outcome.FAIL),
        (Plan(server_lost=STOPPED), 750, {}, Outcome.FAIL),
        (Plan(server_lost=STOPPED, server_delay_ms={FIRST + 169: 1400.0}), 750, {}, Outcome.FAIL),
        (Plan(up_lost=STOPPED, server_delay_ms=SLOW, red=False), 750, {}, Outcome.PASS),
        (Plan(down_lost=STOPPED, server_delay_ms=SLOW, red=False), 750, {}, Outcome.PASS),
    ],
    ids=["slow", "outwaited", "quick", "one packet late", "lost before", "lost behind"],
)
def test_what_a_slow_server_still_held_when_the_listener_left_is_tail(
    server: Plan, later_ms: int, kinds: dict[str, float], outcome: Outcome
) -> None:
    """The last 30 frames came to the server 750 ms and more before the listener left.

    Where it had taken 1.4 s before, nobody knows whether they would have come: UNKNOWN. Else they are somebody's loss.
    """
    flow = judged(told(recording(server), listener=leaving("disconnected", 200, later_ms)))
    assert (flow.frames.kinds, flow.outcome) == (kinds, outcome)


def test_what_is_under_way_hides_no_proven_owner() -> None:
    """The server dropped 60 frames before, more than the 30 that it still held: it is to blame whatever became."""
    gone = (*range(FIRST + 20, FIRST + 80), *STOPPED)
    run = recording(Plan(server_lost=gone, server_delay_ms=SLOW))
    flow = judged(told(run, listener=leaving("disconnected", 200, 750)))
    assert (flow.frames.kinds, flow.outcome, flow.owner) == ({"tail": 30.0}, Outcome.FAIL, Owner.SERVER)


def test_a_publisher_that_leaves_does_not_excuse_the_server() -> None:
    """It says `done` when it has sent all; the listener stays for 4 s and hears no more of it."""
    run = recording(Plan(server_lost=STOPPED, server_delay_ms=SLOW))
    flow = judged(told(run, source=events(("done", sent(200) + 600 * MS)), listener=leaving("done", 200, 4000)))
    assert (flow.frames.kinds, set(flow.damage)) == ({}, {Owner.SERVER})


@pytest.mark.parametrize("left", ["disconnected", "done", "unsubscribed"])
def test_what_was_sent_to_nobody_is_the_listeners(left: str) -> None:
    """It left 150 frames before the end: a server has nobody to forward to, however slow it was before."""
    run = recording(Plan(server_lost=range(FIRST + 50, 360), server_delay_ms=dict.fromkeys(range(FIRST + 50), 1400.0)))
    flow = judged(told(run, listener=leaving(left, 50, 0)))
    assert flow.outcome == Outcome.FAIL
    assert flow.damage[Owner.CLIENT] >= 149 / 200


def test_a_mute_stays_a_mute_when_the_listener_leaves() -> None:
    """Muted up to the end, and the listener leaves in the middle of it: nobody meant those frames to be heard."""
    run = silenced(recording(Plan(server_lost=range(FIRST + 140, 360))), range(140, 240))
    muted = events(("muted", sent(140) - 2 * MS))
    flow = judged(told(run, source=muted, listener=leaving("disconnected", 150, 0)))
    assert flow.frames.kinds == {"mute": 56.0}


def test_spells_are_between_an_event_and_its_opposite() -> None:
    """A second beginning changes nothing, one without an end lasts; before the first subscription too."""
    source, listener = (replace(one, events=()) for one in recording(Plan()).clients)
    assert pauses(source, listener).muted == pauses(source, listener).unsubscribed == ()
    muted = replace(source, events=events(("muted", 5), ("muted", 6), ("unmuted", 9), ("unmuted", 11), ("muted", 20)))
    found = pauses(muted, listener).muted
    assert (found[0], found[1].from_ns, len(found)) == (Spell(from_ns=5, to_ns=9), 20, 2)
    assert found[1].and_then(100) == found[1]
    late = replace(listener, events=events(("connected", 3), ("subscribed", 8), publisher="publisher"))
    assert pauses(source, late).unsubscribed == (Spell(from_ns=0, to_ns=8),)
