"""Sides of a comparison with settings of several kinds: what counts as one pair, and what is asked for at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.analysis.several.compared import Comparison, Scope
from lab.batch.plans.cells import Cell
from lab.batch.tables.comparing import Asked, compare
from tests.fakes.judged import Said, sweep


def asked(*sides: Path | str, allow: tuple[str, ...] = ()) -> Comparison:
    """Compare two `sides` by a count, of which one pair alone tells nothing."""
    metrics = ("delay_p95",)
    (found,) = compare(Asked(sides=tuple(map(str, sides)), results=Path("nowhere"), metrics=metrics, allow=allow))
    return found


@pytest.mark.parametrize(("axis", "pairs"), [("seed=1,2,3,4,5", 5), ("links.publisher.up.loss=0%,1%,2%,3%,4%", 1)])
def test_settings_with_seeds_of_their_own_are_pairs_of_their_own(tmp_path: Path, axis: str, pairs: int) -> None:
    """Five seeds tell as much as five repetitions; five settings of one repetition share their dice."""

    def late(cell: Cell, by_ms: float, times: float) -> Said:
        return Said(figures={"delay_p95": by_ms + times * float(cell.setting[0][1].rstrip("%"))})

    first = sweep(tmp_path / "a", axis, lambda cell: late(cell, 60, 1), repeat=1)
    second = sweep(tmp_path / "b", axis, lambda cell: late(cell, 90, 3), "media.red=false", repeat=1)
    (every,) = [row for row in asked(first, second).rows if row.scope == Scope.ALL]
    assert every.difference.n == pairs
