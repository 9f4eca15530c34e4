"""The bench: every ratio of the table can be measured, stored and shown, and a missed limit is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.figures import LIMITS, Figure, lines, store, stored

ROOT = Path(__file__).parents[3]


def figure(name: str, ratio: float) -> Figure:
    """Return a figure that was measured once."""
    return Figure(name=name, ratio=ratio, low=ratio, high=ratio, raw={"commit": "c", "date": "d"})


def test_every_limit_is_measured_by_something() -> None:
    """And nothing is measured that is held to none."""
    assert set(bench.MEASURES) == set(LIMITS)


@pytest.mark.parametrize(("ratio", "kept"), [(1.09, True), (1.1, True), (1.11, False)])
def test_a_ratio_is_held_to_its_limit(ratio: float, kept: bool) -> None:
    """The limit itself is within it."""
    assert figure("run", ratio).kept is kept


def test_the_last_figure_of_a_name_stays(tmp_path: Path) -> None:
    """What was measured before of other names too, in the table's order."""
    file = tmp_path / "bench.json"
    for each in (figure("lanes", 0.8), figure("run", 1.0), figure("lanes", 0.95)):
        store(each, file)
    assert [(name, each.ratio) for name, each in stored(file).items()] == [("run", 1.0), ("lanes", 0.95)]


def test_the_table_tells_what_was_missed_and_what_was_not_measured() -> None:
    """A row for every limit."""
    table = list(lines({"run": figure("run", 1.2), "lanes": figure("lanes", 0.95)}))
    assert len(table) == 2 + len(LIMITS)
    rows = dict(zip(LIMITS, table[2:], strict=True))
    assert "| **no** |" in rows["run"]
    assert "| yes |" in rows["lanes"]
    assert "not measured" in rows["packets"]


def test_the_page_has_its_place_for_the_table() -> None:
    """`make bench` writes into it."""
    assert "<!-- figures -->\n" in (ROOT / "docs" / "performance.md").read_text()
