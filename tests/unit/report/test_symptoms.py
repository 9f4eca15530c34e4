"""The line of symptoms: words for what there is, none for what is unknown; and estimates in their own unit."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from lab.analysis.values import Checked, Symptoms
from lab.report.json import dumps
from lab.report.symptoms import spoken
from lab.report.text import render
from tests.unit.report.values import CONGESTED, RUN

SEEN = Symptoms(
    gaps=12,
    gap_p95=60,
    longest_gap=100,
    concealed=0.0112,
    stretched=0.005,
    corrupt_frames=3,
    absence=0,
    delay_p50=348.2,
    delay_p95=368.4,
    delay_drift=-0.3,
    by_ear=True,
)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            SEEN,
            "symptoms: 12 cuts (longest 100 ms, p95 60) · concealed 1.1 %, stretched 0.5 %, 3 frames corrupt"
            " · delay 348 ms (p95 368, +0 ms/min)",
        ),
        (Symptoms(gaps=1, longest_gap=1450, absence=1450), "symptoms: 1 cut (longest 1450 ms) · absent 1.45 s"),
        (
            Symptoms(gaps=0, longest_gap=0, delay_p50=50, delay_p95=60),
            "symptoms: no cuts · delay 50 ms (p95 60, estimated)",
        ),
        (Symptoms(absence=30_000), "symptoms: absent 30 s"),
        (Symptoms(gaps=3, delay_p50=50, absence=30_000), "symptoms: absent 30 s"),
        (Symptoms(longest_gap=60, delay_p95=50), ""),
        (Symptoms(), ""),
    ],
)
def test_symptoms_are_one_line(seen: Symptoms, said: str) -> None:
    """What is unknown is left out, and a delay without an ear says that it is an estimate."""
    assert spoken(seen) == said


def test_the_line_stands_below_the_balance_and_the_values_in_the_json() -> None:
    """Of each flow; rounded like all figures."""
    run = replace(RUN, flows=(replace(CONGESTED, symptoms=SEEN),))
    lines = render(run, "x").splitlines()
    at = next(i for i, line in enumerate(lines) if "symptoms:" in line)
    assert "made 1500" in lines[at - 1]
    (flow,) = json.loads(dumps([run]))["runs"][0]["flows"]
    assert flow["symptoms"] == {
        "gaps": 12,
        "gap_p95": 60,
        "longest_gap": 100,
        "concealed": 0.0112,
        "stretched": 0.005,
        "corrupt_frames": 3,
        "absence": 0,
        "delay_p50": 348.2,
        "delay_p95": 368.4,
        "delay_drift": -0.3,
        "by_ear": True,
    }


def test_an_interval_is_in_its_own_unit_and_an_open_end_unknown() -> None:
    """Milliseconds are no percents; JSON has no infinity."""
    line = Checked(metric="gap_p95", limit="<= 100ms", value=60.0, interval=(20.0, math.inf), result="unknown")
    run = replace(RUN, flows=(replace(CONGESTED, expectations=(line,)),))
    assert "gap_p95  60 ms  (95 % CI 20–?)  ≤ 100ms  unknown" in render(run, "x")
    (checked,) = json.loads(dumps([run]))["runs"][0]["flows"][0]["expectations"]
    assert checked["interval"] == [20, None]
