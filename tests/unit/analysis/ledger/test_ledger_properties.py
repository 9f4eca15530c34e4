"""The ledger balances whatever happens to whichever packet at whichever hop, and only what matters matters."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Frames, Outcome, Owner, RunVerdict
from lab.evidence.recording import Recording
from lab.report.json import dumps
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import Plan, recording
from tests.unit.analysis.chance import ARRIVED, FIRST, HOPS, MEDIA, Fates, drawn, fates, shifted, with_ssrcs

ASKED = Asked(media=Media(duration_ms=MEDIA * 20), expect=tuple(expectations(DEFAULT)))
MECHANISMS = [Plan(), Plan(fec=True), Plan(red=False), Plan(red=False, fec=True)]
PLANS = [replace(plan, phase_ms=phase_ms) for plan in MECHANISMS for phase_ms in (0, 10)]
SPOILED = Fates(happens={i: frozenset({"up_lost"}) for i in (3, 10, 11, 40, 41, 42, 90)} | {
    i: frozenset({"down_lost", "up_copied"}) for i in (60, 61, 62)
} | {i: frozenset({"up_delay_ms"}) for i in (120, 130)})  # fmt: skip


def judged(plan: Plan) -> RunVerdict:
    """Judge what `plan` leaves."""
    return judge(recording(plan), ASKED)


def balance(frames: Frames) -> float:
    """Return made less everything it is accounted for by."""
    came = frames.decodable if frames.heard is None else frames.heard
    return frames.made - came - frames.lost - frames.unexplained - sum(frames.kinds.values())


def lost_at(fate: Fates, plan: Plan) -> dict[str, float]:
    """Return the frames lost per hop, by hand: a half frame is lost where the copy that got furthest died."""
    copies = 1 + plan.red + (plan.fec if plan.red else 0) + (plan.fec and not plan.red)
    found = dict.fromkeys(HOPS, 0.0)
    for block in range(2 * MEDIA):
        packet = (block - (plan.phase_ms == 10)) // 2
        furthest = max(fate.died(packet + copy) for copy in range(copies))
        if furthest != ARRIVED:
            found[HOPS[furthest]] += 0.5
    return found


def assert_balanced(flow: FlowVerdict) -> None:
    """Packets per hop, frames end to end, and the hops' losses are all the losses."""
    assert balance(flow.frames) == 0
    assert flow.frames.lost == sum(row.frames_lost or 0.0 for row in flow.hops)
    rows = {row.name: row for row in flow.hops}
    for here, then in pairwise((*HOPS, "playout")):
        assert rows[then].packets_in == rows[here].packets_in - rows[here].packets_dropped
    for name in ("uplink", "downlink"):
        assert sum(rows[name].causes.values()) <= rows[name].packets_dropped


@drawn(16)
@given(fate=fates(), plan=st.sampled_from(PLANS))
def test_whatever_happens_to_packets_is_accounted_for_where_it_happened(fate: Fates, plan: Plan) -> None:
    """Lost, altered, copied, out of order, at every hop, in both push phases: balanced, and by hand the same."""
    flow = judged(fate.plan(plan)).flows[0]
    assert flow.frames.made == MEDIA
    assert flow.frames.unexplained == 0
    assert_balanced(flow)
    assert {row.name: row.frames_lost for row in flow.hops if row.name in HOPS} == lost_at(fate, plan)


@drawn(9)
@given(fate=fates(), plan=st.sampled_from(PLANS))
def test_every_packet_is_counted_where_it_died(fate: Fates, plan: Plan) -> None:
    """In and dropped per hop are those of the packets that carry the window, each killed once."""
    flow = judged(fate.plan(plan)).flows[0]
    ends = [fate.died(i) for i in range(-(plan.phase_ms == 10), MEDIA)]
    dropped = {name: ends.count(at) for at, name in enumerate(HOPS)}
    entered = {name: sum(end >= at for end in ends) for at, name in enumerate(HOPS)}
    assert {row.name: row.packets_dropped for row in flow.hops if row.name in HOPS} == dropped
    assert {row.name: row.packets_in for row in flow.hops if row.name in HOPS} == entered


@drawn(9)
@given(
    fate=fates(),
    skips=st.frozensets(st.integers(FIRST, FIRST + MEDIA - 1), max_size=12),
    stalls=st.dictionaries(st.integers(FIRST, FIRST + MEDIA - 1), st.integers(50, 500), max_size=3),
    phase_ms=st.sampled_from([0, 7, 10]),
)
def test_the_programs_faults_and_the_networks_balance_together(
    fate: Fates, skips: frozenset[int], stalls: dict[int, int], phase_ms: int
) -> None:
    """Frames never pushed, pushes late, and packets dying everywhere at once: nothing is counted twice or never."""
    plan = fate.plan(Plan(phase_ms=phase_ms, skips=sorted(skips), stalls=stalls))
    flow = judged(plan).flows[0]
    assert_balanced(flow)
    assert flow.frames.unexplained == 0
    assert min(flow.damage.values(), default=0) >= 0


@drawn(7)
@given(fate=fates(), plan=st.sampled_from(PLANS))
def test_nobody_is_blamed_for_what_another_did(fate: Fates, plan: Plan) -> None:
    """Packets that only the links harmed blame no code, and packets that only code lost blame no link."""
    network = Fates(happens={i: what - {"host_lost", "server_lost"} for i, what in fate.happens.items()})
    links = {"up_lost", "up_altered", "down_lost", "down_altered"}
    code = Fates(happens={i: what - links for i, what in fate.happens.items()})
    assert {owner.partition("/")[0] for owner in judged(network.plan(plan)).flows[0].damage} <= {"NETWORK", "UNDECIDED"}
    assert {owner.partition("/")[0] for owner in judged(code.plan(plan)).flows[0].damage} <= {"CODE"}


@cache
def spoiled() -> tuple[Recording, str]:
    """Return a run with something wrong on every hop, and its verdict."""
    run = recording(SPOILED.plan(Plan(stalls={FIRST + 150: 400}, concealed_frames=3)))
    return run, dumps([judge(run, ASKED)])


@drawn(7)
@given(
    first_seq=st.integers(0, 2**16 - 1),
    first_ts=st.integers(0, 2**32 - 1),
    wraps_at=st.integers(0, 300),
    down_shift=st.sampled_from([0, 1, 700, 2**15]),
)
def test_wherever_numbers_wrap_the_verdict_is_the_same(
    first_seq: int, first_ts: int, wraps_at: int, down_shift: int
) -> None:
    """16-bit sequence numbers and 32-bit timestamps (RFC 3550) that begin and wrap anywhere change no byte."""
    plan = SPOILED.plan(Plan(stalls={FIRST + 150: 400}, concealed_frames=3))
    begun = replace(plan, first_seq=first_seq, first_ts=first_ts, ssrc_down_shift=down_shift)
    wrapping = replace(plan, first_seq=2**16 - wraps_at, first_ts=2**32 - wraps_at * 960 - 7)
    assert {dumps([judged(begun)]), dumps([judged(wrapping)])} == {spoiled()[1]}


@drawn(5)
@given(by_ns=st.integers(-(10**18), 10**18))
def test_when_it_all_happened_does_not_matter(by_ns: int) -> None:
    """All moments earlier or later: the same bytes."""
    run, verdict = spoiled()
    assert dumps([judge(shifted(run, by_ns), ASKED)]) == verdict


@drawn(5)
@given(ssrcs=st.lists(st.integers(1, 2**32 - 1), min_size=2, max_size=2, unique=True))
def test_what_the_streams_are_called_does_not_matter(ssrcs: list[int]) -> None:
    """Other SSRCs: the same bytes."""
    run, verdict = spoiled()
    assert dumps([judge(with_ssrcs(run, *ssrcs), ASKED)]) == verdict


@pytest.mark.parametrize("harm", ["up_lost", "down_lost", "server_lost", "host_lost"])
def test_a_longer_stretch_costs_more_and_nobody_else(harm: str) -> None:
    """More packets gone at one hop never cost that hop fewer frames, and never make another owner pay."""
    lost = []
    for length in (0, 7, 54):
        fate = Fates(happens={i: frozenset({harm}) for i in range(40, 40 + length)})
        run = judged(fate.plan(Plan()))
        lost.append(run.flows[0].frames.lost)
        assert len(run.flows[0].damage) <= 1
        assert run.outcome in (Outcome.PASS, Outcome.FAIL)
        assert run.owner == Owner.NONE or run.owner in run.flows[0].damage
    assert lost == sorted(lost)
    assert lost[-1] == 53
