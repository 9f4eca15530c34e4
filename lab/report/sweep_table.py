"""A sweep's rows as words: for the terminal, Markdown and spreadsheets.

Law: an estimate is never shown without its interval, a row never without how many of its runs count; what nobody
knows is called unknown, and what was not run missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.analysis.several.pooling import Pooled
from lab.report.amounts import many
from lab.report.figures import end, with_unit
from lab.report.plain import clean
from lab.report.rows import Row, SweepTable
from lab.report.table import FIXED, Table
from lab.scenario.sweeping import shortest

CONTROL = "clean control"
_NOBODY = "\N{EN DASH}"
_RUNS = "valid / tried"
_TIMES = "\N{MULTIPLICATION SIGN}"


def words(found: SweepTable) -> Table:
    """Return the table in words, each axis by its shortest name."""
    flows = len({row.flow for row in found.rows}) > 1
    axes = tuple(shortest(found.by)) or (("cells",) if any(row.control for row in found.rows) else ())
    heads = (*axes, *(["flow"] if flows else []), "verdict", "owner", _RUNS, *found.metrics)
    return Table(
        title=_title(found),
        heads=heads,
        rows=tuple(_cells(row, found, len(axes), flows=flows) for row in found.rows),
        notes=tuple(_notes(found)),
        right=frozenset((_RUNS,)),
    )


def estimate(found: Pooled, name: str, runs: int) -> str:
    """Return what `runs` runs came to in the metric `name`: value, interval, and how many knew it unless all did."""
    if found.value is None:
        return "unknown"
    parts = [with_unit(found.value, name, FIXED)]
    if found.low is not None or found.high is not None:
        parts.append(f"({end(found.low, name)}{_NOBODY}{end(found.high, name)})")
    if found.n != runs:
        parts.append(f"n{FIXED}={FIXED}{found.n}")
    return " ".join(parts)


def _title(found: SweepTable) -> str:
    planned, valid, tried = (_summed(found, count) for count in ("planned", "valid", "tried"))
    cells = f"{many(planned, 'cell')}: {valid} valid of {tried} tried"
    missing = f", {planned - valid} missing" if planned > valid else ""
    return f"{found.scenario}   {found.sweep}   {cells}{missing}"


def _summed(found: SweepTable, count: str) -> int:
    """Return a count over all cells; rows of several flows speak of the same cells."""
    return sum({(row.control, row.setting): getattr(row, count) for row in found.rows}.values())


def _cells(row: Row, found: SweepTable, axes: int, *, flows: bool) -> tuple[str, ...]:
    setting = [value for _, value in row.setting] or [CONTROL if row.control else "all"]
    metrics = (estimate(row.metrics[name], name, row.valid) if row.metrics else "missing" for name in found.metrics)
    return (
        *(setting + [""] * (axes - len(setting)))[:axes],
        *([row.flow] if flows else []),
        _verdict(row),
        ", ".join(row.owners) or _NOBODY,
        _runs(row),
        *metrics,
    )


def _verdict(row: Row) -> str:
    """Return how the runs ended, and how many so where they differ."""
    if not row.outcomes:
        return "missing"
    if len(row.outcomes) == 1:
        return next(iter(row.outcomes))
    return " ".join(f"{outcome}{FIXED}{_TIMES}{count}" for outcome, count in sorted(row.outcomes.items()))


def _runs(row: Row) -> str:
    missing = row.planned - row.valid
    return f"{row.valid}{FIXED}/{FIXED}{row.tried}" + (f", {missing}{FIXED}missing" if missing else "")


def _notes(found: SweepTable) -> Iterator[str]:
    yield from (f"missing although it was run: {clean(why)}" for why in found.unread)
    if vain := _summed(found, "unanswered") - len(found.unread):
        yield f"{many(vain, 'attempt')} void or failed, which do not count: lab ls {found.sweep} says why"
    yield "the mean of a row's runs (95 % interval); ? is an open end"
    if found.over:
        alike = "seed and repetition" if "seed" in found.over else "repetition"
        yield f"each row takes {' and '.join(found.over)} together; runs of one {alike} count as one"
    if any(each.n not in (0, row.valid) for row in found.rows for each in row.metrics.values()):
        yield "n: how many runs knew it, where not all did"
    if any(row.valid == 1 for row in found.rows):
        yield "a row of one run has that run's own interval, which says nothing of how another run would differ"
    if any(row.valid > 1 and row.dice == 1 for row in found.rows):
        yield "a row of one repetition has its runs' own interval, which says nothing of how another would differ"
