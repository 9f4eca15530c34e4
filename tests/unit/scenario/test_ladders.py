"""The levels of a search: counted out from mild to harsh, with a round step where none is given."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.scenario.ladders import ladder


def levels(text: str) -> list[str]:
    """Return the levels of `KEY=MILD..HARSH`."""
    key, _, values = ladder(f"links.publisher.up.loss={text}").partition("=")
    assert key == "links.publisher.up.loss"
    return values.split(",")


@pytest.mark.parametrize(
    ("text", "first", "second", "last", "count"),
    [
        ("0%..40%", "0%", "2%", "40%", 21),
        ("0ms..200ms", "0ms", "10ms", "200ms", 21),
        ("0%..5%", "0%", "0.25%", "5%", 21),
        ("0%..30%", "0%", "1%", "30%", 31),
        ("1%..34%", "1%", "2%", "34%", 34),
        ("0ms..7ms", "0ms", "0.25ms", "7ms", 29),
        ("0..100", "0", "5", "100", 21),
        ("0..50", "0", "2", "50", 26),
        ("1..10", "1", "2", "10", 10),
        ("1.0..4", "1", "1.1", "4", 31),
        ("0%..40%/5%", "0%", "5%", "40%", 9),
        ("0ms..1s/100ms", "0ms", "100ms", "1000ms", 11),
    ],
)
def test_a_range_is_counted_out(text: str, first: str, second: str, last: str, count: int) -> None:
    """Both ends are levels; without a step it is the roundest of about a twentieth that meets both."""
    found = levels(text)
    assert (found[0], found[1], found[-1], len(found)) == (first, second, last, count)


@pytest.mark.parametrize(
    ("text", "first", "last"), [("400kbit..100kbit", "400kbit", "100kbit"), ("1s..0s/100ms", "1000ms", "0ms")]
)
def test_where_much_is_mild_a_range_runs_downwards(text: str, first: str, last: str) -> None:
    """A rate: the mild end stands first all the same."""
    found = levels(text)
    assert (found[0], found[-1]) == (first, last)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("links.publisher.up.loss", "a range from where it holds"),
        ("loss=5%", "a range from where it holds"),
        ("loss=0%,5%", "a range from where it holds"),
        ("loss=0%..5%,9%", "a range from where it holds"),
        ("loss=3%..3%", "no range"),
        ("loss=3%..3%/1%", "no range"),
        ("delay=0ms..1s", "give its step"),
        ("loss=0%..40", "give its step"),
        ("loss=0%..x", "two numbers are expected"),
        ("seed=0..1000007", r"0\.\.1000007: give its step"),
        ("media.red=true..false", "true..false: no limit lies between these"),
        ("loss=0%..40%/0%", "a step above 0"),
        ("loss=0%..40%/3%", "do not meet"),
        ("loss=40%..0%/3%", "do not meet"),
        ("loss=0%..40%/1ms", "unit of the same kind"),
    ],
)
def test_what_is_no_range_is_refused(text: str, words: str) -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match=words):
        ladder(text)
