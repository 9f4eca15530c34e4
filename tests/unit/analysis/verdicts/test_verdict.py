"""Expectations, owners and exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Cause, Checked, FlowVerdict, Frames, Outcome, Owner, RunVerdict
from lab.analysis.verdicts.verdict import exit_code, reasons_of, unmeasured, worst
from lab.scenario.expectations import expectations
from lab.scenario.metrics import METRICS
from lab.scenario.model import Media
from tests.unit.analysis.build import Plan, first_measured, recording

FIRST = first_measured(Plan())


def judged(plan: Plan, expect: Mapping[str, Sequence[str]]) -> RunVerdict:
    """Judge what `plan` leaves by these expectations."""
    asked = Asked(media=Media(duration_ms=plan.media * 20), expect=tuple(expectations(expect)))
    return judge(recording(plan), asked)


def checked(plan: Plan, metric: str, condition: str) -> Checked:
    """Return the one expectation, checked."""
    return judged(plan, {metric: [condition]}).flows[0].expectations[0]


PAIRS = Plan(
    up_lost=[FIRST + n for n in (10, 11, 30, 31, 32)],
    server_lost=[FIRST + 60, FIRST + 61],
    skips=[FIRST + 100],
    stalls={FIRST + 150: 400},
    concealed_frames=2,
)
"""Lost: 1 + 2 frames up, 1 in the server, 1 never pushed, which leaves 40 ms of the 60 pushed ahead: the stall is heard
for 360 ms, of which 20 stand for that frame."""


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("lost_frames", 5.0),
        ("unexplained_frames", 0.0),
        ("inserted_silence", 340.0),
        ("missing_audio", 5 * 20 + 340.0),
        ("longest_gap", 340.0),
        ("audio_loss", (5 * 20 + 340) / 4000),
        ("network_loss", 3 * 20 / 4000),
        ("code_loss", (2 * 20 + 340) / 4000),
        ("uplink_loss", 5 / 217),
        ("server_loss", 2 / 212),
        ("downlink_loss", 0.0),
    ],
)
def test_every_metric_measures_what_its_name_says(metric: str, value: float) -> None:
    """Against a run made up packet by packet; 217 packets carry 199 pushed frames and 18 of silence."""
    condition = (
        "<= 50%" if metric.endswith("_loss") else "<= 2s" if metric[0] in "ilm" and "_f" not in metric else "<= 9"
    )
    assert checked(PAIRS, metric, condition).value == pytest.approx(value)


def test_every_metric_of_the_table_can_be_measured() -> None:
    """No metric of the closed table is missing here."""
    limits = {"share": "<= 50%", "frames": "<= 10", "count": "<= 10", "ms": "<= 10s"}
    run = judged(PAIRS, {metric.name: [limits[metric.unit]] for metric in METRICS})
    measured = {one.metric: one.value for one in run.flows[0].expectations}
    assert list(measured) == [metric.name for metric in METRICS]
    assert None not in measured.values()


@pytest.mark.parametrize(
    ("condition", "result"), [("<= 15%", "met"), ("<= 3%", "failed"), ("<= 10.2%", "unknown"), ("> 3%", "met")]
)
def test_a_rate_is_answered_by_its_interval(condition: str, result: str) -> None:
    """20 of 200 packets lost one by one, 10 % (6.6 to 14.9): inside, outside, or across the limit."""
    plan = Plan(up_lost=[FIRST + 10 * n for n in range(20)])
    found = checked(plan, "uplink_loss", condition)
    assert found.interval == pytest.approx((0.0657, 0.1494), abs=1e-3)
    assert found.result == result


def test_an_undecided_rate_says_how_long_would_decide() -> None:
    """The run is UNKNOWN, and the reason holds seconds of media."""
    run = judged(Plan(up_lost=[FIRST + 10 * n for n in range(20)]), {"uplink_loss": ["<= 12%"]})
    assert run.outcome == Outcome.UNKNOWN
    assert "needs 17 s more of media (21 s in all)" in run.reasons[0]


def test_a_count_is_compared_exactly() -> None:
    """5 lost frames are not 4."""
    assert checked(PAIRS, "lost_frames", "<= 5").result == "met"
    assert checked(PAIRS, "lost_frames", "<= 4").result == "failed"


@pytest.mark.parametrize("condition", ["<= 50%", "<= 1%"])
def test_a_hop_whose_witnesses_disagree_has_no_rate(condition: str) -> None:
    """RED repaired every frame, but how many packets the uplink lost nobody knows: UNKNOWN, above and below."""
    plan = Plan(up_lost=[FIRST + 10 * n for n in range(20)], miscounted=5)
    run = judged(plan, {"uplink_loss": [condition]})
    assert run.outcome == Outcome.UNKNOWN
    assert run.flows[0].expectations[0].note == "the witnesses of uplink disagree"
    assert judged(plan, {"lost_frames": ["== 0"]}).outcome == Outcome.PASS, "frames do not depend on it"


def test_an_owner_that_was_only_noted_is_no_answer() -> None:
    """The rate is undecided and the uplink its largest part: `verdict: NETWORK/uplink` is not met by that."""
    plan = Plan(up_lost=[FIRST + 20 * n + i for n in range(8) for i in (0, 1)])
    run = judged(plan, {"audio_loss": ["<= 4.1%"], "verdict": ["NETWORK/uplink"]})
    assert (run.outcome, run.flows[0].expectations[-1].result) == (Outcome.UNKNOWN, "unknown")


def test_a_failure_is_not_hidden_by_an_undecided_verdict() -> None:
    """One expectation failed for certain, a rate is undecided: FAIL."""
    plan = Plan(up_lost=[FIRST + 10 * n for n in range(20)])
    assert judged(plan, {"uplink_loss": ["<= 12%", "<= 3%"]}).outcome == Outcome.FAIL


def test_the_owner_is_the_smallest_set_that_would_make_it_hold() -> None:
    """Network and server both lost 10 points: below 15 one of them suffices, below 5 it takes both."""
    up, server = (
        [FIRST + start + n for n in range(21)] for start in (10, 100)
    )  # 21 packets in a row, of which the last frame is repaired
    plan = Plan(up_lost=up, server_lost=server)
    assert judged(plan, {"lost_frames": ["<= 30"]}).owner in (Owner.UPLINK, Owner.SERVER)
    assert judged(plan, {"lost_frames": ["<= 5"]}).owner == Owner.BOTH
    assert judged(plan, {"audio_loss": ["<= network + 0.5%"]}).owner == Owner.SERVER


def test_a_pass_names_owners_from_a_fifth_of_a_point() -> None:
    """One lost frame in 200 is half a point and named; nothing lost is nobody's."""
    assert judged(Plan(up_lost=[FIRST + 5, FIRST + 6]), {"lost_frames": ["<= 3"]}).owner == Owner.UPLINK
    assert judged(Plan(up_lost=[FIRST + 5]), {"lost_frames": ["<= 3"]}).owner == Owner.NONE


def run_of(*outcomes: Outcome) -> RunVerdict:
    """Return a run whose flows ended like this."""
    flows = tuple(
        FlowVerdict(
            publisher="p",
            subscriber=f"s{i}",
            outcome=outcome,
            owner=Owner.NONE,
            frames=Frames(made=None, decodable=None, heard=None, lost=None, inserted_ms={}, unexplained=None),
            hops=(),
            expectations=(),
            damage={Owner.UPLINK: i / 100},
            reasons=(),
        )
        for i, outcome in enumerate(outcomes)
    )
    leading = worst(flows)
    return RunVerdict(
        run="r",
        scenario="s",
        outcome=leading.outcome if leading else Outcome.UNKNOWN,
        owner=Owner.NONE,
        reasons=(),
        void=(),
        netem_driver=None,
        netem_seeded=None,
        seed=None,
        server_version=None,
        gates=(),
        flows=flows,
    )


def test_the_worst_flow_leads_and_among_equals_the_most_damaged() -> None:
    """A proven FAIL goes before UNKNOWN, as its exit code does, UNKNOWN before PASS; two passes go by their damage."""
    run = run_of(Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN)
    assert (run.outcome, exit_code([run])) == (Outcome.FAIL, 1)
    assert run_of(Outcome.UNKNOWN, Outcome.PASS).outcome == Outcome.UNKNOWN
    leading = worst(run_of(Outcome.PASS, Outcome.PASS).flows)
    assert leading is not None
    assert leading.subscriber == "s1"


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((Outcome.PASS,), 0),
        ((Outcome.PASS, Outcome.FAIL), 1),
        ((Outcome.PASS, Outcome.UNKNOWN), 3),
        ((Outcome.VOID,), 3),
        ((Outcome.UNKNOWN, Outcome.FAIL), 1),
        ((), 0),
    ],
)
def test_exit_codes_of_several_runs(outcomes: tuple[Outcome, ...], code: int) -> None:
    """1 before 3 before 0, as the table of exit codes says."""
    assert exit_code(run_of(outcome) for outcome in outcomes) == code


@pytest.mark.parametrize(
    ("faults", "code"), [((2,), 5), ((130,), 5), ((2, 4), 5), ((4, 6), 4), ((6,), 6), ((0,), 0), ((0, 1, 3, 2), 5)]
)
def test_a_fault_that_nobody_foresaw_is_no_success(faults: tuple[int, ...], code: int) -> None:
    """It is an internal error, whatever else there is."""
    assert exit_code([run_of(Outcome.PASS)], faults) == exit_code((), faults) == code


CAUSES = (
    Cause(owner=Owner.CLIENT, hop="push", reason="loop-blocked", share=0.09),
    Cause(owner=Owner.UPLINK, hop="uplink", reason="burst-loss", share=0.03),
    Cause(owner=Owner.CLIENT, hop="push", reason="script-slow", share=0.02),
    Cause(owner=Owner.SERVER, hop="server", reason="not-forwarded", share=0.001),
)


@pytest.mark.parametrize(
    ("owner", "reasons"),
    [
        (Owner.CLIENT, ("loop-blocked",)),
        (Owner.SERVER, ("not-forwarded",)),
        (Owner.BOTH, ("loop-blocked", "burst-loss")),
        (Owner.NONE, ("none",)),
        (Owner.SDK, ()),
    ],
)
def test_a_verdict_has_the_reason_of_its_owners_costliest_cause(owner: Owner, reasons: tuple[str, ...]) -> None:
    """BOTH has one of each owner that cost 0.2 points; an owner without a cause has none."""
    assert reasons_of(owner, CAUSES) == reasons


@pytest.mark.parametrize(
    ("owner", "code", "result", "outcome"),
    [
        (Owner.CONNECT, "udp-blocked", "met", Outcome.PASS),
        (Owner.CONNECT, "all-blocked", "failed", Outcome.FAIL),
        (Owner.CONFIG, "wrong-address", "unknown", Outcome.FAIL),
        (Owner.UNDECIDED, "udp-blocked", "unknown", Outcome.UNKNOWN),
    ],
)
def test_an_expected_reason_is_met_failed_or_unknown(owner: Owner, code: str, result: str, outcome: Outcome) -> None:
    """Unknown is a reason that nothing tells; the failure itself remains."""
    causes = (Cause(owner=Owner.CONNECT, hop="connect", reason="udp-blocked", share=1.0),)
    found = unmeasured(owner, tuple(expectations({"reason": [code]})), causes)
    assert ([line.result for line in found.checked], found.outcome) == ([result], outcome)


def test_a_reason_nobody_had_to_have_is_none() -> None:
    """A clean run: `verdict: NONE, reason: none` is met, and decides alone."""
    run = judged(Plan(), {"verdict": ["NONE"], "reason": ["none"]})
    assert [(line.metric, line.value, line.result) for line in run.flows[0].expectations] == [
        ("verdict", "NONE", "met"),
        ("reason", "none", "met"),
    ]
    assert run.outcome == Outcome.PASS


@pytest.mark.parametrize(("held_ms", "outcome"), [(500.0, Outcome.PASS), (100.0, Outcome.FAIL)])
def test_an_expected_latency_is_one_of_more_than_400_ms(held_ms: float, outcome: Outcome) -> None:
    """Nothing is lost; half a second more on every packet is the uplink's, a tenth is nobody's fault."""
    plan = Plan(up_delay_ms=dict.fromkeys(range(FIRST, FIRST + 240), held_ms), up_held_ms=held_ms)
    run = judged(plan, {"verdict": ["NETWORK/uplink"], "reason": ["latency"]})
    assert run.outcome == outcome
    assert (run.owner == Owner.UPLINK) == (outcome == Outcome.PASS)
