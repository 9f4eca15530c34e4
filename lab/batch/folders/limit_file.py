"""limit.json, beside the plan of a sweep that searches a limit: along which of its axes.

Law: it is on disk before the plan, and the journal names its key, so that no search is ever taken for a sweep of every
level. Format 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lab.errors import EvidenceError
from lab.evidence.decode import decode, document
from lab.evidence.durable import storing, write_atomically
from lab.scenario.sweeping import Axis

NAME = "limit.json"
FORMAT = 1
_CHANGED = "the file was changed; search again"


def mark(folder: Path, key: str) -> None:
    """Say in `folder`, which has no plan yet, that its sweep searches along `key`. StorageError."""
    write_atomically(folder / NAME, f"{_content(key)}\n".encode())


def searched(folder: Path, axes: Sequence[Axis], before: str | None) -> str | None:
    """Return the key of `axes` that the sweep in `folder` searches along, None when it searches nothing.

    `before` is the key that its journal names. Raises EvidenceError, StorageError.
    """
    path = folder / NAME
    with storing(path):
        text = path.read_text(errors="replace") if path.exists() else None
    if text is None and before is not None:
        fix = f"put it back, with {_content(before)} in it"
        raise EvidenceError(f"{path}: it is gone, and its sweep searches along {before}", fix=fix)
    if text is None:
        return None
    found = document(text, str(path), kind="search", newest=FORMAT, fix=_CHANGED)
    key = decode(str, found.get("key"), f"{path}: key")
    if (key,) not in [axis.keys for axis in axes]:
        raise EvidenceError(f"{path}: key: {key!r} is no axis of the plan beside it", fix=_CHANGED)
    if before not in (None, key):
        raise EvidenceError(f"{path}: key: {key!r} is not what its sweep searches along, {before}", fix=_CHANGED)
    return key


def _content(key: str) -> str:
    return json.dumps({"format": FORMAT, "key": key})
