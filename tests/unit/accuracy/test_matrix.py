"""What a seed asks for: the same cells each time, all of them scenarios, in the proportions that are promised."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest
import yaml

from lab.scenario.load import load
from lab.scenario.reasons import reason
from tests.accuracy.fault import Fault
from tests.accuracy.faults import FAULTS
from tests.accuracy.harness import SABOTAGES
from tests.accuracy.matrix import FULL, FULL_SEED, QUICK, Cell, Size, matrix

SEED = 5


@cache
def cells() -> tuple[Cell, ...]:
    """Return the cells of a whole proof."""
    return matrix(SEED, FULL)


def test_the_same_seed_draws_the_same_cells() -> None:
    """Letter for letter; another seed draws others."""
    assert matrix(SEED, FULL) == cells()
    assert not {cell.text for cell in cells()} & {cell.text for cell in matrix(SEED + 1, FULL)}


def test_a_quarter_is_clean_and_a_quarter_is_both() -> None:
    """300 runs without harness faults, 75 of them clean; pairs hold a fault of the network and one of the code."""
    measured = [cell for cell in cells() if not cell.sabotage]
    counts = Counter(len(cell.faults) for cell in measured)
    assert len(measured) == 300
    assert counts[0] >= 75
    assert counts[2] == 75
    by_name = {fault.name: fault for fault in FAULTS}
    pairs = [[by_name[name] for name in cell.faults] for cell in measured if len(cell.faults) == 2]
    assert all([fault.network for fault in pair] == [True, False] for pair in pairs)
    assert not any(fault.soft for pair in pairs for fault in pair)


def test_every_fault_comes_about_equally_often() -> None:
    """Alone: as often as any other, give or take one."""
    alone = Counter(cell.faults[0] for cell in cells() if len(cell.faults) == 1 and not cell.sabotage)
    assert set(alone) == {fault.name for fault in FAULTS}
    assert max(alone.values()) - min(alone.values()) <= 1


def test_a_hundred_runs_are_sabotaged() -> None:
    """Each kind as often as the others, most of them otherwise clean."""
    sabotaged = [cell for cell in cells() if cell.sabotage]
    kinds = Counter(cell.sabotage for cell in sabotaged)
    assert len(sabotaged) >= 100
    assert set(kinds.values()) == {len(sabotaged) // len(SABOTAGES)}
    assert sum(not cell.faults for cell in sabotaged) == 68


@pytest.mark.parametrize(
    ("seed", "size"), [(FULL_SEED, FULL), (0, QUICK), (1, QUICK), (2, Size(runs=9, sabotaged=2, media_ms=4000))]
)
def test_every_cell_is_a_scenario(seed: int, size: Size, tmp_path: Path) -> None:
    """Whatever is drawn can be meant, and the judge is asked for a point of the media."""
    for cell in matrix(seed, size):
        (file := tmp_path / "cell.yaml").write_text(cell.text)
        scenario = load(file)
        assert scenario.media.duration_ms == size.media_ms
        assert [(one.metric, one.op, one.limit) for one in scenario.expect] == [
            ("missing_audio", "<", size.media_ms / 100)
        ]


def test_both_faults_of_a_pair_are_in_its_scenario() -> None:
    """Merging loses nothing: the network's part is under links or timeline, the code's beside it."""
    pair = next(c for c in cells() if c.faults and c.faults[0] == "uplink-random" and len(c.faults) == 2)
    written = yaml.safe_load(pair.text)
    assert set(written["links"]) == {"publisher", "subscriber"}
    assert "loss" in written["links"]["publisher"]["up"]
    assert written["inject"]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_owner_and_reason_of_a_fault_belong_together(fault: Fault) -> None:
    """By the closed table: each reason is one of an owner that is right."""
    assert fault.reasons
    for code in fault.reasons:
        assert set(reason(code).owners) & set(fault.owners)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_strengths_vary(fault: Fault) -> None:
    """A fault that is always the same is no draw."""
    assert len({str(fault.draw(Random(n), 10_000)) for n in range(50)}) > 1
