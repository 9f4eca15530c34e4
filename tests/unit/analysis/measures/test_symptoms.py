"""What a listener would say, against runs made up packet by packet; and whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from lab.analysis.flows.case import Asked, case_of
from lab.analysis.flows.flow import follow
from lab.analysis.judge import judge
from lab.analysis.ledger.damage import damage
from lab.analysis.ledger.owners import Blame
from lab.analysis.measures.measures import Measures
from lab.analysis.values import FlowVerdict, Outcome, Owner, RunVerdict, Symptoms
from lab.scenario.expectations import expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import Plan, first_measured, recording

FIRST = first_measured(Plan())
USUAL_MS = 53.7
"""What a packet takes in a made-up run: 0 to be sent, 3.7 on its way, 40 in the buffer, and 10 for being a packet."""


def judged(plan: Plan, expect: Mapping[str, Sequence[str]]) -> RunVerdict:
    """Judge what `plan` leaves by these expectations."""
    asked = Asked(media=Media(duration_ms=plan.media * 20), expect=tuple(expectations(expect)))
    return judge(recording(plan), asked)


def flow(plan: Plan) -> FlowVerdict:
    """Return the flow of what `plan` leaves."""
    return judged(plan, {"lost_frames": [">= 0"]}).flows[0]


def slow(ms: float) -> dict[int, float]:
    """Return a link that takes so much longer for every packet of the window, and none before."""
    return {FIRST + n: ms for n in range(-1, 215)}


def test_a_clean_run_has_no_symptoms() -> None:
    """Nothing is cut, corrupt or gone, and the delay is what the way takes."""
    assert flow(Plan()).symptoms == Symptoms(
        gaps=0,
        gap_p95=0,
        longest_gap=0,
        concealed=0,
        stretched=0,
        corrupt_frames=0,
        absence=0,
        delay_p50=pytest.approx(USUAL_MS, abs=0.1),
        delay_p95=pytest.approx(USUAL_MS, abs=0.1),
        delay_drift=pytest.approx(0, abs=0.1),
    )


def test_cuts_are_counted_once_however_long() -> None:
    """Five packets in a row cost four frames (the last comes again with RED), two cost one: two cuts."""
    seen = flow(Plan(up_lost=[FIRST + n for n in (10, 11, 12, 13, 14, 60, 61)])).symptoms
    assert (seen.gaps, seen.longest_gap, seen.gap_p95, seen.absence) == (2, 80, 80, 0)


def test_a_second_without_audio_is_absence() -> None:
    """Sixty packets in a row: 59 frames, 1.18 s."""
    seen = flow(Plan(up_lost=[FIRST + 20 + n for n in range(60)])).symptoms
    assert (seen.gaps, seen.absence) == (1, 1180)


def test_a_corrupt_frame_is_one_whose_packet_came_out_altered_and_was_not_repaired() -> None:
    """Three in a row altered: two frames lost, the third comes again with RED; a dropped one is not corrupt."""
    plan = Plan(up_altered=[FIRST + n for n in (20, 21, 22)], up_lost=[FIRST + 50, FIRST + 51])
    assert flow(plan).symptoms.corrupt_frames == 2
    run = judged(plan, {"corrupt_frames": ["== 0"]})
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.UPLINK)


def test_stretching_is_the_share_of_what_was_played() -> None:
    """Four frames stretched among the 4.5 s that were played while the window's audio was."""
    seen = flow(Plan(up_delay_ms={FIRST + 30: 30.0}, up_held_ms=30.0, stretched_frames=4)).symptoms
    assert seen.stretched == pytest.approx(4 / 225)


@pytest.mark.parametrize(("metric", "limit"), [("delay_p50", "<= 150ms"), ("delay_p95", "<= 200ms")])
def test_a_slow_link_owns_the_delay_although_nothing_is_lost(metric: str, limit: str) -> None:
    """300 ms more on the uplink of every packet: FAIL, NETWORK/uplink, reason latency."""
    run = judged(Plan(up_delay_ms=slow(300.0), up_held_ms=300.0), {metric: [limit]})
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.UPLINK)
    assert [(one.reason, one.share) for one in run.flows[0].causes] == [("latency", 0.0)]
    assert run.flows[0].symptoms.delay_p50 == pytest.approx(USUAL_MS + 300, abs=1)


def test_a_server_that_holds_back_owns_the_delay() -> None:
    """The same time spent in the server is code's."""
    plan = Plan(server_delay_ms=slow(300.0))
    run = judged(plan, {"delay_p95": ["<= 200ms"]})
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.SERVER)


def test_a_delay_of_two_owners_takes_both_when_one_does_not_suffice() -> None:
    """150 ms each over a limit of 100: without either one it would still be 200."""
    run = judged(
        Plan(up_delay_ms=slow(150.0), up_held_ms=150.0, server_delay_ms=slow(150.0)), {"delay_p50": ["<= 100ms"]}
    )
    assert (run.outcome, run.owner) == (Outcome.FAIL, Owner.BOTH)


def test_a_delay_that_grows_is_a_drift() -> None:
    """5 ms more with every second on the uplink: 300 ms a minute; the uplink's."""
    growing = {FIRST + n: max(0.0, n * 0.1) for n in range(-1, 215)}
    run = judged(Plan(up_delay_ms=growing, up_held_ms=20.0), {"delay_drift": ["<= 100ms"]})
    line = run.flows[0].expectations[0]
    assert line.value == pytest.approx(300, abs=5)
    assert line.result == "unknown", "four seconds do not close the interval of a slope"
    assert "needs 1 s more of media" in line.note


def test_without_statistics_of_its_buffer_the_delay_is_unknown() -> None:
    """The subscriber's SDK does not report it, and there is no ear: unknown, never 0."""
    run = judged(Plan(buffer_ms=0.0, emitted=False), {"delay_p95": ["<= 200ms"]})
    assert (run.outcome, run.flows[0].symptoms.delay_p95) == (Outcome.UNKNOWN, None)
    assert "its evidence is missing" in run.reasons[0]


def measured(plan: Plan) -> Measures:
    """Return the measures of what `plan` leaves."""
    case = case_of(recording(plan), Asked(media=Media(duration_ms=plan.media * 20), expect=()))
    flow = follow(case.scene, *case.scene.pairs[0], case.times, case.links)
    blame = Blame(server=Owner.SERVER, uplink=Owner.UPLINK, downlink=Owner.DOWNLINK)
    hops = {"uplink": Owner.UPLINK, "server": Owner.SERVER, "downlink": Owner.DOWNLINK}
    return Measures(flow=flow, loss=damage(flow, blame), hop_owner=hops)


@pytest.mark.parametrize("metric", ["concealed", "stretched"])
def test_what_is_done_to_the_sound_after_a_disturbance_is_its_owners(metric: str) -> None:
    """Behind packets that the uplink brought late it is gone without the uplink, and there without the server."""
    late = {FIRST + 30 + n: 30.0 for n in range(5)}
    seen = measured(Plan(up_delay_ms=late, up_held_ms=30.0, stretched_frames=9, concealed_frames=9))
    assert seen.value(metric) == pytest.approx(9 / 225)
    assert seen.value(metric, frozenset({Owner.UPLINK})) == 0
    assert seen.value(metric, frozenset({Owner.SERVER})) == seen.value(metric)


@pytest.mark.parametrize(("part", "times"), [(1.5, 16), (0.5, 4)])
def test_a_pause_needs_as_much_more_media_as_its_own_interval_says(part: float, times: int) -> None:
    """One of 800 ms, put in at one frame: more is missing there than a frame, so that no count of frames decides."""
    seen = measured(Plan(stalls={100: 800}))
    value, bounds = seen.value("audio_loss") or 0.0, seen.interval("audio_loss") or (0.0, 0.0)
    assert 0 < value < 1 < seen.series("audio_loss").max()
    assert seen.length_to_decide("audio_loss", bounds, part * value) == pytest.approx(times)


@pytest.mark.parametrize("metric", ["concealed", "stretched"])
def test_what_was_played_weighs_as_much_as_it_lasted(metric: str) -> None:
    """Statistics that are first rare and then frequent tell the same share, and the playout row tells it as well."""
    seen = measured(Plan(up_delay_ms={FIRST + 30: 30.0}, stretched_frames=9, concealed_frames=9))
    inbound = seen.flow.inbound
    uneven = replace(seen, flow=replace(seen.flow, inbound=(inbound[0], *inbound[20:])))
    assert uneven.value(metric) == pytest.approx(9 / 225)
    assert uneven.series(metric).size == seen.series(metric).size
    low, high = uneven.interval(metric) or (1.0, 0.0)
    assert low <= 9 / 225 <= high
    assert uneven.value("concealed") == pytest.approx(uneven.flow.concealed_share)


@pytest.mark.parametrize("metric", ["concealed", "stretched"])
def test_what_is_done_to_the_sound_after_two_disturbances_takes_both_away(metric: str) -> None:
    """The uplink and the server at the same time: neither one alone, and nobody's where nothing was disturbed."""
    late = {FIRST + 30 + n: 30.0 for n in range(5)}
    both = measured(Plan(up_delay_ms=late, server_delay_ms=late, stretched_frames=9, concealed_frames=9))
    assert both.value(metric, frozenset({Owner.UPLINK})) == both.value(metric)
    assert both.value(metric, frozenset({Owner.UPLINK, Owner.SERVER})) == 0
    quiet = measured(Plan(stretched_frames=9, concealed_frames=9))
    assert quiet.value(metric, frozenset(Owner)) == quiet.value(metric) != 0


@pytest.mark.parametrize(
    ("condition", "said"), [("<= 10s", "needs 54 s more of media (58 s in all)"), ("<= 10ms", "needs")]
)
def test_few_cuts_do_not_tell_how_long_cuts_are(condition: str, said: str) -> None:
    """Five cuts: their p95 has no upper end, below which all might lie; the lower end is there."""
    plan = Plan(
        up_lost=[FIRST + n for n in (10, 11, 30, 31, 32)],
        server_lost=[FIRST + 60, FIRST + 61],
        skips=[FIRST + 100],
        stalls={FIRST + 150: 400},
        concealed_frames=2,
    )
    line = judged(plan, {"gap_p95": [condition]}).flows[0].expectations[0]
    assert (line.value, line.interval) == (340, (40, float("inf")))
    assert said in line.note or line.result == "failed"
