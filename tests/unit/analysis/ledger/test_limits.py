"""Where the measurement does not reach, the answer is UNKNOWN and says so: nobody is blamed, nothing breaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.judge import judge
from lab.analysis.ledger.blame import blame
from lab.analysis.ledger.damage import Damage, damage
from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.inserted import Inserted
from lab.analysis.ledger.limits import beyond
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.values import Outcome, Owner
from lab.evidence.steps import DirectionState
from lab.evidence.values import Packets
from lab.report.text import render
from lab.scenario.model import Media
from tests.unit.analysis.build import DOWN_SSRC, GO_NS, LEAD, MS, Plan, recording
from tests.unit.analysis.test_judge import FIRST, STALLS, asked, at, judged


@pytest.mark.parametrize("plan", [Plan(), Plan(phase_ms=10), Plan(stalls=STALLS), Plan(up_lost=at(3, 10, 11))])
def test_a_log_that_ends_early_blames_nobody_for_what_follows(plan: Plan) -> None:
    """Half the lines are gone, the wire goes on: UNKNOWN, and the damage is that of the half that is there."""
    run = recording(plan)
    cut = replace(run.clients[0], frames=run.clients[0].frames[: FIRST + 100])
    verdict = judge(replace(run, clients=(cut, run.clients[1])), asked(plan))
    assert (verdict.outcome, verdict.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert "frames of publisher: only 100 of 200" in verdict.reasons[0]
    assert verdict.flows[0].damage.get(Owner.SDK, 0.0) <= 0.5 / 100
    assert sum(verdict.flows[0].damage.values()) < 1


def test_more_silence_than_audio_is_its_owners() -> None:
    """Thirteen stalls of 400 ms in 4 s of media: the call lasted so much longer, and 105 % of the time are missing."""
    stalls = {FIRST + 5 + 15 * i: 460 for i in range(13)}
    run = judged(Plan(stalls=stalls, frames=400))
    assert sum(run.flows[0].damage.values()) > 1
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.CLIENT)


def test_more_missing_than_the_wire_had_time_for_is_no_finding() -> None:
    """The same silence in a call that lasted 2 s: UNKNOWN, and why."""
    plan = Plan(stalls={FIRST + 5 + 15 * i: 460 for i in range(13)}, frames=400)
    case = case_of(recording(plan), asked(plan))
    ((publisher, subscriber),) = case.scene.pairs
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    loss = damage(flow, blame(case, flow, (), ()))
    short = replace(flow, slots=flow.slots & (np.arange(flow.slots.size) % 4 == 0))
    assert beyond(flow, loss, 200) == ()
    assert "more than there was" in beyond(short, loss, 200)[0]


def followed() -> tuple[Flow, Damage]:
    """Return a flow without a fault, of 200 frames, and what it lost: nothing."""
    case = case_of(recording(Plan()), asked(Plan()))
    ((publisher, subscriber),) = case.scene.pairs
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    return flow, damage(flow, blame(case, flow, (), ()))


def test_all_that_there_was_may_be_missing_and_no_more() -> None:
    """Each of 400 blocks is lost, and then 10 ms of silence besides."""
    flow, loss = followed()
    whole = replace(loss, lost_to=np.full_like(loss.lost_to, OWNERS.index(Owner.UPLINK)))
    silence = Inserted.of_one((np.arange(400) == 0).astype(np.int64), whole.lost_to)
    more = replace(whole, silence=silence)
    in_time = replace(flow, slots=np.zeros_like(flow.slots))
    assert beyond(in_time, whole, 200) == ()
    (words,) = beyond(in_time, more, 200)
    assert words == "100.2 % of the intended time is missing: more than there was"
    assert beyond(in_time, replace(whole, made_up=silence), 200) == ()  # it makes the call longer


@pytest.mark.parametrize(("frames", "told"), [(50, False), (51, True)])
def test_a_transition_of_exactly_a_second_is_within(frames: int, *, told: bool) -> None:
    """One frame more is not what was asked for."""
    flow, loss = followed()
    words = beyond(replace(flow, transition_frames=frames), loss, 200)
    assert bool(words) is told


@pytest.mark.parametrize(
    ("under_way", "proven", "told"),
    [(50, 0, False), (51, 0, True), (51, 51, True), (51, 52, False), (60, 60, True)],
)
def test_an_end_under_way_is_forgiven_where_somebody_cost_more_for_certain(
    under_way: int, proven: int, *, told: bool
) -> None:
    """In 10 ms: half a second for nothing; beyond that an owner must have cost more, not as much."""
    flow, loss = followed()
    tail = np.arange(400) >= 400 - under_way
    lost_to = np.where(np.arange(400) < proven, OWNERS.index(Owner.UPLINK), -1)
    cut = replace(loss, fate=np.where(tail, FATES.index("tail"), 0), lost_to=lost_to)
    assert [words.startswith(f"the last {under_way / 100:.2f} s") for words in beyond(flow, cut, 200)] == [True] * told


def test_a_transition_is_a_second_at_most() -> None:
    """The read-back that confirmed the change came 1.2 s after the control: 61 frames between are too many."""
    plan = Plan(frames=400)
    run = recording(plan)
    late = tuple(replace(step, to_ns=step.to_ns + 1200 * MS) if step.name == "impair" else step for step in run.steps)
    verdict = judge(replace(run, steps=late), asked(plan))
    assert verdict.outcome == Outcome.UNKNOWN
    assert "between the clean control and the window" in verdict.reasons[0]


def test_slots_that_dtx_left_out_are_a_kind() -> None:
    """The clock goes on without a number: with DTX asked for nobody's loss, without it the client host's."""
    run = recording(Plan())
    hole = replace(run, taps=tuple(replace(tap, packets=skipped(tap.packets)) for tap in run.taps))
    assert judge(hole, asked(Plan())).owner == Owner.CLIENT_HOST
    wanted = replace(asked(Plan()), media=Media(duration_ms=4000, dtx=True))
    verdict = judge(hole, wanted)
    assert (verdict.outcome, verdict.owner) == (Outcome.PASS, Owner.NONE)
    frames = verdict.flows[0].frames
    assert (frames.kinds, frames.decodable, frames.lost) == ({"dtx": 20.0}, 180.0, 0.0)
    assert judge(run, wanted).flows[0].frames.kinds == {}


def skipped(packets: Packets) -> Packets:
    """Return `packets` without twenty in the window, the numbers behind them closed up."""
    ordinal = (packets["seq"].astype(np.int64) - Plan().first_seq) % 2**16 - LEAD
    kept = packets[(ordinal < FIRST + 50) | (ordinal >= FIRST + 70)].copy()
    behind = (kept["seq"].astype(np.int64) - Plan().first_seq) % 2**16 - LEAD >= FIRST + 70
    kept["seq"] -= (20 * behind).astype(np.uint16)
    return kept


def test_a_server_that_nobody_watched_may_have_been_starved() -> None:
    """Its loss is the server's or its load's, and the file that would tell is named; without loss nobody asks."""
    unwatched = replace(recording(Plan(server_lost=at(*range(50, 70)))), cgroups={})
    run = judge(unwatched, asked(Plan()))
    assert (run.outcome, run.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert run.reasons[0].startswith("host/cgroup-server.jsonl")
    assert judge(replace(recording(Plan()), cgroups={}), asked(Plan())).outcome == Outcome.PASS


def test_broken_evidence_decides_nothing() -> None:
    """Neither pass nor failure nor void, and the run, its flow and the table say which piece it is."""
    for plan in (Plan(), Plan(skips=range(FIRST + 19, FIRST + 200, 20)), Plan(late_ms=500.0)):
        broken = replace(recording(plan), broken=("captures/core.pcap: changed since it was sealed",))
        run = judge(broken, asked(plan))
        assert (run.outcome, run.owner, run.void) == (Outcome.UNKNOWN, Owner.UNDECIDED, ())
        assert run.flows[0].outcome == Outcome.UNKNOWN
        assert run.reasons == ("captures/core.pcap: changed since it was sealed",)
        assert render(run, "x").count("changed since it was sealed") == 1


@pytest.mark.parametrize(
    "options",
    ["[]", "{", '{"delay": 3}', '{"delay": {"delay": "1ms"}}', '{"rate": 50000}', '{"rate": 0}', '{"rate": -1}'],
)
def test_what_the_kernel_cannot_have_said_is_named(options: str) -> None:
    """Never a traceback: UNKNOWN, with file, client and direction."""
    run = recording(Plan())

    def edited(one: DirectionState) -> DirectionState:
        kind = "20:" if "rate" in options else "2:"
        return replace(
            one, qdiscs=tuple(replace(q, options_json=options) if q.handle == kind else q for q in one.qdiscs)
        )

    steps = tuple(replace(step, directions=tuple(map(edited, step.directions))) for step in run.steps)
    verdict = judge(replace(run, steps=steps), asked(Plan()))
    assert verdict.outcome == Outcome.UNKNOWN
    assert verdict.reasons[0].startswith("router/steps.jsonl: publisher ")


def test_counters_that_were_not_read_leave_the_hop_undecided() -> None:
    """Without steps a link has one witness: what died there is nobody's, and the reason names the file."""
    run = replace(recording(Plan(up_lost=at(*range(50, 70)))), steps=())
    verdict = judge(run, asked(Plan()))
    assert (verdict.outcome, verdict.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert any("uplink: router/steps.jsonl" in reason for reason in verdict.reasons)


def test_a_subscriber_that_joined_again_is_followed() -> None:
    """Half of the stream came under another SSRC, or the server moved its numbers: every frame is found."""
    run = recording(Plan(down_lost=at(80, 81, 150)))

    def renumbered(packets: Packets, **changes: int) -> Packets:
        changed = packets.copy()
        second = (changed["ssrc"] == DOWN_SSRC) & (changed["t_ns"] > GO_NS + 3000 * MS)
        for name, value in changes.items():
            changed[name] = np.where(second, value if name == "ssrc" else changed[name] + value, changed[name])
        return changed

    again = tuple(replace(tap, packets=renumbered(tap.packets, ssrc=444)) for tap in run.taps)
    samples = tuple(replace(one, ssrc=444) if one.t_ns > GO_NS + 3000 * MS else one for one in run.clients[1].inbound)
    clients = (run.clients[0], replace(run.clients[1], inbound=samples))
    expected = judge(run, asked(Plan())).flows[0]
    rejoined = judge(replace(run, taps=again, clients=clients), asked(Plan())).flows[0]
    moved = tuple(replace(tap, packets=renumbered(tap.packets, seq=3000)) for tap in run.taps)
    muted = judge(replace(run, taps=moved), asked(Plan())).flows[0]
    assert expected.frames.lost == 1
    assert (rejoined.frames, rejoined.hops) == (expected.frames, expected.hops)
    assert (muted.frames, muted.hops) == (expected.frames, expected.hops)


def test_numbers_that_nobody_can_follow_are_unknown() -> None:
    """Behind the server every packet has a number of its own: UNKNOWN, not the server's loss."""
    run = recording(Plan())
    rng = np.random.default_rng(3)

    def scrambled(packets: Packets) -> Packets:
        changed = packets.copy()
        down = changed["ssrc"] == DOWN_SSRC
        changed["seq"][down] = rng.integers(0, 2**16, int(down.sum()))
        return changed

    verdict = judge(replace(run, taps=tuple(replace(t, packets=scrambled(t.packets)) for t in run.taps)), asked(Plan()))
    assert (verdict.outcome, "by their numbers" in verdict.reasons[0]) == (Outcome.UNKNOWN, True)
