"""Folders that a user chose, as paths from the root on: the same to every program, and whatever the current folder is.

Law: one that leads nowhere is told with its name and with how it was chosen.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lab.errors import StorageError
from lab.evidence.durable import storing


def rooted(path: Path, *, option: str = "-o") -> Path:
    """Return where `path`, given with `option`, leads, whether or not anything is there. StorageError.

    That is nowhere for links in a circle, and for a path that begins in a current folder that is gone.
    """
    with storing(path, option=option):
        try:
            return path.resolve()
        except RuntimeError as error:  # as which pathlib tells of links in a circle, before Python 3.13
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        except FileNotFoundError as error:
            fix = f"cd to another one, or give {option} a path that begins with /"
            raise StorageError(f"{path}: the current folder is gone", fix=fix) from error
