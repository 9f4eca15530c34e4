"""From a sweep that is asked for to its plan.

Law: every cell is resolved and checked before anything is run, and no engine is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lab.batch.plans.asked import SweepAsked, check_known, check_sets
from lab.batch.plans.cells import ImagesOf, cells_of
from lab.batch.plans.images import recipes_for
from lab.batch.plans.plan import Plan
from lab.batch.plans.trials import trials, with_controls
from lab.evidence.store import token, utc_stamp
from lab.scenario.load import draft


def plan(
    path: Path,
    asked: SweepAsked,
    *,
    images_of: ImagesOf = recipes_for,
    clock: Callable[[], int] = time.time_ns,
    entropy: Callable[[], str] = token,
) -> Plan:
    """Return the plan of the sweep that is `asked` for over the scenario file `path`. ScenarioError, UsageError."""
    file = draft(path, sets=asked.sets)
    base = file.scenario(seed=asked.seed)
    sweep = asked.over(file)
    if asked.axes:
        file = file.unswept
    check_known(sweep, base, file)
    check_sets(sweep, asked.sets, file)
    ordered = trials(file, sweep, asked.seed)
    cells = cells_of(tuple(with_controls(ordered)) if asked.controls else ordered, images_of)
    return Plan(
        sweep=f"{utc_stamp(clock())}-{entropy()}",
        source=str(path),
        name=base.name,
        seed=base.seed,
        axes=sweep.axes,
        repeat=sweep.repeat,
        cells=cells,
        images=dict(sorted(item for cell in cells for item in images_of(cell.scenario).items())),
    )
