"""`verdict.json`, read: what a run was judged to be, as values again.

Law: what `lab.report.json` wrote comes back as it was measured, rounded to what was written. A newer format is refused
by name. A verdict of a lab that did not keep every metric has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.analysis.values import Measured, Outcome, Owner
from lab.errors import EvidenceError
from lab.evidence.decode import decode, document
from lab.report.json import FORMAT
from lab.scenario.metrics import METRICS, unit


@dataclass(frozen=True, kw_only=True)
class ToldFlow:
    """A flow of a judged run; `metrics` is the closed table, whole and in its order, or empty where less was kept."""

    publisher: str
    subscriber: str
    outcome: Outcome
    owner: Owner
    metrics: tuple[Measured, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A judged run, as far as tables and comparisons ask."""

    run: str
    scenario: str
    outcome: Outcome
    owner: Owner
    reasons: tuple[str, ...]
    void: tuple[str, ...]
    flows: tuple[ToldFlow, ...]


@dataclass(frozen=True, kw_only=True)
class _Figure:
    value: float | None
    interval: tuple[float | None, ...] | None


def loads(text: str, where: str, *, fix: str) -> tuple[Told, ...]:
    """Return the runs in a verdict's JSON `text`.

    EvidenceError naming `where` when it is broken or foreign (`fix` says what to do then), or when it is newer.
    """
    raw = document(text, where, kind="verdict", newest=FORMAT, fix=fix)
    try:
        return tuple(_run(run, where) for run in raw["runs"])
    except EvidenceError as error:
        raise EvidenceError(error.message, fix=fix) from error
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"{where}: not what lab writes there: {error}", fix=fix) from error


def _run(raw: Mapping[str, Any], where: str) -> Told:
    return Told(
        run=decode(str, raw["run"], where),
        scenario=decode(str, raw["scenario"], where),
        outcome=Outcome(raw["outcome"]),
        owner=Owner(raw["owner"]),
        reasons=decode(tuple[str, ...], raw["reasons"], where),
        void=decode(tuple[str, ...], raw["void"], where),
        flows=tuple(_flow(flow, where) for flow in raw["flows"]),
    )


def _flow(raw: Mapping[str, Any], where: str) -> ToldFlow:
    figures = decode(Mapping[str, _Figure], raw.get("metrics", {}), where)  # type: ignore[type-abstract]
    whole = all(each.name in figures for each in METRICS)  # else it is of a lab that knew fewer
    return ToldFlow(
        publisher=decode(str, raw["publisher"], where),
        subscriber=decode(str, raw["subscriber"], where),
        outcome=Outcome(raw["outcome"]),
        owner=Owner(raw["owner"]),
        metrics=tuple(_measured(each.name, figures[each.name]) for each in METRICS) if whole else (),
    )


def _measured(name: str, figure: _Figure) -> Measured:
    """Return a metric as it was measured: an end that is null is open. ValueError."""
    if figure.interval is None:
        return Measured(name=name, unit=unit(name), value=figure.value)
    low, high = figure.interval
    return Measured(
        name=name,
        unit=unit(name),
        value=figure.value,
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
    )
