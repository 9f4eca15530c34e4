"""A comparison as numbers: CSV and JSON.

Law: numbers in the metric's own unit, shares 0..1; unknown is an empty cell, or null. A verdict that changed is a line
of the metric `verdict`, before the differences; then what is undecided; what was not compared comes last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from lab.analysis.several.compared import Alone, Change, Compared, Comparison, Differing
from lab.analysis.several.pooling import Pooled
from lab.analysis.values import Outcome, Owner
from lab.report.figures import finite, interval
from lab.report.spreadsheet import Value, framed, to_csv
from lab.scenario.sweeping import spelled

FORMAT = 1
_PLACE = ("first", "second", "scope", "setting", "repetition", "flow", "metric", "unit", "pairs", "finding")
_FIGURES = ("first_value", "second_value", "difference", "low", "high", "p", "p_corrected")


def csv(comparisons: Sequence[Comparison]) -> str:
    """Return every comparison as CSV that executes nothing."""
    return to_csv(framed((*_PLACE, *_FIGURES), [line for one in comparisons for line in _lines(one)]))


def dumps(comparisons: Sequence[Comparison]) -> str:
    """Return every comparison as one JSON document, ending in a newline."""
    document = {"format": FORMAT, "comparisons": [_comparison(one) for one in comparisons]}
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _lines(found: Comparison) -> Iterator[list[Value]]:
    sides: list[Value] = [found.first, found.second]
    for change in found.changes:
        place, empty = change.place, [None] * 5
        scope = "clean controls" if place.control else "setting"
        where: list[Value] = [scope, spelled(place.setting) or None, place.repetition, None, "verdict", None, 1]
        yield [*sides, *where, change.finding.value, _verdict(*change.first), _verdict(*change.second), *empty]
    for row in found.rows:
        gap = row.difference
        where = [row.scope.value, spelled(row.setting) or None, None, row.flow or None, row.metric, row.unit, gap.n]
        figures = [row.first.value, row.second.value, gap.value, gap.low, gap.high, gap.p, row.corrected]
        yield [*sides, *where, row.finding.value, *figures]
    yield from ([*sides, "undecided", words, *[None] * 13] for words in found.undecided)
    for flow in found.unheard:
        yield [*sides, "not compared", f"flow {flow}: not on both sides", *[None] * 13]
    for one in found.alone:
        yield [*sides, "not compared", f"{one.what} of {one.side}: {one.why}", *[None] * 13]


def _verdict(outcome: Outcome, owner: Owner) -> str:
    return f"{outcome} {owner}"


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "first": found.first,
        "second": found.second,
        "compared": [_differing(one) for one in found.compared],
        "allowed": [_differing(one) for one in found.allowed],
        "pairs": found.pairs,
        "verdicts": [_change(one) for one in found.changes],
        "differences": [_row(one) for one in found.rows],
        "not_compared": [_alone(one) for one in found.alone],
        "uncompared_settings": [dict(setting) for setting in found.uncompared],
        "uncompared_flows": list(found.unheard),
        "regressions": list(found.regressions),
        "undecided": list(found.undecided),
    }


def _differing(one: Differing) -> dict[str, Any]:
    return {"thing": one.thing, "detail": one.detail or None, "first": one.first or None, "second": one.second or None}


def _alone(one: Alone) -> dict[str, Any]:
    return {"side": one.side, "what": one.what, "why": one.why}


def _change(change: Change) -> dict[str, Any]:
    sides = (("first", change.first), ("second", change.second))
    return {
        "setting": dict(change.place.setting),
        "repetition": change.place.repetition,
        "control": change.place.control,
        **{name: {"outcome": outcome.value, "owner": owner.value} for name, (outcome, owner) in sides},
        "finding": change.finding.value,
    }


def _row(row: Compared) -> dict[str, Any]:
    gap = row.difference
    return {
        "scope": row.scope.value,
        "setting": dict(row.setting),
        "flow": row.flow or None,
        "metric": row.metric,
        "unit": row.unit,
        "pairs": gap.n,
        "first": _pooled(row.first),
        "second": _pooled(row.second),
        "difference": {"value": finite(gap.value), "interval": interval(gap.low, gap.high)},
        "p": finite(gap.p),
        "p_corrected": finite(row.corrected),
        "finding": row.finding.value,
    }


def _pooled(one: Pooled) -> dict[str, Any]:
    return {"value": finite(one.value), "interval": interval(one.low, one.high)}
