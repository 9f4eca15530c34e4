"""verdict.json, read: what was written comes back, and what is not lab's is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lab.analysis.judge import judge
from lab.analysis.values import Outcome, Owner
from lab.errors import EvidenceError
from lab.report.json import dumps
from lab.report.verdicts import loads
from tests.unit.analysis.build import recording
from tests.unit.analysis.measures.test_measured import LOSSY
from tests.unit.analysis.test_judge import asked

RUN = judge(recording(LOSSY), asked(LOSSY))
TEXT = dumps([RUN])
FIX = "lab judge results/x"


def test_what_was_written_comes_back() -> None:
    """Outcome, owner and every metric with its ends, to the ninth digit; an open end is infinite again."""
    (told,) = loads(TEXT, "here", fix=FIX)
    assert (told.run, told.outcome, told.owner) == (RUN.run, Outcome.PASS, Owner.UPLINK)
    for read, measured in zip(told.flows[0].metrics, RUN.flows[0].metrics, strict=True):
        ends = (measured.value, measured.low, measured.high)
        near = tuple(None if end is None else pytest.approx(end, abs=1e-9) for end in ends)
        assert (read.name, read.unit, (read.value, read.low, read.high)) == (measured.name, measured.unit, near)


def test_a_verdict_without_metrics_has_none() -> None:
    """An older lab did not write them, or knew fewer; that is not the same as unknown."""
    old = json.loads(TEXT)
    del old["runs"][0]["flows"][0]["metrics"]["absence"]
    assert loads(json.dumps(old), "here", fix=FIX)[0].flows[0].metrics == ()
    del old["runs"][0]["flows"][0]["metrics"]
    assert loads(json.dumps(old), "here", fix=FIX)[0].flows[0].metrics == ()
    assert loads(dumps([replace(RUN, flows=())]), "here", fix=FIX)[0].flows == ()


def _newer(document: dict[str, Any]) -> None:
    document["format"] = 2


def _foreign(document: dict[str, Any]) -> None:
    del document["format"]


def _no_outcome(document: dict[str, Any]) -> None:
    document["runs"][0]["outcome"] = "MAYBE"


def _a_word_for_a_value(document: dict[str, Any]) -> None:
    document["runs"][0]["flows"][0]["metrics"]["absence"]["value"] = "much"


def _three_ends(document: dict[str, Any]) -> None:
    document["runs"][0]["flows"][0]["metrics"]["audio_loss"]["interval"] = [0, 1, 2]


BAD = {
    _newer: "format 2 needs a newer lab",
    _foreign: "not a verdict of lab",
    _no_outcome: "MAYBE",
    _a_word_for_a_value: "value: 'much' is not of type float",
    _three_ends: "too many values",
}


@pytest.mark.parametrize("harm", BAD, ids=lambda harm: harm.__name__)
def test_what_lab_did_not_write_is_refused_by_name(harm: Callable[[dict[str, Any]], None]) -> None:
    """A newer format, no format, unknown words, an end more: where, what is wrong, and what to do."""
    document = json.loads(TEXT)
    harm(document)
    with pytest.raises(EvidenceError, match=BAD[harm]) as raised:
        loads(json.dumps(document), "results/x/derived/verdict.json", fix=FIX)
    assert str(raised.value).startswith("results/x/derived/verdict.json: ")
    assert raised.value.fix == ("this one reads up to 1; upgrade" if harm is _newer else FIX)


@pytest.mark.parametrize("text", ["", TEXT[:500], "[]", "not JSON"])
def test_what_is_no_document_is_judged_again(text: str) -> None:
    """The recording is whole: nothing is to be recorded again."""
    with pytest.raises(EvidenceError) as raised:
        loads(text, "here", fix=FIX)
    assert raised.value.fix == FIX
