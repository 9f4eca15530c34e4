"""Every metric of the closed table as one flow shows it: what tables and comparisons are made of.

Law: a metric is measured here as an expectation about it would be. The table is always whole: what cannot be told has
no value, and where a flow's figures answer nothing, none has.
"""

from __future__ import annotations

from lab.analysis.measures.measures import Measures
from lab.analysis.values import Measured
from lab.scenario.metrics import METRICS, Metric


def measured(measures: Measures) -> tuple[Measured, ...]:
    """Return every metric of a followed flow."""
    return tuple(_one(measures, metric) for metric in METRICS)


def nothing_measured(absence_ms: float | None = None) -> tuple[Measured, ...]:
    """Return every metric of a flow without figures, which was silent for `absence_ms`, where that is known."""
    known = {"absence": absence_ms}
    return tuple(Measured(name=each.name, unit=each.unit, value=known.get(each.name)) for each in METRICS)


def _one(measures: Measures, metric: Metric) -> Measured:
    value = None if measures.undecided(metric.name) else measures.value(metric.name)
    low, high = (None if value is None else measures.interval(metric.name)) or (None, None)
    return Measured(name=metric.name, unit=metric.unit, value=value, low=low, high=high)
