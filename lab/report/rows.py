"""What a table of a sweep says, as values: a row is the runs of one setting, of one flow, taken together.

Law: a cell that has no run is counted and never left out; an interval stands beside every estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.analysis.several.pooling import Pooled
from lab.scenario.sweeping import Setting


@dataclass(frozen=True, kw_only=True)
class Row:
    """The cells of one `setting`: `planned` of them, `valid` with a run that counts, `tried` attempts in all.

    `dice` counts the dice that the valid runs were made with: those with the same ones are one among the others.
    `setting` has a value per key of the table's `by`, none for clean controls. `outcomes` counts the valid runs;
    `owners` are those blamed or noted, without nobody. `metrics` has every metric asked for, in their order; a row of
    no run has none. `flow` is `publisher → subscriber`. `unread` says of which cells the run that counted is gone, was
    judged void since, or has a verdict that cannot be read, and why: they are missing here.
    """

    setting: Setting
    control: bool
    flow: str
    planned: int
    valid: int
    tried: int
    dice: int
    outcomes: Mapping[str, int]
    owners: tuple[str, ...]
    metrics: Mapping[str, Pooled]
    unread: tuple[str, ...] = ()

    @property
    def unanswered(self) -> int:
        """How many attempts have no outcome here: void ones, failed ones, and what is unread."""
        return self.tried - sum(self.outcomes.values())


@dataclass(frozen=True, kw_only=True)
class SweepTable:
    """A sweep by the axes `by`, of which each row has a value; `over` are those that a row takes together."""

    sweep: str
    scenario: str
    by: tuple[str, ...]
    over: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def unread(self) -> tuple[str, ...]:
        """What is unread in its rows, each cell once: rows of several flows speak of the same cells."""
        return tuple(dict.fromkeys(why for row in self.rows for why in row.unread))
