"""Media that came and of which nobody told its listener: whose link held up the word, and when nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lab.analysis.flows.case import case_of
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome, Owner
from lab.analysis.way.pauses import FOREVER, Spell
from lab.analysis.way.signalling import Way, ways
from lab.evidence.recording import Recording
from lab.evidence.steps import Qdisc, StepState
from lab.evidence.values import PACKET, Event, Packets, Tap
from tests.unit.analysis.build import MS, SERVER, SUBSCRIBER, Plan, number, recording
from tests.unit.analysis.ledger.test_kinds import events, sent, told
from tests.unit.analysis.test_judge import asked, at

NEAR_WRAP = 2**32 - 1000
JOINED = events(("subscribed", sent(0) - 2000 * MS), ("unsubscribed", sent(51)), publisher="publisher")
"""The listener let go, and its program never heard of the track again."""
ABSENT = Plan(server_lost=at(*range(50, 80)))
"""The server stopped forwarding for 30 frames, and then went on."""
RATE_BYTES = 6_250


@dataclass(frozen=True, kw_only=True)
class Segment:
    """1 000 bytes of what the server tells, numbered from 0, in front of the link or behind it."""

    part: int
    t_ns: int


def segments(*listed: Segment) -> Packets:
    """Return them as a capture holds them."""
    rows = np.zeros(len(listed), PACKET)
    rows["t_ns"] = [one.t_ns for one in listed]
    rows["tcp_seq"] = [(NEAR_WRAP + 1000 * one.part) % 2**32 for one in listed]
    rows["src"], rows["dst"], rows["proto"] = number(SERVER), number(SUBSCRIBER), 6
    rows["sport"], rows["dport"], rows["tcp_bytes"], rows["length"] = 7880, 40_000, 1000, 1066
    return rows


def signalled(run: Recording, before: Sequence[Segment], after: Sequence[Segment]) -> Recording:
    """Return `run` with signalling on the listener's downlink, what died of it by a full queue of 50 kbit/s."""
    added = {"inner": segments(*before), "edge": segments(*after)}

    def joined(tap: Tap) -> Tap:
        packets = np.concatenate([tap.packets, added[tap.place]])
        return replace(tap, packets=packets[np.argsort(packets["t_ns"], kind="stable")])

    def counted(qdisc: Qdisc, *, final: bool) -> Qdisc:
        more = (len(before) - len(after)) * (qdisc.handle != "3:") * final
        if qdisc.handle == "20:":
            return replace(qdisc, dropped=more, options_json=f'{{"rate": {RATE_BYTES}, "limit": 625}}')
        return replace(qdisc, sent_packets=qdisc.sent_packets + len(after) * final, dropped=qdisc.dropped + more)

    def read(step: StepState) -> StepState:
        ways = [
            replace(one, qdiscs=tuple(counted(each, final=step.name == "final") for each in one.qdiscs))
            if (one.client, one.direction) == ("subscriber", "down")
            else one
            for one in step.directions
        ]
        return replace(step, directions=tuple(ways))

    taps = tuple(joined(tap) if tap.client == "subscriber" else tap for tap in run.taps)
    return replace(run, taps=taps, steps=tuple(map(read, run.steps)))


def judged(run: Recording, listener: Sequence[Event] = JOINED) -> FlowVerdict:
    """Judge a run with one flow."""
    return judge(told(run, listener=listener), asked(Plan())).flows[0]


def way(before: Sequence[Segment], after: Sequence[Segment]) -> Way:
    """Return a stream by hand."""
    return Way(before=segments(*before), after=segments(*after))


def test_a_byte_is_heard_when_all_before_it_have_come() -> None:
    """The first of three segments comes at its third try, and only then the others are heard; numbers wrap."""
    tries = [Segment(part=0, t_ns=t * MS) for t in (0, 210, 630)]
    rest = [Segment(part=part, t_ns=part * MS) for part in (1, 2)]
    came = [*(Segment(part=part, t_ns=(part + 5) * MS) for part in (1, 2)), Segment(part=0, t_ns=640 * MS)]
    found = list(way([*tries, *rest], came).held_up(50))
    assert found == [Spell(from_ns=part * MS, to_ns=640 * MS) for part in (0, 1, 2)]
    assert list(way([*tries, *rest], came).held_up(440)) == []
    assert way([*tries, *rest], came).dropped_ns().tolist() == [0, 210 * MS]


def test_what_never_came_is_held_up_for_good() -> None:
    """Of two segments one came; what went in again in another size is the same bytes."""
    before = [Segment(part=0, t_ns=0), Segment(part=1, t_ns=MS)]
    after = [Segment(part=0, t_ns=2 * MS)]
    assert list(way(before, after).held_up(0)) == [Spell(from_ns=MS, to_ns=FOREVER)]
    halves = np.repeat(segments(Segment(part=1, t_ns=3 * MS)), 2)
    halves["tcp_bytes"], halves["tcp_seq"][1] = 500, halves["tcp_seq"][1] + 500
    whole = Way(before=segments(*before), after=np.concatenate([segments(*after), halves]))
    assert list(whole.held_up(0)) == []


def test_media_of_which_the_link_held_up_the_word_is_the_links() -> None:
    """119 frames come after word of them: three times it died on the downlink, in a queue that the call filled."""
    lost = [Segment(part=0, t_ns=sent(n)) for n in (81, 95, 120)]
    flow = judged(signalled(recording(ABSENT), lost, []))
    assert (flow.outcome, flow.damage, flow.frames.unexplained) == (
        Outcome.FAIL,
        {Owner.DOWNLINK: 0.595, Owner.CLIENT: 0.15},
        0,
    )
    assert {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost} == {"server": 30.0, "downlink": 119.0}
    assert [(cause.owner, cause.reason) for cause in flow.causes] == [
        (Owner.DOWNLINK, "own-rate"),
        (Owner.CLIENT, "subscribed-late"),
    ]
    assert "dropped 3 segments" in flow.causes[0].note


def test_the_link_answers_until_the_word_has_come_and_could_be_acted_on() -> None:
    """Held up for half a second: what came a second later still is nobody's, and before it went in the listener's."""
    before = [Segment(part=0, t_ns=sent(90)), Segment(part=0, t_ns=sent(90) + 400 * MS)]
    flow = judged(signalled(recording(ABSENT), before, [Segment(part=0, t_ns=sent(90) + 500 * MS)]))
    lost = {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost}
    assert lost == {"server": 29.0 + 10.0, "downlink": 75.0, "playout": 120.0 - 10.0 - 75.0}


def test_media_of_which_nobody_held_up_the_word_is_nobodys() -> None:
    """All signalling came: its place is named, and whose it is nobody says."""
    flow = judged(recording(ABSENT))
    lost = {hop.name: hop.frames_lost for hop in flow.hops if hop.frames_lost}
    assert lost == {"server": 29.0 + 50.0, "playout": 70.0}
    assert (flow.damage[Owner.UNDECIDED], flow.frames.unexplained) == (0.35, 0)


def test_what_nobody_was_told_of_speaks_for_no_repair() -> None:
    """RED brought ten frames to a host that heard nothing, and fifteen died: neither contradicts what NetEQ made up."""
    lost = [*at(*range(90, 110, 2)), *at(*range(120, 135))]
    plan = replace(ABSENT, down_lost=lost, concealed_frames=2.0)
    flow = judged(signalled(recording(plan), [Segment(part=0, t_ns=sent(81))], []))
    assert [(repair.mechanism, repair.frames) for repair in flow.repairs] == [("red", 1.0)]
    assert not [words for words in flow.reasons if "NetEQ" in words]


def test_only_what_the_server_told_a_client_across_its_link_is_followed() -> None:
    """Neither what the client said, nor a segment without content, nor a client that has no link."""
    mine, empty, answer = (segments(Segment(part=part, t_ns=part)) for part in range(3))
    empty["tcp_bytes"] = 0
    answer["src"], answer["dst"] = answer["dst"], answer["src"]
    seen = np.concatenate([mine, empty, answer])
    run = recording(Plan())
    taps = tuple(replace(tap, packets=seen) for tap in run.taps)
    scene = case_of(replace(run, taps=taps), asked(Plan())).scene
    (only,) = ways(scene, scene.seat("subscriber"))
    assert only.before["t_ns"].tolist() == only.after["t_ns"].tolist() == [0]
    assert list(ways(scene, replace(scene.seat("subscriber"), linked=False))) == []


@pytest.mark.parametrize(("told_after", "lost"), [(0, 29.0), (900, 29.0), (1100, 29.0 + 50.0 + 5.0)])
def test_a_program_that_is_told_in_time_was_told(told_after: int, lost: float) -> None:
    """Up to a second after the server went on, what came meanwhile is left to the ear."""
    subscribed = events(("subscribed", sent(80) + told_after * MS), publisher="publisher")
    assert judged(recording(ABSENT), (*JOINED, *subscribed)).frames.lost == lost
