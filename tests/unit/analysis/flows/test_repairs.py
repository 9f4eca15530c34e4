"""What repaired a frame is inferred from the run, and unknown where somebody contradicts it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked, case_of
from lab.analysis.flows.flow import follow
from lab.analysis.flows.repairs import repairs, unreliable
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome, Owner, Repair
from lab.evidence.recording import Recording
from lab.evidence.values import InboundSample, Packets
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import DOWN_SSRC, GO_NS, MS, Plan, first_measured, recording
from tests.unit.analysis.hearing import Hearing, heard

FIRST = first_measured(Plan())
ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
SINGLES = [FIRST + n for n in range(10, 190, 10)]
PAIRS = sorted([*SINGLES, *(n + 1 for n in SINGLES)])
COUNTS = ("total_samples_received", "concealed_samples", "silent_concealed_samples", "packets_received")


def verdict(run: Recording) -> FlowVerdict:
    """Judge the only flow."""
    (flow,) = judge(run, ASKED).flows
    return flow


def long(run: Recording, length: int) -> Recording:
    """Return the run with packets of `length` bytes on the wire."""

    def resized(packets: np.ndarray) -> np.ndarray:
        packets = packets.copy()
        packets["length"] = length
        return packets

    return replace(run, taps=tuple(replace(tap, packets=resized(tap.packets)) for tap in run.taps))


def test_red_is_inferred_and_the_ear_agrees() -> None:
    """Eighteen lone drops: all repaired one packet later, and heard."""
    (red,) = verdict(long(heard(Plan(up_lost=SINGLES), Hearing()), 320)).repairs
    assert (red.mechanism, red.depth, red.frames, red.heard, red.unknown) == ("red", 1, 18, 18, "")


def test_in_band_fec_sits_two_packets_behind_with_red_and_one_without() -> None:
    """Pairs of drops are saved by FEC inside the RED copy; without RED, lone drops are saved by the next packet."""
    found = {one.mechanism: one for one in verdict(heard(Plan(up_lost=PAIRS, fec=True), Hearing())).repairs}
    assert (found["fec"].depth, found["fec"].frames, found["fec"].heard) == (2, 18, 18)
    (fec,) = verdict(heard(Plan(up_lost=SINGLES, fec=True, red=False), Hearing())).repairs
    assert (fec.mechanism, fec.depth, fec.frames, fec.heard) == ("fec", 1, 18, 18)


@pytest.mark.parametrize(("length", "depth"), [(194, 0), (320, 1), (446, 2)])
def test_depth_is_read_from_lengths(length: int, depth: int) -> None:
    """A packet of 20 ms at 48 kbit/s, with none, one and two copies of earlier audio."""
    (red,) = verdict(long(recording(Plan(up_lost=SINGLES)), length)).repairs
    assert red.depth == depth
    assert bool(red.unknown) == (depth != 1)


def test_a_repair_that_the_ear_denies_is_unknown() -> None:
    """Eighteen pairs are said to be saved by FEC, and hold the sound before them: UNKNOWN, naming the repair."""
    flow = verdict(heard(Plan(up_lost=PAIRS, fec=True), Hearing(repeated=PAIRS)))
    assert flow.outcome == Outcome.UNKNOWN
    assert "repair by fec" in flow.reasons[0]


def test_without_an_ear_the_repair_stands_on_the_count_alone() -> None:
    """No sound: inferred all the same, and nobody says how many were heard."""
    assert {one.heard for one in verdict(recording(Plan(up_lost=PAIRS, fec=True))).repairs} == {None}


def test_little_hangs_on_a_repair_that_saved_little() -> None:
    """An unknown repair of one frame makes nothing unknown."""
    case = case_of(recording(Plan()), ASKED)
    ((publisher, subscriber),) = case.scene.pairs
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    one = Repair(mechanism="fec", depth=2, evidence="", frames=0.5, heard=0.0, unknown="denied")
    assert unreliable(flow, [one]) == ()
    assert unreliable(flow, [replace(one, frames=1.0)]) == ("repair by fec: denied; 1 frames hang on it",)
    assert repairs(case.scene, flow, case.times, 48_000)[0].frames == 0


def test_concealment_that_is_too_little_says_that_something_else_saved_it() -> None:
    """Thirty-six frames without a copy, and NetEQ made up five of them; 0 is what it says when it was not asked."""
    flow = verdict(heard(Plan(up_lost=PAIRS, red=False), Hearing(concealed={FIRST + 10: 4800})))
    assert flow.outcome == Outcome.UNKNOWN
    assert "NetEQ made up 5 frames, and 36 are lost without any repair" in flow.reasons[0]
    silent = verdict(heard(Plan(up_lost=PAIRS, red=False), Hearing()))
    assert silent.outcome == Outcome.PASS


def subscribed_again(run: Recording, from_ns: int) -> Recording:
    """Return the run with another stream to the listener from then on, whose counts begin anew."""
    publisher, listener = run.clients
    last = [sample for sample in listener.inbound if sample.t_ns < from_ns][-1]

    def anew(sample: InboundSample) -> InboundSample:
        grown = {name: getattr(sample, name) - getattr(last, name) for name in COUNTS}
        return sample if sample.t_ns < from_ns else replace(sample, ssrc=DOWN_SSRC + 1, **grown)

    def renamed(packets: Packets) -> Packets:
        packets = packets.copy()
        packets["ssrc"][(packets["ssrc"] == DOWN_SSRC) & (packets["t_ns"] >= from_ns)] = DOWN_SSRC + 1
        return packets

    again = replace(listener, inbound=tuple(map(anew, listener.inbound)))
    taps = tuple(replace(tap, packets=renamed(tap.packets)) for tap in run.taps)
    return replace(run, taps=taps, clients=(publisher, again))


def test_what_was_made_up_is_counted_on_through_another_subscription() -> None:
    """Thirty-six frames are lost and thirty-six made up: no contradiction where the count begins anew half way."""
    run = recording(Plan(down_lost=PAIRS, red=False, concealed_frames=36))
    once, again = verdict(run), verdict(subscribed_again(run, GO_NS + 4_000 * MS))
    assert (once.outcome, once.owner) == (Outcome.PASS, Owner.DOWNLINK)
    assert (again.outcome, again.owner, again.reasons) == (once.outcome, once.owner, once.reasons)


@pytest.mark.parametrize(
    ("pairs", "heard_of_them", "unknown"),
    [(10, 10, True), (10, 5, True), (10, 4, False), (10, 0, False), (9, 9, False)],
)
def test_what_is_heard_and_should_not_have_been_saved_contradicts(
    pairs: int, heard_of_them: int, *, unknown: bool
) -> None:
    """FEC is counted from the 120th packet on; so many pairs died before, and the first of so many of them is heard."""
    early = [FIRST + n for n in range(10, 10 + 10 * pairs, 10)]
    late = [FIRST + n for n in range(140, 180, 10)]
    lost = sorted([*early, *late, *(n + 1 for n in (*early, *late))])
    silent = [n + 1 for n in early] + early[heard_of_them:]
    run = heard(Plan(up_lost=lost), Hearing(silent=silent))
    publisher, subscriber = run.clients
    from_ns = GO_NS + (FIRST + 120) * 20 * MS
    counted = tuple(
        replace(one, fec_packets_received=max(0, (one.t_ns - from_ns) // (20 * MS))) for one in subscriber.inbound
    )
    flow = verdict(replace(run, clients=(publisher, replace(subscriber, inbound=counted))))
    fec = next(one for one in flow.repairs if one.mechanism == "fec")
    words = f"{heard_of_them} of 10 frames were heard that it should not have saved"
    assert fec.unknown == (words if unknown else "")
