"""JSON-lines files as a client writes them: one header line that says what it is, then one record per line.

Law: a record is written whole, at once, or not at all but for the last one of a client that was killed.
Times are CLOCK_MONOTONIC nanoseconds; the header states what to add to get CLOCK_REALTIME.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import IO, Any

FORMAT = 1
_encoded = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def realtime_minus_monotonic_ns() -> int:
    """Return the offset between the two clocks, from the tightest of five readings."""
    readings = []
    for _ in range(5):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        readings.append((after - before, wall - (before + after) // 2))
    return min(readings)[1]


class Lines:
    """One JSON-lines file open for appending; `create` makes it, `write` adds a record."""

    def __init__(self, file: IO[str]) -> None:
        """Wrap a line-buffered text file; the file is closed by `close`."""
        self._file = file

    @classmethod
    def create(cls, path: str | os.PathLike[str], kind: str) -> Lines:
        """Create `path` with its header line; raise FileExistsError rather than mix two runs in one file."""
        lines = cls(open(path, "x", encoding="utf-8", buffering=1))  # noqa: SIM115, PTH123 - held open, any path type
        lines.write(
            {
                "format": FORMAT,
                "kind": kind,
                "clock": "monotonic",
                "realtime_minus_monotonic_ns": realtime_minus_monotonic_ns(),
            }
        )
        return lines

    def write(self, record: Mapping[str, Any]) -> None:
        """Append `record` as one line; NaN and infinity are refused (ValueError)."""
        self._file.write(_encoded(record) + "\n")

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()
