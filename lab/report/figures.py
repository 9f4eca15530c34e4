"""A figure: for people in its metric's unit, for programs as the same number on every machine.

Law: shares are in percent, times in whole milliseconds, counts whole where they are; what is not finite nobody knows.
"""

from __future__ import annotations

import math

from lab.scenario.metrics import is_trend, unit

_UNITS = {"share": "%", "ms": "ms"}
_DIGITS = 9


def with_unit(value: float, metric: str, space: str) -> str:
    """Return a `value` of `metric`, and behind a `space` in which unit that is, if it has one."""
    words = _UNITS.get(unit(metric), "") + ("/min" if is_trend(metric) else "")
    return space.join(filter(None, (_in_unit(value, metric), words)))


def end(value: float | None, metric: str) -> str:
    """Return an end of an interval of `metric`; `?` where it is open."""
    return "?" if value is None or not math.isfinite(value) else _in_unit(value, metric)


def whole(value: float) -> str:
    """Return whole numbers whole, halves with their half."""
    return f"{value:.1f}".removesuffix(".0")


def finite(value: float | None) -> float | None:
    """Round away what differs between machines; what is not finite is unknown."""
    if value is None or not math.isfinite(value):
        return None
    return value if isinstance(value, int) else round(float(value), _DIGITS)


def interval(low: float | None, high: float | None) -> list[float | None] | None:
    """Return both ends, None where neither is known."""
    return None if low is None and high is None else [finite(low), finite(high)]


def _in_unit(value: float, metric: str) -> str:
    match unit(metric):
        case "share":
            return f"{100 * value:.1f}"
        case "ms":
            return f"{value:.0f}"
        case _:
            return whole(value)
