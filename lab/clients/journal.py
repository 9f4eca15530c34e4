"""`events.jsonl`: what happened to a participant, and when; the lab reads it while the participant runs."""

from __future__ import annotations

import time
from pathlib import Path

from lab.probe.lines import Lines
from lab.secrecy import redacted


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
        """Write down that `name` happened now; the SDK's words may hold the address with the token in it."""
        said = {key: redacted(words) for key, words in detail.items()}
        self._lines.write({"t": time.monotonic_ns(), "event": name, "detail": said})

    def close(self) -> None:
        """Close the file; idempotent."""
        self._lines.close()
