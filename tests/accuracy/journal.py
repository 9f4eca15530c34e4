"""What has been recorded and what was answered: one line per finished run, so that a killed proof goes on.

Law: a line is written when the run it tells of is whole on disk; a line torn by a kill is no line, and its run is made
again. Paths are relative to the journal's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.accuracy.matrix import Cell

NAME = "journal.ndjson"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One finished run. `error` is why there is no whole recording; `attempt` counts from 1."""

    cell: str
    attempt: int
    text_sha256: str
    faults: tuple[str, ...]
    strengths: tuple[dict[str, float], ...]
    sabotage: str
    folder: str | None
    wall_s: float
    error: str = ""
    found: dict[str, Any] = field(default_factory=dict)


def sha256(cell: Cell) -> str:
    """Return what names the scenario of a cell: another matrix has other ones."""
    return hashlib.sha256(cell.text.encode()).hexdigest()


class Journal:
    """The lines of one matrix, in `folder`."""

    def __init__(self, folder: Path, name: str = NAME) -> None:
        """Open it; the folder is made where it is missing, a torn last line is cut off."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._path = folder, folder / name
        if self._path.exists():
            whole = self._path.read_bytes()
            os.truncate(self._path, whole.rfind(b"\n") + 1)

    def lines(self) -> list[Line]:
        """Return every line, in the order of the runs."""
        if not self._path.exists():
            return []
        return list(self._read())

    def append(self, line: Line) -> None:
        """Write `line`, for good."""
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(line)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def replace(self, lines: list[Line]) -> None:
        """Put `lines` in the place of all that were there."""
        beside = self._path.with_suffix(".new")
        beside.write_text("".join(json.dumps(asdict(line)) + "\n" for line in lines))
        beside.replace(self._path)

    def of(self, cell: Cell) -> list[Line]:
        """Return the lines of a cell as it is now; one that was drawn otherwise is another cell."""
        return [line for line in self.lines() if (line.cell, line.text_sha256) == (cell.id, sha256(cell))]

    def _read(self) -> Iterator[Line]:
        for text in self._path.read_text().splitlines():
            raw = json.loads(text)
            yield Line(**{**raw, "faults": tuple(raw["faults"]), "strengths": tuple(raw["strengths"])})
