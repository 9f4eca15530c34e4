"""`lab compare --fail-on-regression`: a gate does not pass on a verdict that the later side cannot give any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.analysis.several.compared import Comparison
from lab.analysis.values import Outcome, Owner
from lab.batch.tables.comparing import Asked, code, compare
from lab.report.compare import text
from lab.report.compare_data import dumps
from tests.fakes.judged import Said, run

OUTCOMES = {"P": Outcome.PASS, "F": Outcome.FAIL, "U": Outcome.UNKNOWN}


def compared(folder: Path, before: str, after: str) -> Comparison:
    """Compare two folders of runs, each a letter per run; nothing but verdicts differs."""
    for side, letters in (("before", before), ("after", after)):
        for number, letter in enumerate(letters):
            run(folder / side / f"{number}", Said(outcome=OUTCOMES[letter], owner=Owner.NONE))
    asked = Asked(sides=tuple(str(folder / side) for side in ("before", "after")), results=folder)
    (found,) = compare(asked)
    return found


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("P", "U", "1 of 1 runs are UNKNOWN instead of 0"),
        ("PPU", "PUU", "2 of 3 runs are UNKNOWN instead of 1"),
        ("PPF", "UUP", "2 of 3 runs are UNKNOWN instead of 0"),
    ],
)
def test_what_passed_and_is_unknown_now_is_undecided(tmp_path: Path, before: str, after: str, words: str) -> None:
    """Exit 3 of the gate alone; the last line and the document say which."""
    found = compared(tmp_path, before, after)
    assert (found.regressions, found.undecided) == ((), (words,))
    assert [code([found], strict=strict) for strict in (False, True)] == [0, 3]
    assert text([found], 400).endswith(f"; undecided: {words}\n")
    assert json.loads(dumps([found]))["comparisons"][0]["undecided"] == [words]


@pytest.mark.parametrize(("before", "after"), [("F", "U"), ("U", "U"), ("U", "P"), ("PU", "UP"), ("PF", "UP")])
def test_what_cannot_be_worse_than_it_was_known_to_be_is_not(tmp_path: Path, before: str, after: str) -> None:
    """A failure, a run that nobody knew of before, and runs that only changed places."""
    found = compared(tmp_path, before, after)
    assert found.undecided == ()
    assert code([found], strict=True) == 0


def test_a_setting_that_fails_more_often_is_worse_whatever_else_is_unknown(tmp_path: Path) -> None:
    """What is proven counts before what is not: 1, and one line about it."""
    found = compared(tmp_path, "PP", "FU")
    assert (found.regressions, found.undecided) == (("1 of 2 runs fail instead of 0",), ())
    assert code([found], strict=True) == 1
