"""The scenarios that ship with the product, found by name wherever it is installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.paths import is_there
from lab.share import share


def gallery(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return `paths`, with each that is not there replaced by the shipped scenario of that name if there is one.

    `clean`, `code/sender-stalls` and `scenarios/clean.yaml` all name a shipped one in an empty folder; a file of the
    user's own always comes first.
    """
    return tuple(path if is_there(path) else _shipped(path) or path for path in paths)


def _shipped(path: Path) -> Path | None:
    if path.is_absolute() or ".." in path.parts:
        return None
    folder = share("scenarios")
    inside = Path(*path.parts[1:]) if path.parts[:1] == ("scenarios",) else path
    return next((found for found in (folder / inside, folder / f"{inside}.yaml") if is_there(found)), None)
