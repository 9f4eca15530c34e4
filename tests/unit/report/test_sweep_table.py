"""A sweep's rows as words: no estimate without its interval, no row without its runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.several.pooling import Pooled
from lab.report.sweep_table import estimate, words
from lab.report.table import FIXED, text
from lab.scenario.sweeping import shortest
from tests.unit.report.rows import CONTROL_ROW, DONE, TABLE


def test_the_table_reads() -> None:
    """Axes by their short names, verdicts counted where they differ, what is missing, the control last."""
    assert text(words(TABLE), 140).splitlines() == [
        "congested   20261122-101112-7f3a   7 cells: 4 valid of 7 tried, 3 missing",
        "loss           red   verdict          owner                           valid / tried  audio_loss       gap_p95",
        "5%             true  FAIL ×1 PASS ×2  CODE/client, NETWORK/uplink             3 / 4  3.1 % (2.0–4.4)  "
        "80 ms (20–?) n = 2",
        "9%             true  missing          –                            0 / 2, 3 missing  missing          missing",
        "clean control        PASS             –                                       1 / 1  0.0 % (0.0–0.2)  unknown",
        "missing although it was run: loss=9% red=true #1: cells/9/verdict.json: not JSON "
        "(make it again: lab judge cells/9)",
        "2 attempts void or failed, which do not count: lab ls 20261122-101112-7f3a says why",
        "the mean of a row's runs (95 % interval); ? is an open end",
        "n: how many runs knew it, where not all did",
        "a row of one run has that run's own interval, which says nothing of how another run would differ",
    ]


@pytest.mark.parametrize(
    ("found", "name", "runs", "said"),
    [
        (Pooled(value=0.0312, low=0.02, high=0.044, n=3), "audio_loss", 3, "3.1 % (2.0–4.4)"),
        (Pooled(value=80, low=20, high=float("inf"), n=3), "gap_p95", 3, "80 ms (20–?)"),
        (Pooled(value=12, n=1), "lost_frames", 1, "12"),
        (Pooled(value=12.5, low=3, high=22, n=2), "gaps", 2, "12.5 (3–22)"),
        (Pooled(value=-3, low=-10, high=4, n=2), "delay_drift", 3, "-3 ms/min (-10–4) n = 2"),
        (Pooled(value=None, n=0), "audio_loss", 3, "unknown"),
    ],
)
def test_an_estimate_is_value_interval_and_runs(found: Pooled, name: str, runs: int, said: str) -> None:
    """In the metric's unit; an open end is a question mark, a count of one run has none; unknown is no 0."""
    assert estimate(found, name, runs).replace(FIXED, " ") == said


def test_short_names_are_unique() -> None:
    """`loss` while there is one; `up.loss` and `down.loss` where there are two."""
    assert list(shortest(["links.publisher.up.loss", "media.red"])) == ["loss", "red"]
    up, down = "links.publisher.up.loss", "links.publisher.down.loss"
    assert list(shortest([up, down])) == ["up.loss", "down.loss"]
    assert list(shortest([up, "links.subscriber.up.loss"])) == ["publisher.up.loss", "subscriber.up.loss"]
    assert list(shortest(["seed", "media.seed"])) == ["seed", "media.seed"]


def test_several_flows_are_told_apart_and_cells_counted_once() -> None:
    """A row per flow; the title counts cells, of which both rows speak."""
    other = replace(DONE, flow="publisher → second")
    found = words(replace(TABLE, rows=(DONE, other)))
    assert found.heads[2] == "flow"
    assert [row[2] for row in found.rows] == ["publisher → subscriber", "publisher → second"]
    assert "3 cells: 3 valid of 4 tried" in found.title


def test_axes_taken_together_are_said() -> None:
    """Who reads the row knows that it is a mean over settings, too."""
    assert "each row takes media.red together" in " ".join(words(replace(TABLE, over=("media.red",))).notes)


def test_a_row_of_one_repetition_is_as_little_sure_as_one_run() -> None:
    """However many settings it takes together; a row of several repetitions is not."""
    said = "a row of one repetition has its runs' own interval, which says nothing of how another would differ"
    assert said in words(replace(TABLE, rows=(replace(DONE, dice=1),))).notes
    assert said not in words(TABLE).notes


def test_without_axes_there_is_no_column_for_them() -> None:
    """A run alone; beside clean controls, though, it says which is which."""
    alone = replace(DONE, setting=())
    assert words(replace(TABLE, by=(), rows=(alone,))).heads[0] == "verdict"
    both = words(replace(TABLE, by=(), rows=(alone, CONTROL_ROW)))
    assert [row[0] for row in both.rows] == ["all", "clean control"]
