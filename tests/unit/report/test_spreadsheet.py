"""A sweep's rows as numbers: typed, in the metric's unit, and nothing that a spreadsheet would execute."""

from __future__ import annotations

import csv
import io
import json
import math

import pandas as pd
import pytest

from lab.report.spreadsheet import frame, framed, inert, to_csv, to_json
from tests.unit.report.rows import CONTROL_ROW, LOSS, MISSING, RED, TABLE


def read(text: str) -> list[dict[str, str]]:
    """Return CSV as a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_has_setting_counts_value_ends_and_runs() -> None:
    """Shares are 0..1, an open end is empty, as is what nobody knows."""
    line = read(to_csv(frame(TABLE)))[0]
    assert (line[LOSS], line[RED], line["control"], line["flow"]) == ("5%", "true", "false", "publisher → subscriber")
    assert [line[name] for name in ("planned", "valid", "tried", "PASS", "FAIL", "UNKNOWN")] == list("334210")
    assert [line[f"audio_loss{end}"] for end in ("", "_low", "_high", "_runs")] == ["0.0312", "0.02", "0.044", "3"]
    assert [line[f"gap_p95{end}"] for end in ("", "_low", "_high", "_runs")] == ["80", "20", "", "2"]
    assert line["owners"] == "CODE/client NETWORK/uplink"


def test_a_cell_without_a_run_is_a_line_of_empty_figures() -> None:
    """It is there, planned and tried; so is the clean control."""
    lines = read(to_csv(frame(TABLE)))
    missing, control = lines[-2], lines[-1]
    assert (missing["planned"], missing["valid"], missing["tried"]) == ("3", "0", "2")
    assert {missing[name] for name in missing if name.startswith(("audio_loss", "gap_p95"))} == {""}
    assert (missing["unread"], control["unread"]) == (MISSING.unread[0], "")
    assert (control["control"], control[LOSS]) == ("true", "")


def test_the_frame_can_be_computed_with() -> None:
    """Whoever opens it in pandas finds numbers."""
    found = frame(TABLE)
    assert isinstance(found, pd.DataFrame)
    assert found[~found.control.eq("true")].audio_loss.astype(float).max() == pytest.approx(0.0312)
    assert len(found) == len(TABLE.rows)


FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "  =1+1",
    "\t=1+1",
    "\r=1",
    "\uff1d1+1",
    "|x",
    "%x",
]


@pytest.mark.parametrize("harm", FORMULAS)
def test_no_text_is_a_formula(harm: str) -> None:
    """In a cell and in a head; an apostrophe stands before it."""
    (line,) = read(to_csv(framed([harm], [[harm]])))
    ((head, cell),) = line.items()
    assert head.startswith("'")
    assert cell.startswith("'")


@pytest.mark.parametrize("plain", ["5%", "-3", "+2.5", "10ms", "a=b", "links.publisher.up.loss", "–"])
def test_what_is_no_formula_stays_as_it_is(plain: str) -> None:
    """A negative number is no formula; nor is an equals sign in the middle."""
    assert inert(plain) == plain


def test_no_other_separator_cuts_a_text_apart() -> None:
    """Every text is quoted: where a semicolon separates, `a;=1+1` would else be two cells."""
    assert to_csv(framed(["x", "y"], [["a;=1+1", 'say "x"'], [None, 2.5]])) == (
        '"x","y"\n"a;=1+1","say ""x"""\n"",2.5\n'
    )


def test_whole_numbers_stay_whole_beside_unknown_ones() -> None:
    """A column with a gap is not turned into 3.0; infinity is unknown."""
    assert to_csv(framed(["n"], [[3], [None], [math.inf]])) == '"n"\n3\n""\n""\n'


def test_json_says_what_the_table_says() -> None:
    """Unknown and open ends are null; the setting by its full keys."""
    document = json.loads(to_json(TABLE))
    assert (document["format"], document["sweep"], document["by"]) == (1, TABLE.sweep, [LOSS, RED])
    first, missing, control = (document["rows"][i] for i in (0, -2, -1))
    assert first["setting"] == {LOSS: "5%", RED: "true"}
    assert (first["outcomes"], first["owners"]) == ({"FAIL": 1, "PASS": 2}, ["CODE/client", "NETWORK/uplink"])
    assert first["metrics"]["gap_p95"] == {"value": 80, "interval": [20, None], "runs": 2}
    assert (missing["valid"], missing["metrics"]) == (MISSING.valid, {})
    assert (control["control"], control["setting"]) == (True, {})
    assert control["metrics"]["gap_p95"] == {"value": None, "interval": None, "runs": 0}
    assert CONTROL_ROW.metrics["gap_p95"].value is None
