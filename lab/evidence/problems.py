"""What is wrong with a recording: all of it is told, and what a verdict cannot stand on is kept apart.

Law: a piece that was never recorded is a note, for whoever needs it will miss it by name. A piece that is not what was
sealed, is torn or cannot be read is broken: nobody can tell any more what it would have said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import EvidenceError


@dataclass(frozen=True, kw_only=True)
class Problems:
    """Collects while a recording is read: `all` in the order in which they were found, `breaking` among them."""

    all: list[str] = field(default_factory=list)
    breaking: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Tell what is wrong without making the recording worthless."""
        self.all.append(text)

    def broken(self, text: str) -> None:
        """Tell what no verdict can stand on."""
        self.all.append(text)
        self.breaking.append(text)

    def unread(self, path: Path, error: EvidenceError) -> None:
        """Tell why the piece at `path` could not be read: broken when it is there, a note when it never was."""
        (self.broken if path.exists() else self.note)(str(error))
