"""The JSON of a run: exactly the documented keys, the same bytes, unknown as null."""

from __future__ import annotations

import json
from dataclasses import replace

from lab.analysis.values import Checked
from lab.report.json import dumps
from tests.unit.report.values import CONGESTED, RUN


def test_the_documented_keys_are_there() -> None:
    """The design's shape: format, runs, flows, frames, hops, expectations."""
    document = json.loads(dumps([RUN]))
    run = document["runs"][0]
    flow = run["flows"][0]
    assert document["format"] == 1
    assert run["netem"] == {"driver": "vm", "seeded": True}
    assert {"run", "scenario", "outcome", "owner", "reasons", "void", "flows"} <= run.keys()
    assert {"publisher", "subscriber", "outcome", "owner", "frames", "hops", "expectations"} <= flow.keys()
    assert flow["frames"] == {
        "made": 1500, "decodable": 1487, "heard": None, "lost": 13, "inserted_ms": 0, "made_up_ms": 0, "unexplained": 0,
        "transition": 0, "kinds": {},
    }  # fmt: skip
    assert flow["hops"][2] | {"repaired": {}} == {
        "name": "uplink", "owner": "NETWORK/uplink", "packets_in": 1500, "packets_dropped": 81,
        "causes": {"queue": 59, "random": 22}, "frames_lost": 13, "late": None, "contributing": None,
        "repaired": {}, "made_up_ms": 0, "undecided": None,
    }  # fmt: skip
    assert flow["expectations"][0] == {
        "metric": "audio_loss", "limit": "<= 5%", "value": 0.00867, "interval": [0.005, 0.0148], "result": "met",
    }  # fmt: skip


def test_every_cause_is_written_the_costliest_first() -> None:
    """Owner, hop, code, share of the intended time, and what the witness said; small ones too."""
    causes = json.loads(dumps([RUN]))["runs"][0]["flows"][0]["causes"]
    assert [cause["reason"] for cause in causes] == ["queue-full", "random-loss", "script-slow"]
    assert causes[1] == {
        "owner": "NETWORK/uplink", "hop": "uplink", "reason": "random-loss", "share": 0.00267,
        "note": "22 packets, in runs of 1.1",
    }  # fmt: skip


def test_unknown_is_null_and_never_nought() -> None:
    """Nothing measured: null everywhere, inserted silence included."""
    none = replace(CONGESTED.frames, made=None, decodable=None, lost=None, unexplained=None)
    flow = json.loads(dumps([replace(RUN, flows=(replace(CONGESTED, frames=none, concealed_share=None),))]))["runs"][0]
    frames = flow["flows"][0]["frames"]
    assert [frames[name] for name in ("made", "decodable", "heard", "lost", "inserted_ms", "unexplained")] == [None] * 6
    assert flow["flows"][0]["concealed"] is None


def test_every_metric_has_a_value_and_an_interval_where_it_is_an_estimate() -> None:
    """A count is exact: no interval. An open end is null, and so is the value that nobody can tell."""
    assert json.loads(dumps([RUN]))["runs"][0]["flows"][0]["metrics"] == {
        "lost_frames": {"value": 13, "interval": None},
        "gap_p95": {"value": 40, "interval": [20, None]},
        "audio_loss": {"value": 0.00867, "interval": [0.005, 0.0148]},
        "server_loss": {"value": None, "interval": None},
    }


def test_a_verdict_is_written_as_its_owner() -> None:
    """The value of the metric `verdict` is a word, and has no interval."""
    line = Checked(metric="verdict", limit="== CODE/client", value="CODE/client", interval=None, result="met")
    written = json.loads(dumps([replace(RUN, flows=(replace(CONGESTED, expectations=(line,)),))]))
    assert written["runs"][0]["flows"][0]["expectations"][0]["value"] == "CODE/client"


def test_the_same_verdict_gives_the_same_bytes() -> None:
    """Key order does not depend on how mappings were filled, and the last digits of a sum do not show."""
    turned = replace(CONGESTED.hops[2], causes={"random": 22, "queue": 59})
    other = replace(CONGESTED, hops=(*CONGESTED.hops[:2], turned, *CONGESTED.hops[3:]), concealed_share=0.009 + 1e-13)
    assert dumps([RUN]) == dumps([replace(RUN, flows=(other,))])


def test_no_runs_is_an_empty_list() -> None:
    """Always a list."""
    assert json.loads(dumps([])) == {"format": 1, "runs": []}
