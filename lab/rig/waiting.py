"""Waiting for a condition, with a deadline: the only way the rig waits for somebody else."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.02


def until(condition: Callable[[], bool], deadline_s: float, error: Callable[[], Exception]) -> None:
    """Return when `condition` holds; raise `error()` when it does not within `deadline_s` seconds."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise error()
        time.sleep(POLL_S)
