"""Sound that a jitter buffer made up between frames that are all heard: missing time, and whoever it waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.ear.listen import Ear, Heard
from lab.analysis.ear.made_up import between, made_up
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome, Owner
from lab.evidence.recording import Recording
from lab.evidence.values import Read
from lab.scenario.expectations import expectations
from tests.unit.analysis.build import Plan, first_measured, inbound_sample, recording
from tests.unit.analysis.ear.test_ear import ASKED, followed, row, verdict
from tests.unit.analysis.hearing import Hearing, heard

FIRST = first_measured(Plan())
AT = FIRST + 60
HELD_MS = 150


def waiting(samples: int = HELD_MS * 48, concealed: int | None = None, at: int = AT) -> Hearing:
    """Return a listener for whom `samples` were made up before packet `at`; NetEQ says as many, or `concealed`."""
    return Hearing(made_up={at: samples}, concealed={at: samples if concealed is None else concealed})


def held(ms: float = HELD_MS, at: int = AT) -> Mapping[int, float]:
    """Return packets held back: `at` by so many ms, and each behind it by 20 less."""
    return {at + n: ms - 20 * n for n in range(int(ms // 20))}


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


@pytest.mark.parametrize("concealed", [0, HELD_MS * 48 // 2 - 480])
def test_the_ear_alone_accuses_nobody(concealed: int) -> None:
    """NetEQ counts nothing made up, or less than half of it: the sound was stretched, as far as anybody knows."""
    flow = verdict(heard(Plan(), waiting(concealed=concealed)))
    assert (flow.frames.made_up_ms, flow.damage) == ({}, {})


def test_less_than_ten_milliseconds_at_once_is_stretching() -> None:
    """5 ms are put in before one packet in ten, and NetEQ conceals as much elsewhere."""
    some = range(AT, AT + 100, 10)
    hearing = Hearing(inserted=dict.fromkeys(some, 240), concealed={AT: 9_600})
    assert verdict(heard(Plan(), hearing)).frames.made_up_ms == {}


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


def test_what_is_made_up_right_beside_a_loss_is_the_losss() -> None:
    """Three frames are lost, and concealment goes on for 40 ms more than they last, on both sides for the ear."""
    gone = [AT, AT + 1, AT + 2]
    hearing = Hearing(repeated=gone, made_up={AT + 3: 1920}, concealed={AT: 3 * 960 + 1920})
    flow = verdict(heard(Plan(up_lost=gone, red=False), hearing))
    assert flow.frames.made_up_ms == {Owner.UPLINK: 40}
    assert [cause.share for cause in flow.causes] == [pytest.approx((60 + 40) / 4000)]


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


def test_a_frame_says_what_was_made_up_before_it() -> None:
    """Both of its halves together; `lab frames` prints it."""
    flow = followed(heard(Plan(), waiting()))
    assert flow.made_up[flow.made.frame == AT].sum() == 15
    assert flow.made_up.sum() == 15


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
               wire=np.array(wire), first_ns=0, last_ns=1)  # fmt: skip


ONE = np.zeros(10, np.int64)
"""All slots are of one epoch."""


def test_silence_on_the_wire_is_no_hole_in_playing() -> None:
    """Between the first two blocks the wire has 20 ms of silence, and they are read."""
    assert between(ear([480, 4 * 480, 5 * 480], [1, 4, 5]), ONE).tolist() == [0, 0, 0]
    assert between(ear([480, 6 * 480, 7 * 480], [1, 4, 5]), ONE).tolist() == [0, 2, 0]


def test_a_block_that_nobody_heard_is_no_place_to_measure_from() -> None:
    """What lies between the blocks that were heard counts; a place with another's sound in it is none."""
    heard_but_one = [Heard.YES, Heard.YES, Heard.UNKNOWN, Heard.YES]
    assert between(ear([0, 480, 3360, 1440], [0, 1, 2, 3], heard_but_one), ONE).tolist() == [0, 0, 0, 0]


def test_what_lies_between_two_epochs_is_not_on_the_wire() -> None:
    """The publisher came again with a new SSRC, a second later: nobody waited for a packet."""
    later = ear([0, 480, 48_960, 49_440], [0, 1, 2, 3])
    assert between(later, ONE).tolist() == [0, 0, 100, 0]
    assert between(later, np.array([0, 1])).tolist() == [0, 0, 0, 0]


def test_nothing_is_made_up_without_notes_or_statistics() -> None:
    """Neither says anything that the other could be held against."""
    absent = np.zeros(2, np.bool_)
    told = [inbound_sample(t, t // 20_833, t // 20_833, 0) for t in range(0, 500_000_000, 100_000_000)]
    notes = [Read(t_ns=one.t_ns, samples=one.total_samples_received, lag_ms=0.0) for one in told]
    two = ear([0, 1920], [0, 1])
    assert made_up(two, ONE, absent, told, notes).tolist() == [0, 3]
    assert made_up(two, ONE, absent, told, ()).tolist() == [0, 0]
    assert made_up(two, ONE, absent, (), notes).tolist() == [0, 0]
