"""Symptoms as people say them: it cuts out, it sounds wrong, it was gone, it comes late.

Law: every one is a metric of the closed table, measured as an expectation about it would be.
"""

from __future__ import annotations

from dataclasses import fields

from lab.analysis.measures.measures import Measures
from lab.analysis.values import Symptoms
from lab.scenario.metrics import METRICS

_NAMES = frozenset(field.name for field in fields(Symptoms)) & frozenset(metric.name for metric in METRICS)


def symptoms(measures: Measures) -> Symptoms:
    """Return the symptoms of one flow."""
    found = {name: measures.value(name) for name in sorted(_NAMES)}
    return Symptoms(**found, by_ear=measures.flow.delays.heard)


def never_there(media_ms: float) -> Symptoms:
    """Return the symptoms of a flow without any media, of which there should have been `media_ms`."""
    return Symptoms(absence=media_ms)
