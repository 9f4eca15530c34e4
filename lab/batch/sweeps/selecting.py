"""Which of a sweep's cells are run now: `--only`, `--shard`, `--max-time`.

Law: what is left out stays planned and missing; another go, or another machine, makes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.batch.plans.sweep_outlook import run_s
from lab.digits import whole
from lab.errors import UsageError
from lab.report.amounts import many
from lab.scenario import units
from lab.scenario.sweeping import key_named


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Part `number` (from 1) of `of`."""

    number: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The cells with every value in `only` (`KEY=VALUE`, or the beginning of a cell's id), of one `shard`."""

    only: tuple[str, ...] = ()
    shard: Shard | None = None
    max_time_ms: float | None = None

    def of(self, plan: Plan) -> tuple[Cell, ...]:
        """Return the selected cells, in the order of the plan. UsageError when there are none."""
        wanted = [_matching(each, plan) for each in self.only]
        cells = [cell for cell in plan.cells if all(matches(cell) for matches in wanted)]
        if not cells:
            raise UsageError(f"--only {' '.join(self.only)}: no cell is all of that", fix="`lab plan` shows them")
        return _part(cells, self.shard) if self.shard else tuple(cells)

    def may_begin(self, clock: Callable[[], float] = time.monotonic) -> Callable[[Cell], bool]:
        """Return who says whether a cell would be done in time, which runs from now on."""
        if self.max_time_ms is None:
            return lambda _: True
        until_s = clock() + self.max_time_ms / 1000
        return lambda cell: clock() + run_s(cell.scenario.media) <= until_s


def shard(text: str) -> Shard:
    """Return what `2/4` means. UsageError."""
    number, of = map(whole, text.partition("/")[::2])
    if number is None or of is None or not 1 <= number <= of:
        raise UsageError(f"--shard {text}: a part is I/N", fix="such as 2/4, the second of four")
    return Shard(number=number, of=of)


def max_time(text: str) -> float:
    """Return the milliseconds that `30m` means. UsageError."""
    try:
        return units.duration(text)
    except ValueError as error:
        raise UsageError(f"--max-time {text}: {error}") from error


def _matching(text: str, plan: Plan) -> Callable[[Cell], bool]:
    """Return who says whether a cell is what `text` names."""
    name, equals, value = text.partition("=")
    if not equals:
        if not text or not any(cell.id.startswith(text) for cell in plan.cells):
            raise UsageError(f"--only {text}: no cell's id begins so", fix="KEY=VALUE, or what `lab ls SWEEP` lists")
        return lambda cell: cell.id.startswith(text)
    key = key_named(name, [key for axis in plan.axes for key in axis.keys])
    known = dict.fromkeys(dict(cell.setting)[key] for cell in plan.cells)
    if value not in known:
        raise UsageError(f"--only {text}: not a value of that axis", fix=f"it has {', '.join(known)}")
    return lambda cell: dict(cell.setting)[key] == value


def _part(cells: Sequence[Cell], shard: Shard) -> tuple[Cell, ...]:
    """Return every `of`-th cell, so that each part has some of every repetition. UsageError when there are none."""
    if part := tuple(cells[shard.number - 1 :: shard.of]):
        return part
    words = f"--shard {shard.number}/{shard.of}: nothing is left for it of {many(len(cells), 'cell')}"
    raise UsageError(words, fix=f"at most {many(len(cells), 'part')}")
