"""From made-up recordings to verdicts: the ledger balances, and each fault finds its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Hop, Outcome, Owner, RunVerdict
from lab.evidence.recording import Recording
from lab.evidence.values import FrameLine
from lab.report.json import dumps
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import Plan, first_measured, recording

FIRST = first_measured(Plan())
"""The window's first frame, which packet FIRST carries."""


def at(*offsets: int) -> tuple[int, ...]:
    """Return ordinals counted from the window's first packet."""
    return tuple(FIRST + offset for offset in offsets)


def asked(plan: Plan, expect: Mapping[str, Sequence[str]] = DEFAULT) -> Asked:
    """Return what a scenario with these expectations asks."""
    return Asked(media=Media(duration_ms=plan.media * 20), expect=tuple(expectations(expect)))


def judged(plan: Plan, expect: Mapping[str, Sequence[str]] = DEFAULT) -> RunVerdict:
    """Judge what `plan` leaves."""
    return judge(recording(plan), asked(plan, expect))


def hop(flow: FlowVerdict, name: str) -> Hop:
    """Return the row of a hop."""
    return next(row for row in flow.hops if row.name == name)


def test_a_clean_run_loses_nothing() -> None:
    """200 frames made, all decodable, nothing at any hop, nobody to blame."""
    run = judged(Plan())
    flow = run.flows[0]
    assert (run.outcome, run.owner, run.void) == (Outcome.PASS, Owner.NONE, ())
    assert (flow.frames.made, flow.frames.decodable, flow.frames.unexplained) == (200, 200, 0)
    assert [row.packets_dropped for row in flow.hops[1:5]] == [0, 0, 0, 0]
    assert [row.name for row in flow.hops] == ["push", "send", "uplink", "server", "downlink", "playout"]


def test_split_frames_share_their_packets() -> None:
    """Split over two packets, 200 frames take 201, and a lost pair costs two halves of two frames."""
    plan = Plan(phase_ms=10, up_lost=at(10, 11))
    flow = judged(plan).flows[0]
    assert hop(flow, "send").packets_in == 201
    assert (flow.frames.lost, hop(flow, "uplink").repaired) == (1.0, {"red": 1.0})


def test_drops_are_counted_repaired_and_charged() -> None:
    """Seven packets dropped up: one alone, a pair, a triple, one more: 3 frames lost, 4 repaired by RED."""
    run = judged(Plan(up_lost=at(3, 10, 11, 40, 41, 42, 90)))
    row = hop(run.flows[0], "uplink")
    assert (row.packets_in, row.packets_dropped, row.causes) == (200, 7, {"random": 7})
    assert (row.frames_lost, row.repaired) == (3.0, {"red": 4.0})
    assert (run.outcome, run.owner) == (Outcome.PASS, Owner.UPLINK)


def test_in_band_fec_saves_one_more_of_a_burst() -> None:
    """While FEC flows, a pair is repaired whole and a triple loses one."""
    flow = judged(Plan(up_lost=at(10, 11, 40, 41, 42), fec=True)).flows[0]
    assert hop(flow, "uplink").frames_lost == 1.0
    assert hop(flow, "uplink").repaired == {"red": 2.0, "fec": 2.0}


def test_the_last_copy_decides_the_hop_and_the_other_contributes() -> None:
    """Packet dropped up, its RED copy dropped down: the downlink's loss, to which the uplink contributed."""
    flow = judged(Plan(up_lost=at(10), down_lost=at(11))).flows[0]
    assert (hop(flow, "uplink").frames_lost, hop(flow, "downlink").frames_lost) == (0.0, 1.0)
    assert (hop(flow, "uplink").contributing, hop(flow, "downlink").contributing) == (1.0, 0.0)


def test_an_altered_packet_is_lost_on_its_link_as_corrupt() -> None:
    """Bits flipped behind the uplink's bump: the server never forwards it, the uplink dropped it."""
    row = hop(judged(Plan(up_altered=at(20, 21))).flows[0], "uplink")
    assert (row.packets_dropped, row.causes, row.frames_lost) == (2, {"corrupt": 2}, 1.0)


def test_what_the_server_swallows_is_the_servers() -> None:
    """Twenty packets in a row that went in and never out: 19 frames, CODE/server, and the default expectation fails."""
    run = judged(Plan(server_lost=at(*range(50, 70))))
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.SERVER)
    assert hop(run.flows[0], "server").frames_lost == 19.0


def test_numbers_missing_at_the_first_tap_are_the_client_hosts() -> None:
    """The SDK numbered them, nobody saw them."""
    run = judged(Plan(host_lost=at(*range(50, 60))))
    assert run.owner == Owner.CLIENT_HOST
    assert hop(run.flows[0], "send").packets_dropped == 10


STALLS = {FIRST + 10 + 30 * i: 400 for i in range(5)}


@pytest.mark.parametrize("phase_ms", [0, 10])
def test_stalls_are_inserted_silence_of_the_client(phase_ms: int) -> None:
    """Five stalls of 400 ms, 60 ms of it pushed ahead: 340 ms missing each, none of it lost, right to 0.2 points."""
    run = judged(Plan(stalls=STALLS, phase_ms=phase_ms))
    flow = run.flows[0]
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.CLIENT)
    assert flow.frames.lost == 0
    assert flow.damage[Owner.CLIENT] == pytest.approx(5 * 340 / 4000, abs=0.002)
    assert flow.damage.keys() == {Owner.CLIENT}


def test_skips_are_lost_frames_and_their_holes_count_once() -> None:
    """Every 20th of 200 frames is never pushed; silence that stands for one is not charged again: 5.0 points."""
    run = judged(Plan(skips=range(FIRST + 19, FIRST + 200, 20)))
    assert run.owner == Owner.CLIENT
    assert run.flows[0].damage == {Owner.CLIENT: 0.05}
    assert (run.flows[0].frames.lost, run.flows[0].frames.inserted_ms) == (10.0, {})


def starved(*, throttled: bool) -> Plan:
    """Return a run in which the server held twenty packets back until they all left together."""
    held = {FIRST + 100 + i: 400.0 - 20 * i for i in range(20)}
    return Plan(server_delay_ms=held, concealed_frames=15, throttled=throttled)


@pytest.mark.parametrize(("throttled", "owner"), [(True, Owner.LOAD), (False, Owner.SERVER)])
def test_late_audio_is_charged_to_the_hop_that_was_slow(throttled: bool, owner: Owner) -> None:
    """Nothing dropped, 15 frames concealed while the server held packets: 15 late ones, its load's if throttled."""
    run = judged(starved(throttled=throttled))
    row = hop(run.flows[0], "server")
    assert (run.outcome, run.owner) == (Outcome.FAIL, owner)
    assert (row.packets_dropped, row.frames_lost, row.late) == (0, 15.0, 15.0)


def test_lateness_needs_both_witnesses() -> None:
    """Packets late without concealment were played; concealment without late packets is shown and nobody's."""
    assert judged(replace(starved(throttled=True), concealed_frames=0)).owner == Owner.NONE
    flow = judged(Plan(concealed_frames=15)).flows[0]
    assert (flow.owner, flow.frames.lost) == (Owner.NONE, 0)
    assert "more than drops and lateness explain" in hop(flow, "playout").note


def test_concealment_that_drops_explain_is_not_late() -> None:
    """Of 15 concealed frames 5 were lost on the uplink among the held ones: 10 are late."""
    plan = replace(starved(throttled=False), up_lost=at(*range(100, 106)))
    flow = judged(plan).flows[0]
    assert (hop(flow, "uplink").frames_lost, hop(flow, "server").late) == (5.0, 10.0)


def test_a_configured_delay_makes_nothing_late() -> None:
    """From the impairment on everything is 60 ms later, which the kernel says it does: concealment is only shown."""
    plan = Plan(up_delay_ms={FIRST + n: 60.0 for n in range(240)}, concealed_frames=3)
    run = recording(plan)
    assert judge(run, asked(plan)).flows[0].frames.lost == 3
    assert judge(told_delay(run, "0.06"), asked(plan)).flows[0].frames.lost == 0


@pytest.mark.parametrize("held_ms", [80.0, 130.0])
@pytest.mark.parametrize("from_start", [True, False])
def test_a_delay_that_the_control_had_too_hides_nothing(from_start: bool, held_ms: float) -> None:
    """100 ms on the uplink, from the start or from the impairment on: the server's own 80 or 130 ms are late."""
    slow = dict.fromkeys(range(-25 if from_start else FIRST, FIRST + 240), 100.0)
    held = {FIRST + 100 + i: held_ms for i in range(10)}
    plan = Plan(up_delay_ms=slow, server_delay_ms=held, concealed_frames=10)
    run = recording(plan)
    late = replace(run.clients[1], inbound=recording(replace(plan, up_delay_ms={})).clients[1].inbound)
    told = told_delay(replace(run, clients=(run.clients[0], late)), "0.1", from_start=from_start)
    assert hop(judge(told, asked(plan)).flows[0], "server").late == 10.0


def told_delay(run: Recording, seconds: str, *, from_start: bool = False) -> Recording:
    """Return the run with the kernel saying that the uplink's netem held this delay, since the impairment."""
    options = f'{{"delay": {{"delay": {seconds}, "jitter": 0.0}}}}'
    steps = tuple(
        replace(
            step,
            directions=tuple(
                replace(
                    one,
                    qdiscs=tuple(replace(q, options_json=options) if q.handle == "2:" else q for q in one.qdiscs),
                )
                if (one.client, one.direction) == ("publisher", "up")
                else one
                for one in step.directions
            ),
        )
        if from_start or step.name != "clean"
        else step
        for step in run.steps
    )
    return replace(run, steps=steps)


def test_a_push_that_comes_between_two_ticks_is_still_late() -> None:
    """65 ms late with 60 ms pushed ahead: 10 ms of silence, the client's, in the very packet that brings the block."""
    plan = Plan(stalls={FIRST + 20: 65})
    flow = judged(plan).flows[0]
    assert flow.frames.inserted_ms == {Owner.CLIENT: 10.0}


@pytest.mark.parametrize(("taken", "owner"), [("late", Owner.CLIENT_HOST), ("in time", Owner.SDK)])
def test_silence_although_pushed_in_time_is_not_the_clients(taken: str, owner: Owner) -> None:
    """The frame was handed over 400 ms before; whose the silence is depends on when the SDK said it had it."""
    plan = Plan(stalls={FIRST + 20: 400})
    run = recording(plan)

    def handed_over(line: FrameLine) -> FrameLine:
        if line.frame != FIRST + 20:
            return line
        returned_ns = line.returned_ns if taken == "late" else line.available_ns
        return replace(line, pushed_ns=line.available_ns, returned_ns=returned_ns)

    publisher = replace(run.clients[0], frames=tuple(map(handed_over, run.clients[0].frames)))
    verdict = judge(replace(run, clients=(publisher, run.clients[1])), asked(plan))
    assert verdict.flows[0].frames.inserted_ms == {owner: 340.0}


WAITED = {
    1.0: {Owner.BACKEND: 340.0},
    0.6: {Owner.BACKEND: 200.0, Owner.CLIENT: 140.0},
    0.1: {Owner.BACKEND: 30.0, Owner.CLIENT: 310.0},
    1 / 340: {Owner.CLIENT: 340.0},
}


@pytest.mark.parametrize("share", WAITED)
def test_audio_that_the_program_did_not_have_is_its_backends(share: float) -> None:
    """The same stall, and the frame was available only when it was late by so much of that: each waits for its own."""
    plan = Plan(stalls={FIRST + 20: 400})
    run = recording(plan)

    def came_late(line: FrameLine) -> FrameLine:
        assert line.pushed_ns is not None
        came_ns = line.scheduled_ns + int(share * (line.pushed_ns - line.scheduled_ns))
        return replace(line, available_ns=came_ns) if line.frame == FIRST + 20 else line

    publisher = replace(run.clients[0], frames=tuple(map(came_late, run.clients[0].frames)))
    verdict = judge(replace(run, clients=(publisher, run.clients[1])), asked(plan))
    assert verdict.flows[0].frames.inserted_ms == WAITED[share]


def test_what_was_waited_for_and_then_not_pushed_is_still_the_backends() -> None:
    """One frame came 340 ms late and was thrown away; the program had the next one, and pushes it at once."""
    plan = Plan(skips=(FIRST + 20,), stalls={FIRST + 21: 400})
    run = recording(plan)
    came_ns = next(line.pushed_ns for line in run.clients[0].frames if line.frame == FIRST + 21)
    late = (replace(one, available_ns=came_ns) if one.frame == FIRST + 20 else one for one in run.clients[0].frames)
    publisher = replace(run.clients[0], frames=tuple(late))
    verdict = judge(replace(run, clients=(publisher, run.clients[1])), asked(plan))
    assert verdict.flows[0].frames.inserted_ms == {Owner.BACKEND: 340.0}


def test_what_was_waited_for_and_then_refused_is_still_the_backends() -> None:
    """One frame came 340 ms late and the SDK refused it; the next one was there, and is pushed at once."""
    plan = Plan(skips=(FIRST + 20,), stalls={FIRST + 21: 400})
    run = recording(plan)
    came_ns = next(line.pushed_ns for line in run.clients[0].frames if line.frame == FIRST + 21)
    refused = {"available_ns": came_ns, "pushed_ns": came_ns, "error": "RtcError: InvalidState"}
    late = (replace(one, **refused) if one.frame == FIRST + 20 else one for one in run.clients[0].frames)
    publisher = replace(run.clients[0], frames=tuple(late))
    verdict = judge(replace(run, clients=(publisher, run.clients[1])), asked(plan))
    assert verdict.flows[0].frames.inserted_ms == {Owner.BACKEND: 340.0}


def test_witnesses_that_disagree_may_not_be_blamed() -> None:
    """The kernel counted five drops more than the taps: the uplink is undecided, and it matters for the answer."""
    run = judged(Plan(up_lost=at(*range(50, 70)), miscounted=5))
    assert (run.outcome, run.owner) == (Outcome.UNKNOWN, Owner.UNDECIDED)
    assert hop(run.flows[0], "uplink").undecided


def test_drops_by_a_full_queue_are_told_from_random_ones() -> None:
    """Both counters moved: as many drops as the queue counted, those behind the slowest packets, are the queue's."""
    slow = {FIRST + 50 + i: 8.0 * min(i, 4) for i in range(10)}
    plan = Plan(up_lost=at(20, 56, 58, 120), up_delay_ms=slow, queue_drops=2)
    assert hop(judged(plan).flows[0], "uplink").causes == {"queue": 2, "random": 2}


def test_the_judge_is_blind_to_what_was_injected(tmp_path: Path) -> None:
    """The same recording with links, timeline, inject and server taken out of its scenario: the same bytes."""
    plan = Plan(up_lost=at(10, 11))
    kept = "version: 1\nname: made-up\nmedia: {duration: 4s}\nexpect: {audio_loss: ['<= 3%', '<= network + 0.5%']}\n"
    injected = (
        "links: {publisher: {up: {loss: 20%, delay: 30ms}}}\n"
        "timeline: [{at: 2s, links: {publisher: {up: {outage: true}}}}]\n"
        "inject: [{stall: {client: publisher, length: 400ms, times: 3}}]\n"
        "server: {after_join: {cpus: 0.02}}\n"
    )
    found = []
    for text in (kept + injected, kept):
        (tmp_path / "scenario.yaml").write_text(text)
        found.append(dumps([judge(recording(plan, tmp_path))]))
    assert found[0] == found[1]
    assert '"metric": "audio_loss"' in found[0]


MISSING = {
    "the core capture": lambda run: replace(run, taps=tuple(tap for tap in run.taps if tap.place != "core")),
    "frames of publisher": lambda run: replace(run, clients=(replace(run.clients[0], frames=()), run.clients[1])),
    "statistics": lambda run: replace(run, clients=(replace(run.clients[0], outbound=()), run.clients[1])),
    "evidence of client": lambda run: replace(run, clients=run.clients[1:]),
    "names no server": lambda run: replace(run, manifest=replace(run.manifest, server=None)),
    "before the media": lambda run: replace(
        run, manifest=replace(run.manifest, marks=replace(run.manifest.marks, media_from_ns=None))
    ),
}


@pytest.mark.parametrize("words", MISSING)
def test_a_missing_piece_is_unknown_and_named(words: str) -> None:
    """Never a traceback: UNKNOWN, with the piece's name among the reasons."""
    plan = Plan()
    broken: Recording = MISSING[words](recording(plan))
    run = judge(broken, asked(plan))
    assert run.outcome == Outcome.UNKNOWN
    assert any(words in reason for reason in run.reasons)


def test_a_short_run_cannot_pass() -> None:
    """150 of 200 frames made: what there is may fail, but not pass."""
    run = judged(Plan(frames=FIRST + 150))
    assert run.outcome == Outcome.UNKNOWN
    assert "only 150 of 200 frames" in run.reasons[0]


def test_a_verdict_expected_and_found_passes() -> None:
    """`verdict: CODE/client` is answered with the default expectations, and met makes the run a pass."""
    plan = Plan(skips=range(FIRST + 19, FIRST + 200, 20))
    run = judged(plan, {"verdict": ["CODE/client"]})
    assert (run.outcome, run.owner) == (Outcome.PASS, Owner.CLIENT)
    assert judged(plan, {"verdict": ["CODE/load", "CODE/server"]}).outcome == Outcome.FAIL
    both = judged(plan, {"verdict": ["CODE/client"], "lost_frames": ["== 0"]})
    assert both.outcome == Outcome.FAIL, "an expectation beside the verdict still counts"


def test_judging_twice_gives_the_same_bytes() -> None:
    """No clock, no dice."""
    plan = Plan(up_lost=at(10, 11, 40, 41), concealed_frames=3)
    assert dumps([judged(plan)]) == dumps([judged(plan)])
