"""The `sweep:` section of a scenario file, read as if its axes stood on the command line.

Law: a value in the file means what the same text means after `KEY=`; what is wrong with it is told where it stands.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from lab.errors import UsageError
from lab.scenario import guard, sweeping
from lab.scenario.sweeping import Axis, Sweep
from lab.scenario.tree import FieldError
from lab.scenario.written import SweepWritten

_MARKS = frozenset(",{}[]\"'")


def swept(written: SweepWritten) -> Sweep:
    """Return the sweep that the section spells. FieldError."""
    if not written.axes and written.repeat == 1:
        raise FieldError(("sweep",), "varies nothing; give axes, or a repeat")
    axes = [_axis(key, values) for key, values in written.axes.items()]
    try:
        return sweeping.sweep(axes, written.zip, written.repeat)
    except UsageError as wrong:
        raise FieldError(("sweep",), str(wrong)) from wrong


def _axis(key: str, values: Any) -> Axis:
    """Return one axis; text is read as the command line would, a list value by value."""
    texts = [_text(value) for value in values] if isinstance(values, list) else [_spelled(values)]
    try:
        return sweeping.axis_of(key, texts)
    except ValueError as wrong:
        raise FieldError(("sweep", "axes", key), str(wrong)) from wrong


def _text(value: Any) -> str:
    """Return one value of a list as it would be typed: text that would be read as something else in quotes."""
    plain = not isinstance(value, str) or (guard.scalar(value) == value and not _MARKS & set(value))
    return _spelled(value) if plain else json.dumps(value, ensure_ascii=False)


def _spelled(value: Any) -> str:
    match value:
        case str():
            return value
        case float():
            return f"{Decimal(repr(value)):f}"
        case _:
            return json.dumps(value, ensure_ascii=False)
