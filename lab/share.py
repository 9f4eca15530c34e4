"""Where the files are that travel with the product but are not Python: `compose` and `scenarios`."""

from __future__ import annotations

from pathlib import Path

import lab
from lab.errors import EnvironmentFault


def share(name: str) -> Path:
    """Return the folder `name` (`compose`, `scenarios`): the wheel's own copy, else the source checkout's.

    Raises EnvironmentFault when this installation has neither.
    """
    package = Path(lab.__file__).parent
    for folder in (package / "_share" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise EnvironmentFault(f"this installation of lab has no {name}/ folder", fix="install livekit-lab again")
