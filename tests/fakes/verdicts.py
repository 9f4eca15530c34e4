"""Fake runs with verdicts that tables and comparisons can read: what was measured stands in the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lab.analysis.values import Measured, Outcome, Owner, RunVerdict
from lab.batch.crews.crew import Attempt
from lab.batch.folders.journal import ERROR
from lab.batch.plans.cells import Cell
from lab.evidence import names
from lab.evidence.durable import write_atomically
from lab.report.json import dumps
from lab.scenario.metrics import METRICS
from tests.fakes.sweeps import FakeRuns
from tests.unit.report.values import RUN

Figures = Mapping[str, tuple[float, float, float]]
"""Value and both ends of some metrics; of the others nothing is known."""


def verdict(run: str, outcome: str, owner: Owner, figures: Figures, subscribers: tuple[str, ...]) -> RunVerdict:
    """Return the verdict of a run that has a flow to each of `subscribers`, all measured alike."""
    known = {name: dict(zip(("value", "low", "high"), ends, strict=True)) for name, ends in figures.items()}
    metrics = tuple(
        Measured(name=each.name, unit=each.unit, **{"value": None, **known.get(each.name, {})}) for each in METRICS
    )
    ended = {"outcome": Outcome(outcome), "owner": owner}
    flow = replace(RUN.flows[0], metrics=metrics, **ended)
    return replace(RUN, run=run, flows=tuple(replace(flow, subscriber=name) for name in subscribers), **ended)


class JudgedRuns(FakeRuns):
    """Fake runs, each with the verdict that says what `measured` returns for its cell."""

    def __init__(
        self,
        measured: Callable[[Cell], Figures],
        ends: Mapping[str, tuple[str, ...]] | None = None,
        subscribers: tuple[str, ...] = ("subscriber",),
    ) -> None:
        """Make runs that end as `ends` says, with a flow to each of `subscribers`."""
        super().__init__(ends)
        self._measured, self._subscribers = measured, subscribers

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`, and its verdict."""
        made = super().__call__(cell, folder)
        if made.outcome != ERROR:
            owner = Owner.UPLINK if made.outcome == "FAIL" else Owner.NONE
            said = verdict(folder.name, made.outcome, owner, self._measured(cell), self._subscribers)
            write_atomically(folder / names.VERDICT, dumps([said]).encode())
        return made
