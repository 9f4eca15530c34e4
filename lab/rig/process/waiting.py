"""Waiting for a condition while a lab is built, with a deadline; a signal ends it in whatever thread it waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.rig.process import signals

POLL_S = 0.02


def until(condition: Callable[[], bool], deadline_s: float, error: Callable[[], Exception]) -> None:
    """Return when `condition` holds; raise `error()` when it does not within `deadline_s` seconds. Interrupted."""
    end = time.monotonic() + deadline_s
    while not condition():
        signals.check()
        if time.monotonic() > end:
            raise error()
        time.sleep(POLL_S)
