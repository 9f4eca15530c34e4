"""A comparison in words and numbers: a stranger reads it, narrow terminals hold it, spreadsheets execute nothing."""

from __future__ import annotations

import csv as reader
import io
import json
from dataclasses import replace

from lab.analysis.several.compared import Alone, Change, Compared, Comparison, Differing, Finding, Place, Scope
from lab.analysis.several.pooling import Difference, Pooled
from lab.analysis.values import Outcome, Owner
from lab.report.compare import markdown, text
from lab.report.compare_data import csv, dumps

LOSS = (("links.publisher.up.loss", "5%"), ("media.red", "true"))
WORSE = Compared(
    scope=Scope.SETTING,
    setting=LOSS,
    flow="",
    metric="audio_loss",
    unit="share",
    first=Pooled(value=0.021, low=0.015, high=0.027, n=3),
    second=Pooled(value=0.0341, low=0.03, high=0.04, n=3),
    difference=Difference(value=0.0131, low=0.0101, high=0.0161, p=0.00002, n=3),
    corrected=0.00004,
    finding=Finding.WORSE,
)
FOUND = Comparison(
    first="results/a",
    second="results/b",
    compared=(
        Differing(thing="server.version", detail="", first="v1.12.0", second="v1.13.5"),
        Differing(
            thing="server.version", detail="image server", first="sha256:" + 64 * "1", second="sha256:" + 64 * "2"
        ),
    ),
    allowed=(Differing(thing="machine", detail="cpus", first="2", second="4"),),
    pairs=7,
    alone=(Alone(side="results/b", what="loss=20% #3", why="it was not run yet"),),
    uncompared=(),
    changes=(
        Change(
            place=Place(setting=LOSS, repetition=2),
            first=(Outcome.PASS, Owner.NONE),
            second=(Outcome.FAIL, Owner.SERVER),
            finding=Finding.WORSE,
        ),
        Change(
            place=Place(setting=LOSS, repetition=4, control=True),
            first=(Outcome.PASS, Owner.NONE),
            second=(Outcome.UNKNOWN, Owner.UNDECIDED),
            finding=Finding.CHANGED,
        ),
    ),
    rows=(
        replace(
            WORSE,
            scope=Scope.ALL,
            setting=(),
            difference=Difference(value=0.004, low=-0.0012, high=0.0092, p=0.11, n=6),
            corrected=0.11,
            finding=Finding.NOT_SIGNIFICANT,
        ),
        WORSE,
        replace(
            WORSE,
            scope=Scope.CONTROLS,
            setting=(),
            metric="delay_p95",
            unit="ms",
            first=Pooled(value=52.04, n=1),
            second=Pooled(value=51.0, n=1),
            difference=Difference(value=-1.04, n=1),
            corrected=None,
            finding=Finding.UNTOLD,
        ),
    ),
    regressions=("1 of 3 runs fail instead of 0 with media.red=true", "audio_loss with media.red=true"),
)
TEXT = """\
A: results/a
B: results/b
compared: server.version: v1.12.0 → v1.13.5, image server sha256:111111111111 → sha256:222222222222
allowed to differ as well: machine: cpus 2 → 4

verdicts: 1 worse, 1 changed of 7 pairs

verdict  where                              A     B
worse    loss=5% red=true #2                PASS  FAIL CODE/server
changed  clean control loss=5% red=true #4  PASS  UNKNOWN UNDECIDED

setting           metric      pairs        A        B     B minus A  95 % interval   finding
all settings      audio_loss      6   2.10 %   3.41 %  +0.40 points  -0.12 to +0.92  not significant (p 0.11)
loss=5% red=true  audio_loss      3   2.10 %   3.41 %  +1.31 points  +1.01 to +1.61  worse (p < 0.0001)
clean controls    delay_p95       1  52.0 ms  51.0 ms       -1.0 ms  none            one pair: nothing tells

differences are means over pairs of equal setting and repetition; p counts all comparisons together (Holm), and below 5
  % is significant
one repetition: interval and p know the chance within its runs and nothing of how others would differ; repeat to know
  (lab sweep --repeat 5)
not compared: loss=20% #3 of results/b: it was not run yet
B is worse: 1 of 3 runs fail instead of 0 with media.red=true; audio_loss with media.red=true (differences: 1 worse, 1
  not significant, 1 of one repetition, which tells nothing)
"""


def test_a_stranger_reads_what_was_compared_and_what_came_of_it() -> None:
    """Sides, the one thing, verdicts first, then differences with intervals, what is missing, and the sum of it."""
    assert text([FOUND], 120) == TEXT


def test_runs_without_settings_have_no_column_for_them() -> None:
    """Two runs: metric first; nothing differs but chance; the same verdict is said too; nothing worse was shown."""
    row = replace(WORSE, setting=(), finding=Finding.NOT_SIGNIFICANT, corrected=0.4)
    said = text(
        [replace(FOUND, compared=(), allowed=(), changes=(), alone=(), pairs=1, rows=(row,), regressions=())], 120
    )
    assert "everything but the seed is the same on both sides: what differs is chance" in said
    assert "verdicts: the same in 1 pair\n" in said
    assert "\nmetric      pairs" in said
    assert said.endswith("B is not shown to be worse (differences: 1 not significant)\n")


def test_what_one_pair_says_is_said_of_that_pair_alone() -> None:
    """In the row, in the sum and below the table; of what is not significant there is nothing to take back."""
    one = replace(WORSE, setting=(), difference=replace(WORSE.difference, n=1))
    calm = replace(one, metric="concealed", finding=Finding.NOT_SIGNIFICANT, corrected=0.4)
    said = text([replace(FOUND, alone=(), pairs=1, rows=(one, calm), regressions=("audio_loss",))], 160)
    assert "worse within these two runs (p < 0.0001)" in said
    assert "not significant (p 0.4)" in said
    assert "\none repetition: interval and p know the chance within its runs and nothing" in said
    assert "\nB is worse within these two runs: audio_loss (differences:" in said


def test_the_sum_is_of_the_pairs_that_show_what_is_worse() -> None:
    """Clean controls make more pairs, and none of them is one of a worse row."""
    one = replace(WORSE, difference=replace(WORSE.difference, n=1))
    found = replace(FOUND, alone=(), pairs=3, changes=(), regressions=("audio_loss",))
    assert "\nB is worse within these two runs: audio_loss" in text([replace(found, rows=(one,))], 160)
    assert "\nB is worse: audio_loss" in text([replace(found, pairs=1, rows=(WORSE, one))], 160)


def test_one_repetition_of_several_settings_is_not_called_two_runs() -> None:
    """Neither in its row, nor in the sum of rows of several settings."""
    one = replace(WORSE, difference=replace(WORSE.difference, n=1))
    whole, other = replace(one, scope=Scope.ALL, setting=()), replace(one, setting=(("media.red", False),))
    found = replace(FOUND, alone=(), pairs=2, changes=(), regressions=("audio_loss",))
    assert "worse within this one repetition (p < 0.0001)" in text([replace(found, rows=(whole, one))], 160)
    assert "\nB is worse within this one repetition: audio_loss" in text([replace(found, rows=(one, other))], 160)


def test_nothing_that_one_repetition_of_several_settings_tells_is_of_one_pair() -> None:
    """It is many: neither the finding over all settings, nor the note, nor the sum speak of one."""
    untold = FOUND.rows[2]
    rows = (replace(untold, scope=Scope.ALL), replace(untold, scope=Scope.SETTING, setting=LOSS))
    said = text([replace(FOUND, alone=(), changes=(), rows=rows, regressions=())], 160)
    (whole,) = (line for line in said.splitlines() if line.startswith("all settings"))
    assert whole.endswith("one repetition: nothing tells")
    assert said.count("one pair") == 1, "of the setting alone"
    assert "(differences: 2 of one repetition, which tells nothing)" in said
    both = json.loads(dumps([replace(FOUND, rows=rows)]))["comparisons"][0]["differences"]
    assert {row["finding"] for row in both} == {"one pair: nothing tells"}


def test_what_was_only_allowed_to_differ_is_not_called_the_same() -> None:
    """Two things, both allowed: they are told, and nothing else is claimed."""
    said = text([replace(FOUND, compared=())], 120)
    assert "\nallowed to differ: machine: cpus 2 → 4\n" in said
    assert "the same on both sides" not in said


def test_nothing_to_compare_is_said() -> None:
    """No pair, no table; and a setting of which nothing is known is named even when the rest is fine."""
    said = text([replace(FOUND, pairs=0, changes=(), rows=(), regressions=())], 120)
    assert "verdicts: nothing to compare" in said
    assert said.endswith("nothing could be compared\n")
    alike = replace(FOUND, compared=(), allowed=(), changes=(), rows=())
    assert "the same" not in text([replace(alike, pairs=0)], 120), "nobody looked"
    assert "\nin the pairs that there are, everything but" in text([replace(alike, uncompared=(LOSS,))], 120)
    partly = text([replace(FOUND, uncompared=(LOSS,), regressions=())], 200)
    assert "; nothing is known of links.publisher.up.loss=5% media.red=true" in partly
    deaf = replace(FOUND, rows=(), changes=(), unheard=("a → b with loss=5%",), regressions=())
    assert text([deaf], 200).endswith(
        "B is not shown to be worse (differences: none); nothing is known of a → b with loss=5%\n"
    )
    assert json.loads(dumps([deaf]))["comparisons"][0]["uncompared_flows"] == ["a → b with loss=5%"]
    assert "flow a → b with loss=5%: not on both sides" in csv([deaf])


def test_what_nobody_can_tell_any_more_is_named_in_every_format() -> None:
    """A gate that exits with 3 says of what, whoever reads it."""
    lost = replace(FOUND, regressions=(), undecided=("delay_p95 known in 0 runs instead of 3 with media.red=true",))
    assert text([lost], 200).endswith("; undecided: delay_p95 known in 0 runs instead of 3 with media.red=true\n")
    assert "undecided: delay_p95 known in 0 runs" in markdown([lost]).replace("\\", "")
    assert json.loads(dumps([lost]))["comparisons"][0]["undecided"] == list(lost.undecided)
    (line,) = (one for one in reader.DictReader(io.StringIO(csv([lost]))) if one["scope"] == "undecided")
    assert line["setting"] == lost.undecided[0]


def test_every_side_has_its_letter() -> None:
    """The third side is C, against A."""
    said = text([FOUND, replace(FOUND, second="results/c")], 120)
    assert "C: results/c" in said
    assert "C minus A" in said


def test_a_narrow_terminal_cuts_nothing() -> None:
    """Every number and name of the wide table is in the narrow one."""
    wide, narrow = text([FOUND], 200).split(), text([FOUND], 40).split()
    assert set(wide) == set(narrow)
    assert max(map(len, text([FOUND], 60).splitlines())) <= 60
    path = "results/" + "long-" * 20 + "name"
    assert path in text([replace(FOUND, second=path)], 60)


def test_what_others_wrote_stays_words() -> None:
    """Names that move a cursor, end a cell, or calculate."""
    evil = replace(FOUND, second="\x1b[2J|=1+1", alone=(Alone(side="x", what="=HYPERLINK()", why="\r\nA: forged"),))
    assert "\x1b" not in text([evil], 120)
    assert "\nA: forged" not in text([evil], 120)
    assert r"\|=1+1" in markdown([evil])
    lines = list(reader.reader(io.StringIO(csv([replace(evil, second="=1+1")]))))
    assert {line[1] for line in lines[1:]} == {"'=1+1"}


def test_numbers_come_as_numbers() -> None:
    """CSV: verdicts first, then differences, shares 0..1, empty where nothing is known."""
    lines = list(reader.DictReader(io.StringIO(csv([FOUND]))))
    assert [line["metric"] for line in lines] == ["verdict", "verdict", "audio_loss", "audio_loss", "delay_p95", ""]
    assert (lines[0]["first_value"], lines[0]["second_value"], lines[0]["repetition"]) == (
        "PASS NONE",
        "FAIL CODE/server",
        "2",
    )
    assert lines[5]["setting"] == "loss=20% #3 of results/b: it was not run yet"
    worse = lines[3]
    assert worse["setting"] == "links.publisher.up.loss=5% media.red=true"
    assert [float(worse[key]) for key in ("difference", "low", "high", "p", "p_corrected")] == [
        0.0131,
        0.0101,
        0.0161,
        0.00002,
        0.00004,
    ]
    assert [lines[4][key] for key in ("low", "high", "p", "p_corrected")] == [""] * 4


def test_json_has_all_of_it() -> None:
    """Unknown is null, an open end too; settings are objects."""
    opened = replace(WORSE, difference=replace(WORSE.difference, high=float("inf")))
    (found,) = json.loads(dumps([replace(FOUND, rows=(opened, FOUND.rows[2]))]))["comparisons"]
    first, last = found["differences"]
    assert first["difference"] == {"value": 0.0131, "interval": [0.0101, None]}
    assert first["setting"] == dict(LOSS)
    assert (last["p"], last["difference"]["interval"], last["finding"]) == (None, None, "one pair: nothing tells")
    assert found["verdicts"][0]["second"] == {"outcome": "FAIL", "owner": "CODE/server"}
    assert [verdict["finding"] for verdict in found["verdicts"]] == ["worse", "changed"]
    assert found["compared"][0] == {"thing": "server.version", "detail": None, "first": "v1.12.0", "second": "v1.13.5"}
    assert found["not_compared"][0]["why"] == "it was not run yet"


def test_markdown_is_a_table() -> None:
    """One line per difference between bars."""
    assert "| loss=5% red=true | audio_loss | 3 |" in markdown([FOUND]).replace("\\", "")


def test_every_side_has_letters_of_its_own() -> None:
    """The first is A throughout; after Z two letters, as spreadsheets count."""
    said = text([replace(FOUND, second=f"b{number}") for number in range(1, 54)], 120)
    heads = [line for line in said.splitlines() if line.startswith(("Z:", "AA:", "AB:", "AZ:", "BA:", "BB:"))]
    assert [line.split(":")[0] for line in heads] == ["Z", "AA", "AB", "AZ", "BA", "BB"]
