"""How late each push was, against the lead that the program usually has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lab.analysis.containers.pushes import NEVER, pushes
from tests.unit.analysis.build import MS, Plan, lines


def test_each_push_is_late_against_the_usual_lead_and_one_that_never_was_is_not() -> None:
    """60 ms ahead as a rule; the 5th comes 15 ms late and the 10th 15 ms early, the 7th never."""
    late, logged = {5: 15, 10: -15}, lines(Plan())[10:60]
    moved = [
        replace(line, pushed_ns=None if i == 7 else (line.pushed_ns or 0) + late.get(i, 0) * MS)
        for i, line in enumerate(logged)
    ]
    found = pushes(moved)
    assert {i: ms for i, ms in enumerate(found.late_ms) if ms} == {5: 15, 10: -15}
    assert found.pushed_ns[7] == NEVER
    assert (found.stood_ms[5], found.stood_ms[6], found.stood_ms[8]) == (15, 0, 20)
    assert np.count_nonzero(found.stood_ms) == 3
