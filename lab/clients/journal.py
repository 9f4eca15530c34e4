"""`events.jsonl`: what happened to a participant, and when; the lab reads it while the participant runs."""

from __future__ import annotations

import time
from pathlib import Path

from lab.probe.lines import Lines


class Journal:
    """The events of one participant."""

    def __init__(self, lines: Lines) -> None:
        """Write to `lines`."""
        self._lines = lines

    @classmethod
    def create(cls, folder: Path) -> Journal:
        """Create `events.jsonl` in `folder`."""
        return cls(Lines.create(folder / "events.jsonl", "events"))

    def note(self, name: str, **detail: str) -> None:
        """Write down that `name` happened now."""
        self._lines.write({"t": time.monotonic_ns(), "event": name, "detail": detail})

    def close(self) -> None:
        """Close the file; idempotent."""
        self._lines.close()
