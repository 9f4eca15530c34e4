"""How late the event loop is: the reason behind many late pushes and reads, so it is written beside each of them."""

from __future__ import annotations

import asyncio
import time

PERIOD_NS = 10_000_000


class Lag:
    """Samples the loop's lateness each 10 ms while `run` runs."""

    def __init__(self) -> None:
        """Start with no lag seen."""
        self._worst_ns = 0

    async def run(self) -> None:
        """Sleep 10 ms again and again, and note by how much each sleep was too long."""
        while True:
            due = time.monotonic_ns() + PERIOD_NS
            await asyncio.sleep(PERIOD_NS / 1e9)
            self._worst_ns = max(self._worst_ns, time.monotonic_ns() - due)

    def take_ms(self) -> float:
        """Return the worst lag since the last call, in ms, and begin anew."""
        worst, self._worst_ns = self._worst_ns, 0
        return round(worst / 1e6, 3)
