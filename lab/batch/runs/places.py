"""Places on disk as a person in the current folder would type them.

Law: what is told can be typed as it stands, here and now; what is stored is never made of it.
"""

from __future__ import annotations

from pathlib import Path


def here(path: Path) -> str:
    """Return `path` from the current folder on where it lies below that, else as it is."""
    try:
        found = path.relative_to(Path.cwd())
    except (ValueError, OSError):  # not below it; or the current folder is gone
        return str(path)
    return str(found)
