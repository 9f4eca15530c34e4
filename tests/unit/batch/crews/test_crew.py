"""What every crew keeps to: one repetition after another."""

from __future__ import annotations

from pathlib import Path

from lab.batch.crews.crew import of_one_repetition
from tests.fakes.sweeps import planned


def test_a_crew_chooses_among_cells_of_one_repetition(tmp_path: Path) -> None:
    """With the clean controls in between; of controls alone all; what is void and comes back last is one of its own."""
    cells = planned(tmp_path, axis="links.publisher.up.loss=0%..9%/1%", repeat=2, controls=True).cells
    controls, first = [cell for cell in cells if cell.control], [cell for cell in cells if cell.repetition == 1]
    chosen = list(of_one_repetition(cells))
    assert chosen == list(cells[: len(chosen)])
    assert {cell.repetition for cell in chosen if not cell.control} == {1}
    assert [cell for cell in chosen if not cell.control] == [cell for cell in first if not cell.control]
    assert list(of_one_repetition(controls)) == controls
    second = [cell for cell in cells if cell.repetition == 2 and not cell.control]
    assert list(of_one_repetition([*second[-2:], chosen[1]])) == second[-2:]
