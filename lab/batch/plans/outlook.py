"""`lab plan`: what running scenario files, or sweeps over them, would do.

Law: nothing is touched. A file with a `sweep:` section is told twice, its base and the sweep, for both can be run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from operator import call
from pathlib import Path

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.batch.plans.run_outlook import run_outlook
from lab.batch.plans.sweep_outlook import sweep_outlook
from lab.errors import UsageError
from lab.scenario.load import draft, every, find, find_one, load


def outlook(named: tuple[Path, ...], asked: SweepAsked) -> Iterator[str]:
    """Yield the outlook of each scenario in the files `named`, and of each sweep.

    What is wrong hides nothing else: at the end ScenarioError has every complaint. UsageError.
    """
    files = (find_one(named),) if asked.varies else find(named)
    if not asked.controls and not any(swept for _, swept in every(files, partial(_is_swept, asked=asked))):
        raise UsageError("--no-controls is about sweeps", fix="give axes, or leave it out")
    for _, lines in every((partial(tell, path, asked) for path in files for tell in (_base, _sweep)), call):
        if lines:
            yield "\n".join((*lines, ""))


def _base(path: Path, asked: SweepAsked) -> Sequence[str]:
    return () if asked.varies else tuple(run_outlook(load(path, sets=asked.sets, seed=asked.seed)))


def _sweep(path: Path, asked: SweepAsked) -> Sequence[str]:
    return tuple(sweep_outlook(plan(path, asked))) if _is_swept(path, asked) else ()


def _is_swept(path: Path, asked: SweepAsked) -> bool:
    return asked.varies or draft(path, sets=asked.sets).sweep is not None
