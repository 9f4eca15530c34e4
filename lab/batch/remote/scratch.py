"""Folders for what is on its way, none of which outlives its process for long.

Law: each is held by whoever made it, and what nobody holds the next one on the machine removes
(`lab.batch.folders.held`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.batch.folders.held import held, removed
from lab.evidence.durable import storing
from lab.evidence.rooted import rooted

PREFIX = "livekit-lab-worker-"


@contextmanager
def scratch(parent: Path | None, tell: Callable[[str], None]) -> Iterator[Path]:
    """Have a folder of one's own below `parent`, None: the temporary folder. StorageError.

    Its path is from the root on, as a container engine wants what it mounts.
    `tell` hears of what the dead left, and of what cannot be removed.
    """
    place = rooted(parent or Path(tempfile.gettempdir()), option="--scratch")
    with ExitStack() as stack:
        with storing(place, option="--scratch"):
            for path in sorted(place.glob(f"{PREFIX}*")):
                if removed(path):
                    tell(f"removed {path}, which a worker left that is dead")
            folder = stack.enter_context(held(lambda: Path(tempfile.mkdtemp(dir=place, prefix=PREFIX))))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                tell(f"{folder} could not be removed; the next worker here tries again")
