"""Sound that a jitter buffer made up between frames that are all heard: missing time, and whoever it waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.ear.listen import Ear, Heard
from lab.analysis.ear.made_up import between, made_up
from lab.analysis.flows.case import case_of
from lab.analysis.flows.flow import follow
from lab.analysis.judge import judge
from lab.analysis.ledger.blame import blame
from lab.analysis.ledger.damage import damage
from lab.analysis.ledger.ways import ways
from lab.analysis.measures.playing import innocent
from lab.analysis.values import FlowVerdict, Outcome, Owner
from lab.analysis.wire.streams import ABSENT
from lab.evidence.recording import Recording
from lab.evidence.values import InboundSample, Read
from lab.report.frames import lines
from lab.scenario.expectations import expectations
from tests.unit.analysis.build import LEAD, Plan, first_measured, inbound_sample, recording
from tests.unit.analysis.ear.test_ear import ASKED, followed, row, verdict
from tests.unit.analysis.hearing import START_NS, Hearing, heard, place

FIRST = first_measured(Plan())
AT = FIRST + 60
HELD_MS = 150


def waiting(samples: int = HELD_MS * 48, concealed: int | None = None, at: int = AT) -> Hearing:
    """Return a listener for whom `samples` were made up before packet `at`; NetEQ says as many, or `concealed`."""
    return Hearing(made_up={at: samples}, concealed={at: samples if concealed is None else concealed})


def held(ms: float = HELD_MS, at: int = AT) -> Mapping[int, float]:
    """Return packets held back: `at` by so many ms, and each behind it by 20 less."""
    return {at + n: ms - 20 * n for n in range(int(ms // 20))}


def watched(run: Recording, busy: bool = False) -> Recording:
    """Return the run with an account of the listener's container: not held back, unless it had to wait for a CPU."""
    looks = tuple(replace(look, throttled_ns=0, waited_ns=200_000_000 * busy) for look in run.cgroups["server"])
    return replace(run, cgroups={**run.cgroups, "client-subscriber": looks})


def symptoms(run: Recording) -> tuple[float | None, float | None]:
    """Return how many cuts there are, and the longest."""
    seen = verdict(run).symptoms
    assert seen is not None
    return seen.gaps, seen.longest_gap


def test_what_was_made_up_although_all_had_come_is_the_listeners_machines() -> None:
    """All frames are heard, 150 ms later: nothing is lost, 150 ms are missing, and there is one cut of 150 ms."""
    run = heard(Plan(), waiting())
    flow = verdict(run)
    assert (flow.frames.heard, flow.frames.lost, flow.frames.unexplained) == (200, 0, 0)
    assert flow.frames.made_up_ms == {Owner.CLIENT_HOST: 150}
    assert flow.damage == {Owner.CLIENT_HOST: pytest.approx(150 / 4000)}
    assert (row(flow, "playout").owner, row(flow, "playout").made_up_ms) == (Owner.CLIENT_HOST, 150)
    assert "more than drops" not in row(flow, "playout").note
    assert symptoms(run) == (1, 150)


def test_nobodys_machine_is_to_blame_where_nothing_tells_what_held_it_back() -> None:
    """Neither a quota nor a pause is seen: perhaps the SDK did it, and the answer is UNKNOWN."""
    flow = verdict(heard(Plan(), waiting()))
    assert (flow.outcome, flow.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert "7.5 frames of sound made up although all had come in time" in flow.reasons[0]


@pytest.mark.parametrize(("concealed", "counts"), [(0, False), (3_599, False), (3_600, True)])
def test_the_ear_alone_accuses_nobody(concealed: int, *, counts: bool) -> None:
    """NetEQ counts nothing made up, or less than half of it: the sound was stretched, as far as anybody knows."""
    flow = verdict(heard(Plan(), waiting(concealed=concealed)))
    assert bool(flow.frames.made_up_ms) is bool(flow.damage) is counts


def test_what_was_concealed_once_is_taken_once() -> None:
    """Five holes of 20 ms within half a second, and 40 ms of concealment: two are told at most, and never five."""
    holes = {AT + 4 * n: 960 for n in range(5)}
    flow = verdict(heard(Plan(), Hearing(made_up=holes, concealed={AT + 8: 1_920})))
    assert flow.frames.made_up_ms == {Owner.CLIENT_HOST: 40}


def test_frames_that_were_never_sent_conceal_nothing() -> None:
    """Five frames are never pushed right behind the hole, with silence on the wire instead: the hole counts whole."""
    plan = Plan(server_delay_ms=held(), skips=range(AT + 10, AT + 15))
    flow = verdict(heard(plan, waiting()))
    assert flow.frames.made_up_ms == {Owner.SERVER: 150}
    assert flow.damage == {Owner.SERVER: pytest.approx(150 / 4000), Owner.CLIENT: pytest.approx(100 / 4000)}


def test_less_than_ten_milliseconds_at_once_is_stretching() -> None:
    """5 ms are put in before one packet in ten, and NetEQ conceals as much; 10 ms are not stretching."""
    some = range(AT, AT + 100, 10)

    def told(samples: int) -> Mapping[Owner, float]:
        put_in = dict.fromkeys(some, samples)
        return verdict(heard(Plan(), Hearing(made_up=put_in, concealed=put_in))).frames.made_up_ms

    assert told(240) == {}
    assert told(480) == {Owner.CLIENT_HOST: 100}


@pytest.mark.parametrize(
    ("plan", "hop", "owner"),
    [
        (Plan(server_delay_ms=held()), "server", Owner.SERVER),
        (Plan(server_delay_ms=held(), throttled=True), "server", Owner.LOAD),
        (Plan(up_delay_ms=held()), "uplink", Owner.UPLINK),
        (Plan(down_delay_ms=held()), "downlink", Owner.DOWNLINK),
    ],
)
def test_it_is_whose_packets_were_waited_for(plan: Plan, hop: str, owner: Owner) -> None:
    """Frames that come late and are heard are not lost: the wait is what they cost, and the slow hop's."""
    flow = verdict(heard(plan, waiting()))
    assert flow.damage == {owner: pytest.approx(150 / 4000)}
    assert (row(flow, hop).made_up_ms, row(flow, hop).frames_lost, row(flow, hop).late) == (150, 0, 0)
    assert (row(flow, hop).owner, flow.frames.lost) == (owner, 0)


def test_what_was_waited_for_behind_witnesses_that_disagree_is_undecided() -> None:
    """The kernel counted five drops that no tap saw: what is laid at nobody's door might be code's or the network's."""
    flow = verdict(heard(Plan(up_delay_ms=held(), miscounted=5), waiting()))
    assert flow.frames.made_up_ms == {Owner.UNDECIDED: 150}
    assert (flow.outcome, flow.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)


def test_who_was_always_slow_is_not_who_was_waited_for() -> None:
    """The uplink takes 300 ms from the impairment on; what the buffer waits for is the server's 150 ms on top."""
    slow = {FIRST + n: 300.0 for n in range(215)}
    grown = {FIRST: 300 * 48, AT: HELD_MS * 48}
    plan = Plan(up_delay_ms=slow, up_held_ms=300, server_delay_ms=held())
    flow = verdict(heard(plan, Hearing(made_up=grown, concealed=grown)))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 300, Owner.SERVER: 150}


def test_a_frame_that_comes_with_the_next_packet_was_waited_for_where_its_own_died() -> None:
    """One packet is lost and RED brings its frame 20 ms later: 20 ms are made up, for the reason of the loss."""
    flow = verdict(heard(Plan(up_lost=[AT]), waiting(960)))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 20}
    assert {(cause.owner, cause.hop, cause.reason) for cause in flow.causes} == {
        (Owner.UPLINK, "uplink", "undecided")  # one drop does not tell bursts from chance
    }
    assert "1 packets in runs of 1.0" in flow.causes[0].note


def test_a_little_slowness_of_another_hop_takes_no_large_hole() -> None:
    """The uplink holds 150 ms, as it is configured to, while the server takes 11 ms more for the same packet."""
    flow = verdict(heard(Plan(up_delay_ms=held(), up_held_ms=150, server_delay_ms={AT: 11.0}), waiting()))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 150}
    alone = verdict(heard(Plan(server_delay_ms={AT: 11.0}), waiting()))
    assert alone.frames.made_up_ms == {Owner.CLIENT_HOST: 150}


def test_a_copy_that_was_held_up_was_waited_for_where_it_was_held_up() -> None:
    """The uplink loses one packet, and the server keeps the one with its copy for 150 ms: 20 ms would be the loss's."""
    flow = verdict(heard(Plan(up_lost=[AT], server_delay_ms=held(at=AT + 1)), waiting(170 * 48)))
    assert flow.frames.made_up_ms == {Owner.SERVER: 170}


def test_a_delay_that_grows_slowly_is_its_hops() -> None:
    """16 ms more with every second on the uplink, and 10 ms made up now and then."""
    growing = {FIRST + n: 0.32 * n for n in range(215)}
    holes = {FIRST + n: 480 for n in range(70, 190, 30)}
    flow = verdict(heard(Plan(up_delay_ms=growing, up_held_ms=80), Hearing(made_up=holes, concealed=holes)))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 40}


def test_who_was_waited_for_is_not_known_where_a_packet_was_not_seen() -> None:
    """The tap behind the uplink has missed that one: which hop held it up nobody can tell, be another slow as well."""
    run = heard(Plan(up_delay_ms={AT: 250.0}, server_delay_ms={AT: 25.0}), waiting(300 * 48))
    tap = run.taps[1]
    gone = replace(tap, packets=tap.packets[tap.packets["seq"] != (65_400 + AT + LEAD) % 2**16])
    flow = verdict(watched(replace(run, taps=(run.taps[0], gone, *run.taps[2:]))))
    assert flow.frames.made_up_ms == {Owner.UNDECIDED: 300}


@pytest.mark.parametrize(
    "plan", [Plan(server_delay_ms={AT: 21.0}), Plan(up_delay_ms={AT: 19.0}, server_delay_ms={AT: 19.0})]
)
def test_what_was_slow_for_too_short_accuses_nobody(plan: Plan) -> None:
    """21 ms of the server, or 19 ms twice, are too much to be nothing, and too little for a hole of 300 ms."""
    assert verdict(watched(heard(plan, waiting(300 * 48)))).frames.made_up_ms == {Owner.UNDECIDED: 300}


def test_what_is_made_up_right_beside_a_loss_is_the_losss() -> None:
    """Three frames are lost, and concealment goes on for 40 ms more than they last, on both sides for the ear."""
    gone = [AT, AT + 1, AT + 2]
    hearing = Hearing(repeated=gone, made_up={AT + 3: 1920}, concealed={AT: 3 * 960 + 1920})
    flow = verdict(heard(Plan(up_lost=gone, red=False), hearing))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 40}
    assert [cause.share for cause in flow.causes] == [pytest.approx((60 + 40) / 4000)]


@pytest.mark.parametrize(("ms", "told"), [(90, Owner.UPLINK), (200, Owner.UNDECIDED)])
def test_a_buffer_that_fills_up_again_behind_a_loss(ms: int, told: Owner) -> None:
    """Of a lost frame that is told only where its listener's machine is known not to have been held back."""
    hearing = Hearing(repeated=[AT], made_up={AT + 1: ms * 48}, concealed={AT: 960 + ms * 48})
    run = heard(Plan(up_lost=[AT], red=False), hearing)
    owners = [
        verdict(one).frames.made_up_ms.keys() - {Owner.UPLINK} for one in (run, watched(run), watched(run, busy=True))
    ]
    undecided = {Owner.UNDECIDED}
    assert owners == [undecided, set() if told == Owner.UPLINK else undecided, undecided]


def test_losses_do_not_hide_behind_what_they_concealed() -> None:
    """NetEQ's count is of the lost frames: nothing is left for the 40 ms that only the ear finds."""
    gone = [AT, AT + 1, AT + 2]
    hearing = Hearing(repeated=gone, made_up={AT + 3: 1920}, concealed={AT: 3 * 960})
    assert verdict(heard(Plan(up_lost=gone, red=False), hearing)).frames.made_up_ms == {}


def test_statistics_that_come_once_a_second_tell_as_much() -> None:
    """The listener has no CPU to note anything: counts of samples are held against samples, not against times."""
    run = heard(Plan(), waiting())
    publisher, subscriber = run.clients
    rare = replace(subscriber, inbound=subscriber.inbound[::10])
    assert verdict(replace(run, clients=(publisher, rare))).frames.made_up_ms == {Owner.CLIENT_HOST: 150}


def test_where_the_statistics_end_nobody_can_tell() -> None:
    """The last one is 100 ms older than the hole: the ear has found it, and whose it is remains undecided."""
    run = heard(Plan(server_delay_ms=held()), waiting())
    publisher, subscriber = run.clients
    until_ns = START_NS + (place(AT) - 4_800) * 1_000_000 // 48
    early = tuple(one for one in subscriber.inbound if one.t_ns <= until_ns)
    flow = verdict(replace(run, clients=(publisher, replace(subscriber, inbound=early))))
    assert flow.frames.made_up_ms == {Owner.UNDECIDED: 150}
    assert (flow.outcome, flow.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)


def test_a_frame_says_what_was_made_up_before_it() -> None:
    """Both of its halves together; `lab show --frames` prints it."""
    flow = followed(heard(Plan(), waiting()))
    assert flow.made_up.count[flow.made.frame == AT].sum() == 15
    assert flow.made_up.count.sum() == 15
    case = case_of(heard(Plan(), waiting()), ASKED)
    text = lines("a → b", ways(case, flow, AT - 1, AT))
    assert [" after 150 ms of sound made up" in line for line in text.splitlines()[1:]] == [False, True]


def test_the_owner_of_little_does_not_own_all_that_a_buffer_holds() -> None:
    """The delay grows by 400 ms of stretching, and 10 ms are made up for the server: it owns 10 ms of the delay."""
    stretched = {FIRST + 20 + n: 240 for n in range(80)}
    hearing = Hearing(inserted=stretched, made_up={FIRST + 10: 480}, concealed={FIRST + 10: 480})
    asked = replace(ASKED, expect=tuple(expectations({"delay_p95": ["<= 150ms"]})))
    flow = judge(heard(Plan(server_delay_ms={FIRST + 10: 8.0}), hearing), asked).flows[0]
    assert flow.frames.made_up_ms == {Owner.SERVER: 10}
    assert (flow.outcome, flow.owner) == (Outcome.FAIL, Owner.UNDECIDED)


def test_a_hop_that_was_slow_elsewhere_does_not_own_a_delay_that_was_made_up() -> None:
    """The server takes 12 ms more for five packets; the 150 ms that all is late by since are the listener's."""
    plan = Plan(server_delay_ms={FIRST + n: 12.0 for n in range(5, 10)})
    asked = replace(ASKED, expect=tuple(expectations({"delay_p95": ["<= 150ms"]})))
    flow = judge(heard(plan, waiting()), asked).flows[0]
    assert flow.frames.made_up_ms == {Owner.CLIENT_HOST: 150}
    assert (flow.outcome, flow.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)  # what held that machine back is not known


def test_the_delay_that_was_made_up_is_whose_the_sound_was() -> None:
    """Nothing is slow, 150 ms are made up, and all comes 150 ms later: it would not without the listener's machine."""
    asked = replace(ASKED, expect=tuple(expectations({"delay_p95": ["<= 150ms"]})))
    flow = judge(heard(Plan(), waiting()), asked).flows[0]
    assert [one.result for one in flow.expectations] == ["failed"]
    assert "sound made up although all had come" in flow.reasons[0]  # else it would be the failure of nobody


def test_concealment_is_the_disturbance_of_whom_it_waited_for() -> None:
    """What NetEQ made up for the server would not be there without it, and would without anybody else."""
    case = case_of(heard(Plan(server_delay_ms=held()), waiting()), ASKED)
    flow = follow(case.scene, *case.scene.pairs[0], case.times, case.links)
    loss = damage(flow, blame(case, flow, (), ()))
    assert not innocent(flow, loss, {}, frozenset({Owner.SERVER})).all()
    assert innocent(flow, loss, {}, frozenset({Owner.UPLINK})).all()


def test_it_is_time_that_is_missing() -> None:
    """`missing_audio` and `longest_gap` count it; frames lost and silence inserted do not."""
    expect = {"missing_audio": ["< 100ms"], "longest_gap": ["< 100ms"], "lost_frames": ["== 0"],
              "inserted_silence": ["== 0ms"]}  # fmt: skip
    asked = replace(ASKED, expect=tuple(expectations(expect)))
    flow: FlowVerdict = judge(heard(Plan(server_delay_ms=held()), waiting()), asked).flows[0]
    assert {one.metric: (one.value, one.result) for one in flow.expectations} == {
        "missing_audio": (150.0, "failed"), "longest_gap": (150.0, "failed"), "lost_frames": (0.0, "met"),
        "inserted_silence": (0.0, "met"),
    }  # fmt: skip
    assert (flow.outcome, flow.owner) == (Outcome.FAIL, Owner.SERVER)


def test_without_an_ear_two_witnesses_say_what_was_late() -> None:
    """Nobody knows what was heard: as many late frames as were made up count as lost, as they always did."""
    flow = verdict(recording(Plan(server_delay_ms=held(400), concealed_frames=15)))
    assert (row(flow, "server").late, flow.frames.made_up_ms) == (15.0, {})


def ear(sample: Sequence[int], wire: Sequence[int], heard: Sequence[Heard] | None = None) -> Ear:
    """Return an ear that found the blocks at these samples, and knows which 10 ms of the wire they are."""
    at, said = np.array(sample), np.array(heard or [Heard.YES] * len(sample))
    none = np.zeros(at.size, np.bool_)
    return Ear(heard=said, own=~none, ghost=none, steps=np.full(at.size, 4), sample=at, heard_ns=at, place_ns=at,
               wire=np.array(wire), last_ns=1)  # fmt: skip


ONE = np.zeros(10, np.int64)
"""All slots are of one epoch."""


def test_silence_on_the_wire_is_no_hole_in_playing() -> None:
    """Between the first two blocks the wire has 20 ms of silence, and they are read."""
    assert between(ear([480, 4 * 480, 5 * 480], [1, 4, 5]), ONE).tolist() == [0, 0, 0]
    assert between(ear([480, 6 * 480, 7 * 480], [1, 4, 5]), ONE).tolist() == [0, 2, 0]


def test_ten_milliseconds_are_a_hole_and_one_sample_less_is_none() -> None:
    """What is less is how sound is stretched."""
    assert between(ear([0, 480 + 479], [0, 1]), ONE).tolist() == [0, 0]
    assert between(ear([0, 480 + 480], [0, 1]), ONE).tolist() == [0, 1]


def test_a_block_that_nobody_heard_is_no_place_to_measure_from() -> None:
    """What lies between the blocks that were heard counts; a place with another's sound in it is none."""
    heard_but_one = [Heard.YES, Heard.YES, Heard.UNKNOWN, Heard.YES]
    assert between(ear([0, 480, 3360, 1440], [0, 1, 2, 3], heard_but_one), ONE).tolist() == [0, 0, 0, 0]


def test_what_lies_between_two_epochs_is_not_on_the_wire() -> None:
    """The publisher came again with a new SSRC, a second later: nobody waited for a packet."""
    later = ear([0, 480, 48_960, 49_440], [0, 1, 2, 3])
    assert between(later, ONE).tolist() == [0, 0, 100, 0]
    assert between(later, np.array([0, 1])).tolist() == [0, 0, 0, 0]


def test_a_hole_in_which_frames_were_never_sent_is_theirs() -> None:
    """Of 50 ms between two blocks 30 are three that were never sent; silence on the wire would stand for them."""
    never = [480, ABSENT, ABSENT, ABSENT, 480 * 7]
    assert between(ear(never, [1, ABSENT, ABSENT, ABSENT, 2]), ONE).tolist() == [0, 0, 0, 0, 2]
    assert between(ear(never, [1, ABSENT, ABSENT, ABSENT, 5]), ONE).tolist() == [0, 0, 0, 0, 2]


def test_neither_notes_nor_statistics_leave_it_untold() -> None:
    """One says nothing without the other, whatever it says."""
    absent, two = np.zeros(2, np.bool_), ear([9_600, 11_520], [0, 1])
    told = [inbound_sample(t, t * 48 // 1_000_000, t // 1_000_000, 0) for t in range(0, 10**9, 100_000_000)]
    notes = [Read(t_ns=one.t_ns, samples=one.total_samples_received, lag_ms=0.0) for one in told]

    def said(inbound: Sequence[InboundSample], reads: Sequence[Read]) -> tuple[list[int], list[bool]]:
        found = made_up(two, ONE, absent, inbound, reads)
        return found.count.tolist(), found.untold.tolist()

    assert said(told, notes) == ([0, 0], [False, False])  # NetEQ conceals a thousandth of it
    assert said(told, ()) == said((), notes) == ([0, 3], [False, True])
