"""Amounts as a person says them: of time, and of things."""

from __future__ import annotations

import math

_MINUTE_S = 60
_FEW = 2
"""How many of the larger unit there must be before it is used."""


def length(seconds: float) -> str:
    """Return `seconds` in the unit that fits: `41 s`, `10 min`, `2 h 30 min`; minutes are rounded up."""
    minutes = math.ceil(seconds / _MINUTE_S)
    if seconds < _FEW * _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < _FEW * _MINUTE_S else f"{minutes // 60} h {minutes % 60:02d} min"


def many(count: int, noun: str) -> str:
    """Return `count` with its `noun`: `1 cell`, `2 cells`, `0 cells`."""
    return f"{count} {noun}{'s' * (count != 1)}"
