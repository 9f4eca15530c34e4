"""limit.json, beside the plan of a sweep that searches a limit: along which of its axes.

Law: it is on disk before the plan, so that no search is ever taken for a sweep of every level. Format 1.
"""

from __future__ import annotations

import json
from pathlib import Path

from lab.evidence.decode import decode, document
from lab.evidence.store import storing, write_atomically

NAME = "limit.json"
FORMAT = 1


def mark(folder: Path, key: str) -> None:
    """Say in `folder`, which has no plan yet, that its sweep searches along `key`. StorageError."""
    write_atomically(folder / NAME, (json.dumps({"format": FORMAT, "key": key}) + "\n").encode())


def searched(folder: Path) -> str | None:
    """Return the key that the sweep in `folder` searches along, None when it searches nothing. EvidenceError."""
    path = folder / NAME
    if not path.exists():
        return None
    with storing(path):
        text = path.read_text(errors="replace")
    found = document(text, str(path), kind="search", newest=FORMAT, fix="the file was changed; search again")
    return decode(str, found.get("key"), f"{path}: key")
