"""limit.json, beside the plan of a sweep that searches a limit: along which of its axes.

Law: it is on disk before the plan, so that no search is ever taken for a sweep of every level. Format 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lab.errors import EvidenceError
from lab.evidence.decode import decode, document
from lab.evidence.store import storing, write_atomically
from lab.scenario.sweeping import Axis

NAME = "limit.json"
FORMAT = 1
_CHANGED = "the file was changed; search again"


def mark(folder: Path, key: str) -> None:
    """Say in `folder`, which has no plan yet, that its sweep searches along `key`. StorageError."""
    write_atomically(folder / NAME, (json.dumps({"format": FORMAT, "key": key}) + "\n").encode())


def searched(folder: Path, axes: Sequence[Axis]) -> str | None:
    """Return the key of `axes` that the sweep in `folder` searches along, None when it searches nothing.

    Raises EvidenceError, StorageError.
    """
    path = folder / NAME
    with storing(path):
        text = path.read_text(errors="replace") if path.exists() else None
    if text is None:
        return None
    found = document(text, str(path), kind="search", newest=FORMAT, fix=_CHANGED)
    key = decode(str, found.get("key"), f"{path}: key")
    if (key,) not in [axis.keys for axis in axes]:
        raise EvidenceError(f"{path}: key: {key!r} is no axis of the plan beside it", fix=_CHANGED)
    return key
