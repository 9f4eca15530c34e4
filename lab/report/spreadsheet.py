"""A sweep's rows as numbers: a pandas frame, CSV and JSON.

Law: numbers in the metric's own unit, shares 0..1; unknown is an empty cell, or null. Text that a spreadsheet would
take for a formula begins with an apostrophe, and every text is quoted, so that no other separator cuts it apart.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.report.figures import finite, interval
from lab.report.plain import clean
from lab.report.rows import Row, SweepTable

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
_FORMULA = tuple("=+-@|%")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_COUNTED = ("planned", "valid", "tried")
_OUTCOMES = ("PASS", "FAIL", "UNKNOWN")
Value = str | float | int | None


def frame(found: SweepTable) -> pd.DataFrame:
    """Return a line per row: its setting, flow, counts, and per metric the value, both ends, and how many runs knew."""
    figures = [f"{name}{end}" for name in found.metrics for end in ("", "_low", "_high", "_runs")]
    heads = [*found.by, "control", "flow", *_COUNTED, *_OUTCOMES, "owners", "unread", *figures]
    return framed(heads, [_line(row, found) for row in found.rows])


def framed(heads: Sequence[str], lines: Sequence[Sequence[Value]]) -> pd.DataFrame:
    """Return `lines` below `heads`; what is not finite is unknown."""
    import pandas as pd

    cells = [[value if isinstance(value, str) else finite(value) for value in line] for line in lines]
    return pd.DataFrame(cells, columns=list(heads), dtype=object)


def to_csv(lines: pd.DataFrame) -> str:
    """Return `lines` as CSV that executes nothing."""
    rows = [[inert(value) for value in line] for line in lines.itertuples(index=False, name=None)]
    plain = framed([str(inert(head)) for head in lines.columns], rows)
    return str(plain.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n"))


def inert(value: Value) -> Value:
    """Return text that no spreadsheet takes for a formula, and anything else as it is."""
    if not isinstance(value, str):
        return value
    words = clean(value)
    begins = unicodedata.normalize("NFKC", words).lstrip().startswith(_FORMULA)
    return f"'{words}" if begins and not _NUMBER.fullmatch(words) else words


def to_json(found: SweepTable) -> str:
    """Return the table as one JSON document, ending in a newline."""
    document = {
        "format": FORMAT,
        "sweep": found.sweep,
        "scenario": found.scenario,
        "by": list(found.by),
        "rows": [_object(row) for row in found.rows],
        "unread": list(found.unread),
    }
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _line(row: Row, found: SweepTable) -> list[Value]:
    setting = dict(row.setting)
    figures = [row.metrics.get(name) for name in found.metrics]
    return [
        *(setting.get(key) for key in found.by),
        str(row.control).lower(),
        row.flow or None,
        *(getattr(row, count) for count in _COUNTED),
        *(row.outcomes.get(outcome, 0) for outcome in _OUTCOMES),
        " ".join(row.owners) or None,
        "; ".join(row.unread) or None,
        *(part for each in figures for part in ((each.value, each.low, each.high, each.n) if each else (None,) * 4)),
    ]


def _object(row: Row) -> dict[str, Any]:
    figures = {
        name: {"value": finite(each.value), "interval": interval(each.low, each.high), "runs": each.n}
        for name, each in row.metrics.items()
    }
    return {
        "setting": dict(row.setting),
        "control": row.control,
        "flow": row.flow or None,
        **{count: getattr(row, count) for count in _COUNTED},
        "outcomes": dict(sorted(row.outcomes.items())),
        "owners": list(row.owners),
        "unread": list(row.unread),
        "metrics": figures,
    }
