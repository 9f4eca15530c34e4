"""What a search for a limit says where it excluded nothing: no interval, and no certainty of one."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from lab.analysis.several.limit_search import Answer, Try, look
from lab.report.limit import Limit, LimitRun, dumps, sentence, words

LEVELS = ("0%", "1%", "2%", "3%")


def limit(answers: Sequence[Answer] = (), *, at_most: int = 40, ended: int = 0, void: int = 0) -> Limit:
    """Return a search of which the runs that count said `answers`, each of level 1."""
    said = [Try(level=1, answer=answer) for answer in answers]
    runs = [
        LimitRun(level="1%", repetition=number, answer=answer, outcome="", owner="", folder="")
        for number, answer in enumerate(answers, 1)
    ]
    return Limit(
        key="loss",
        setting=(),
        levels=LEVELS,
        look=look(len(LEVELS), said),
        runs=tuple(runs),
        void=void,
        at_most=at_most,
        ended=ended,
        controls=(),
    )


def notes(found: Limit) -> tuple[str, ...]:
    """Return what stands below the table."""
    (table,) = words([found], "x", ["audio_loss <= 5%"])
    return table.notes


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (limit(), ("nothing was measured", "not finished: lab sweep --resume goes on")),
        (limit(ended=3, void=9), ("nothing was measured   (9 void)", "not finished: lab sweep --resume goes on")),
        (
            limit(ended=3, void=9, at_most=3),
            ("nothing was measured   (9 void)", "its 3 runs are used up, and none of them counts"),
        ),
    ],
)
def test_without_a_run_that_counts_nothing_was_measured(found: Limit, said: tuple[str, ...]) -> None:
    """All void, or its time was over before the first: no interval that would hold, none to be narrowed."""
    assert notes(found)[:2] == said
    assert sentence(found) == "nothing was measured"
    told = json.loads(dumps([found], "x", "base"))["limits"][0]
    assert (told["confidence"], told["holds"], told["breaks"]) == (None, None, None)


def test_runs_that_exclude_nothing_are_sure_of_nothing() -> None:
    """One that held bets nothing yet; 95 % of an interval that leaves nothing out is no certainty."""
    found = limit([Answer.HOLDS])
    assert notes(found)[:2] == (
        "unknown: anywhere from 0% to 3%, or beyond   (1 run)",
        "not finished: lab sweep --resume goes on",
    )
    assert json.loads(dumps([found], "x", "base"))["limits"][0]["confidence"] is None


def test_an_interval_is_told_with_its_certainty() -> None:
    """Enough runs that held."""
    found = limit([Answer.HOLDS] * 12, void=2)
    assert notes(found)[0] == "holds up to 1% at the least   (95 % sure, 12 runs, 2 void)"
    assert json.loads(dumps([found], "x", "base"))["limits"][0]["confidence"] == 0.95
