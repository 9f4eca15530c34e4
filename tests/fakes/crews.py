"""The simplest crew of a sweep, for tests that ask nothing of crews."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.batch.crews.crew import Done, RunCell
from lab.batch.plans.cells import Cell


class InOrder:
    """One run after another, in this thread."""

    def __init__(self, run: RunCell) -> None:
        """Make runs with `run`."""
        self.leftovers = 0
        self._run = run
        self._next: tuple[Cell, Path] | None = None

    def choose(self, waiting: Sequence[Cell]) -> Cell | None:
        """Return the first, unless one has begun."""
        return waiting[0] if waiting and self._next is None else None

    def begin(self, cell: Cell, folder: Path) -> None:
        """Have `ended` run it."""
        self._next = (cell, folder)

    def ended(self) -> Done | None:
        """Run what has begun."""
        if self._next is None:
            return None
        (cell, folder), self._next = self._next, None
        return Done(cell=cell, attempt=self._run(cell, folder))
