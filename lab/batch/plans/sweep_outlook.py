"""What a sweep would do, told before anything is done: its axes, its cells in their order, the labs and the time.

Law: nothing is touched, and nothing promised: the time is what runs take that need no second try, on one lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.report.amounts import length, many
from lab.scenario.model import Media
from lab.scenario.sweeping import Axis, spelled

RUN_S = 2.0
"""What a run takes besides its media: captures opened, clients started and joined, buffers drained."""
LAB_S = 3.0
"""What a lab takes: containers, bump and server, and taking them down. Both measured on two cores."""


def sweep_outlook(plan: Plan) -> Iterator[str]:
    """Yield the lines of the text."""
    controls = sum(cell.control for cell in plan.cells)
    runs = len(plan.cells) - controls
    yield f"{plan.name}   a sweep of {many(runs, 'cell')} and {many(controls, 'clean control')}   seed {plan.seed}"
    yield "\naxes"
    yield from (f"  {_axis(axis)}" for axis in plan.axes)
    yield f"  each combination {'once' if plan.repeat == 1 else f'{plan.repeat} times'}"
    yield "\ntime"
    yield from (f"  {line}" for line in _time(plan))
    yield "\ncells, in the order in which they are run"
    digits = len(str(len(plan.cells)))
    yield from (f"  {place:>{digits}}  {_cell(cell, plan.repeat)}" for place, cell in enumerate(plan.cells, 1))


def _axis(axis: Axis) -> str:
    """Return an axis in one line; zipped keys side by side, and so their values."""
    return f"{' + '.join(axis.keys)}: {', '.join(' + '.join(value) for value in axis.values)}"


def _time(plan: Plan) -> Iterator[str]:
    takes = [run_s(cell.scenario.media) for cell in plan.cells]
    total_s = sum(takes) + LAB_S * plan.labs
    low, high = min(takes), max(takes)
    each = f"{low:g} s" if math.isclose(low, high) else f"{low:g} to {high:g} s"
    yield f"{each} a run, of which {RUN_S:g} s are not media; {many(plan.labs, 'lab')} of {LAB_S:g} s each"
    yield f"about {length(total_s)} in all on one lane"


def run_s(media: Media) -> float:
    """Return about how long a run takes in a lab that stands."""
    return media.whole_ms / 1000 + RUN_S


def _cell(cell: Cell, repeat: int) -> str:
    if cell.control:
        return f"clean control {cell.repetition}"
    again = f"   {cell.repetition} of {repeat}" if repeat > 1 else ""
    return f"{spelled(cell.setting) or 'the file as it is'}{again}"
