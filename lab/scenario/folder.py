"""The scenario files of a folder.

Law: what is meant as a scenario is read, or refused by its name; no folder is taken for half of what it holds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.errors import UsageError
from lab.paths import is_file, is_there

_ENDING = ".yaml"
_SCENARIO = re.compile(rb"^version:\s*1\s*$", re.MULTILINE)
"""What other programs call .yml begins otherwise."""


def scenarios(folder: Path) -> list[Path]:
    """Return every `*.yaml` below `folder`, sorted. UsageError, a line each, for what cannot be one or be looked into.

    A link to a folder is that folder; one that leads nowhere is among the files, for reading it tells. Hidden folders
    are left out, and so is another program's `.yml`.
    """
    unread: list[OSError] = []
    there = [file for file in _walked(folder, unread) if file.suffix == _ENDING or _is_meant(file)]
    wrong = [
        *(f"{file}: {why}" for file in there if (why := _wrong(file))),
        *(f"{error.filename}: cannot be read ({error.strerror}); check the path" for error in unread),
    ]
    if wrong:
        raise UsageError("\n".join(sorted(wrong)))
    return sorted(there)


def _walked(folder: Path, unread: list[OSError]) -> Iterator[Path]:
    """Yield what is no folder below `folder`, each place once, though links may lead in a circle."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=unread.append, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        yield from (Path(place, name) for name in names)


def _is_meant(file: Path) -> bool:
    """Say whether `file` is a scenario by all but its ending."""
    with suppress(OSError):
        return file.suffix.lower() in (_ENDING, ".yml") and is_file(file) and bool(_SCENARIO.search(file.read_bytes()))
    return False


def _wrong(file: Path) -> str:
    """Return why `file` cannot be read as a scenario whatever it holds, nothing where it can."""
    if is_there(file) and not is_file(file):
        return "is no file; take it away"
    return "" if file.suffix == _ENDING else f"scenario files end in {_ENDING}; rename it"
