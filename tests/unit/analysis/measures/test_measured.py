"""Every metric of every flow: measured as an expectation about it would be, and unknown where nobody can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Measured
from lab.scenario.metrics import METRICS
from tests.unit.analysis.build import Plan, recording
from tests.unit.analysis.test_judge import FIRST, asked, at, judged
from tests.unit.analysis.verdicts.test_connect import ASKED, CASES, silent

LOSSY = Plan(up_lost=at(3, 10, 11, 40, 41, 42, 90), down_lost=at(60, 61))
NOUGHT = {"share": ">= 0%", "ms": ">= 0ms", "frames": ">= 0", "count": ">= 0"}
EVERY = {metric.name: [NOUGHT[metric.unit]] for metric in METRICS}


def metrics(flow: FlowVerdict) -> dict[str, Measured]:
    """Return the flow's metrics by name."""
    return {each.name: each for each in flow.metrics}


def test_the_table_is_whole_and_in_its_order() -> None:
    """Every metric, in its unit, whether or not anybody expected anything of it."""
    assert [(each.name, each.unit) for each in judged(LOSSY).flows[0].metrics] == [(m.name, m.unit) for m in METRICS]


def test_a_metric_is_what_an_expectation_about_it_was_measured_as() -> None:
    """The same value and the same interval, for all of them."""
    flow = judged(LOSSY, EVERY).flows[0]
    expected = {one.metric: (one.value, one.interval) for one in flow.expectations}
    assert {
        name: (one.value, None if one.low is None else (one.low, one.high)) for name, one in metrics(flow).items()
    } == expected


def test_values_are_counted_from_the_packets() -> None:
    """Seven of 200 dropped up, two of the other 193 down; three and one frames lost of 200."""
    found = metrics(judged(LOSSY).flows[0])
    assert found["uplink_loss"].value == pytest.approx(7 / 200)
    assert found["downlink_loss"].value == pytest.approx(2 / 193)
    assert (found["lost_frames"].value, found["lost_frames"].low) == (4, None)
    assert found["audio_loss"].value == pytest.approx(4 / 200)
    assert (found["audio_loss"].low or 1) < 4 / 200 < (found["audio_loss"].high or 0)


def test_broken_evidence_measures_nothing() -> None:
    """What is not what was sealed may be shown, and is no figure to compute with."""
    run = judge(replace(recording(LOSSY), broken=("captures/core.pcap: not what was sealed",)), asked(LOSSY))
    assert run.flows[0].frames.lost == 4
    assert {each.value for each in run.flows[0].metrics} == {None}
    assert len(run.flows[0].metrics) == len(METRICS)


def test_a_log_that_ends_early_measures_nothing() -> None:
    """Half of the frames are not logged: the loss of the other half is not the run's."""
    run = recording(LOSSY)
    cut = replace(run.clients[0], frames=run.clients[0].frames[: FIRST + 100])
    flow = judge(replace(run, clients=(cut, run.clients[1])), asked(LOSSY)).flows[0]
    assert {each.value for each in flow.metrics} == {None}


def test_a_hop_of_which_the_witnesses_disagree_has_no_loss() -> None:
    """The other metrics of the flow keep theirs."""
    found = metrics(judged(replace(LOSSY, miscounted=5)).flows[0])
    assert (found["uplink_loss"].value, found["uplink_loss"].low) == (None, None)
    assert found["downlink_loss"].value == pytest.approx(2 / 193)


def test_a_flow_that_was_never_there_was_absent_all_the_time() -> None:
    """No media got through and the evidence says why: absence is the media's length, the rest is unknown."""
    edge, inner, core, *_ = CASES["udp blocked up"]
    found = metrics(judge(silent(edge, inner, core), ASKED).flows[0])
    assert {name: each.value for name, each in found.items() if each.value is not None} == {"absence": 4000}
    assert len(found) == len(METRICS)
