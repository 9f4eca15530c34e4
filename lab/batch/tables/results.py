"""What a sweep came to: its cells grouped by axes, repetitions taken together, flow by flow.

Law: every planned cell is in exactly one row, done or missing; only runs that count are pooled, and how often it was
tried is said. A run that is gone, was judged void since, or has a verdict that cannot be read, makes its cell missing,
says why, and hides no other. A run that counts is counted by its outcome in the row of every flow, with its own where
it could not follow that flow. A folder that holds runs of another sweep is refused: nobody could tell which row they
belong to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.analysis.several.pooling import Pooled, averaged, pooled
from lab.analysis.values import Measured, Outcome, Owner
from lab.batch.folders.committed import SweepFolder, check_one_sweep
from lab.batch.plans.cells import Cell
from lab.batch.runs.verdicts import told, told_or_why
from lab.errors import UsageError
from lab.report.rows import Row, SweepTable
from lab.report.verdicts import Told, ToldFlow
from lab.scenario.metrics import METRICS
from lab.scenario.sweeping import Axis, Dice, Setting, key_named
from lab.scenario.tree import did_you_mean

REPETITION = "repetition"
"""What a table can be by beside the axes."""
DEFAULT_METRICS = ("audio_loss", "code_loss", "gap_p95", "delay_p95")


@dataclass(frozen=True, kw_only=True)
class _Done:
    """A cell, how often it was tried, and the run that counts; `unread` says why a run that did does not any more."""

    cell: Cell
    tried: int
    run: Told | None
    unread: str = ""


_Groups = tuple[tuple[Setting | None, tuple[_Done, ...]], ...]
"""Cells by setting, None for the clean controls."""


def results(folder: SweepFolder, by: str | None = None, wanted: Sequence[str] = DEFAULT_METRICS) -> SweepTable:
    """Return the table of the sweep in `folder` by the axes `by` (`loss,red`; None: all), with the metrics `wanted`.

    Raises UsageError for axes and metrics that there are not, EvidenceError for mixed sweeps.
    """
    check_one_sweep(folder)
    keys = [key for axis in folder.plan.axes for key in axis.keys]
    named = keys if by is None else [key_named(name, (*keys, REPETITION)) for name in by.split(",")]
    chosen = tuple(dict.fromkeys(named))
    names = metrics_named(wanted)
    done = [_done(folder, cell) for cell in folder.cells]
    flows = _flows(each.run for each in done if each.run)
    groups = _grouped(done, chosen, folder.plan.axes)
    rows = (_row(setting, group, flow, names) for setting, group in groups for flow in flows)
    return SweepTable(
        sweep=folder.plan.sweep,
        scenario=folder.plan.name,
        by=chosen,
        over=_taken_together(groups, [key for key in keys if key not in chosen]),
        metrics=names,
        rows=tuple(rows),
    )


def of_run(folder: Path, wanted: Sequence[str] = DEFAULT_METRICS) -> SweepTable:
    """Return the table of a single run, a row per flow; a void one has figures all the same, and does not count."""
    names, run = metrics_named(wanted), told(folder)
    valid = int(run.outcome != Outcome.VOID)
    rows = tuple(
        Row(
            setting=(),
            control=False,
            flow=flow,
            planned=1,
            valid=valid,
            tried=1,
            dice=1,
            outcomes={(_said(run, flow) if valid else run).outcome.value: 1},
            owners=_owners([_said(run, flow)]),
            metrics={name: pooled(list(_figures(_heard([run], flow), name))) for name in names},
        )
        for flow in _flows([run])
    )
    return SweepTable(sweep=run.run, scenario=run.scenario, by=(), over=(), metrics=names, rows=rows)


def metrics_named(wanted: Sequence[str]) -> tuple[str, ...]:
    """Return `wanted`, each a metric of the closed table. UsageError."""
    known = [each.name for each in METRICS]
    for name in wanted:
        if name not in known:
            raise UsageError(f"no metric '{name}' {did_you_mean(name, known)}")
    return tuple(dict.fromkeys(wanted))


def _done(folder: SweepFolder, cell: Cell) -> _Done:
    valid = folder.valid(cell)
    run = told_or_why(valid.folder) if valid else folder.gone(cell)
    why = run if isinstance(run, str) else ""
    return _Done(cell=cell, tried=folder.tried(cell), run=None if isinstance(run, str) else run, unread=why)


def _grouped(done: Iterable[_Done], by: Sequence[str], axes: Sequence[Axis]) -> _Groups:
    """Return the cells of each setting, in the order of the axes' values; clean controls (None) last."""
    groups: dict[Setting | None, list[_Done]] = {}
    for each in done:
        groups.setdefault(None if each.cell.control else _setting(each.cell, by), []).append(each)
    places = _places(axes)

    def order(setting: Setting | None) -> tuple[bool, list[int]]:
        return setting is None, [places.get(each, len(places)) for each in setting or ()]

    return tuple((setting, tuple(groups[setting])) for setting in sorted(groups, key=order))


def _places(axes: Sequence[Axis]) -> Mapping[tuple[str, str], int]:
    """Return which one of its axis each value is."""
    columns = [(key, [row[i] for row in axis.values]) for axis in axes for i, key in enumerate(axis.keys)]
    return {(key, value): place for key, values in columns for place, value in enumerate(dict.fromkeys(values))}


def _setting(cell: Cell, by: Sequence[str]) -> Setting:
    values = {**dict(cell.setting), REPETITION: str(cell.repetition)}
    return tuple((key, values[key]) for key in by)


def _taken_together(groups: _Groups, left_out: Iterable[str]) -> tuple[str, ...]:
    """Return those axes of `left_out` of which a row holds more than one value."""
    held = [[dict(each.cell.setting) for each in group] for setting, group in groups if setting is not None]
    return tuple(key for key in left_out if any(len({one[key] for one in cells}) > 1 for cells in held))


def _row(setting: Setting | None, group: Sequence[_Done], flow: str, names: Sequence[str]) -> Row:
    runs = [each.run for each in group if each.run]
    said = [_said(run, flow) for run in runs]
    return Row(
        setting=setting or (),
        control=setting is None,
        flow=flow,
        planned=len(group),
        valid=len(runs),
        tried=sum(each.tried for each in group),
        dice=len({each.cell.dice for each in group if each.run}),
        outcomes=dict(Counter(each.outcome.value for each in said)),
        owners=_owners(said),
        metrics={name: _estimate(group, flow, name) for name in names} if runs else {},
        unread=tuple(f"{each.cell.label}: {each.unread}" for each in group if each.unread),
    )


def _estimate(group: Iterable[_Done], flow: str, name: str) -> Pooled:
    """Return what the runs of a row come to; those with the same dice are one among the others."""
    found: dict[Dice, list[Measured]] = {}
    for each in group:
        heard = _heard([each.run] if each.run else [], flow)
        known = [one for one in _figures(heard, name) if one.value is not None]
        found.setdefault(each.cell.dice, []).extend(known)
    together = [averaged(known) for known in found.values() if known]
    return replace(pooled(together), n=sum(map(len, found.values())))


def _flows(runs: Iterable[Told]) -> tuple[str, ...]:
    """Return the names of all flows of `runs`, one without a name where none could be followed."""
    return tuple(dict.fromkeys(_name(flow) for run in runs for flow in run.flows)) or ("",)


def _heard(runs: Iterable[Told], flow: str) -> list[ToldFlow]:
    return [each for run in runs for each in run.flows if _name(each) == flow]


def _said(run: Told, flow: str) -> ToldFlow | Told:
    """Return what speaks for `run` in the row of `flow`: the run itself where it could not follow that flow."""
    return next(iter(_heard([run], flow)), run)


def _owners(said: Iterable[ToldFlow | Told]) -> tuple[str, ...]:
    return tuple(sorted({each.owner.value for each in said} - {Owner.NONE.value}))


def _figures(flows: Iterable[ToldFlow], name: str) -> Iterator[Measured]:
    return (one for flow in flows for one in flow.metrics if one.name == name)


def _name(flow: ToldFlow) -> str:
    return f"{flow.publisher} → {flow.subscriber}"
