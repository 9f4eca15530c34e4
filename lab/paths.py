"""What there is at a path, asked without an error: a name that no file can have (300 characters, say) names nothing.

Law: the answer is yes or no; why something that is there cannot be read is for whoever reads it to say.
"""

from __future__ import annotations

import os
from pathlib import Path


def is_there(path: Path) -> bool:
    """Say whether something is at `path`, or may be where nobody may look; a link that leads nowhere is nothing."""
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def is_file(path: Path) -> bool:
    """Say whether there is a regular file at `path`."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises OSError where a name is too long


def is_folder(path: Path) -> bool:
    """Say whether there is a folder at `path`."""
    return os.path.isdir(path)  # noqa: PTH112 - as above
