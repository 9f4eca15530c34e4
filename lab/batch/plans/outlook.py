"""`lab plan`: what running scenario files, or sweeps over them, would do.

Law: nothing is touched. A file with a `sweep:` section is told twice, its base and the sweep, for both can be run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.batch.plans.run_outlook import run_outlook
from lab.batch.plans.sweep_outlook import sweep_outlook
from lab.errors import UsageError
from lab.scenario.load import draft, find, find_one, load


def outlook(named: tuple[Path, ...], asked: SweepAsked) -> Iterator[str]:
    """Yield the outlook of each scenario in the files `named`, and of each sweep. ScenarioError, UsageError."""
    files = (find_one(named),) if asked.varies else find(named)
    if not asked.controls and not any(_is_swept(path, asked) for path in files):
        raise UsageError("--no-controls is about sweeps", fix="give axes, or leave it out")
    for path in files:
        if not asked.varies:
            yield "\n".join((*run_outlook(load(path, sets=asked.sets, seed=asked.seed)), ""))
        if _is_swept(path, asked):
            yield "\n".join((*sweep_outlook(plan(path, asked)), ""))


def _is_swept(path: Path, asked: SweepAsked) -> bool:
    return asked.varies or draft(path, sets=asked.sets).sweep is not None
