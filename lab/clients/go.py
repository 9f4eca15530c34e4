"""The signals: `LAB_DIR/join` is there when one may connect; `LAB_DIR/go` holds the moment to start at.

That is in CLOCK_MONOTONIC, which all containers of a host share. Files are put there whole (renamed into place), so
what is there can be read.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

POLL_S = 0.005


async def wait_join(folder: Path) -> None:
    """Wait until one may connect."""
    while not (folder / "join").exists():
        await asyncio.sleep(POLL_S)


def start_ns(folder: Path) -> int | None:
    """Return the moment to start at (CLOCK_MONOTONIC ns), None while there is no signal."""
    try:
        text = (folder / "go").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return int(json.loads(text)["start_monotonic_ns"])


async def wait_start_ns(folder: Path) -> int:
    """Wait for the signal and return the moment to start at."""
    while (moment := start_ns(folder)) is None:
        await asyncio.sleep(POLL_S)
    return moment


async def sleep_until(moment_ns: int) -> None:
    """Sleep until `moment_ns` (CLOCK_MONOTONIC); return at once when it is past."""
    while (left := moment_ns - time.monotonic_ns()) > 0:
        await asyncio.sleep(left / 1e9)
