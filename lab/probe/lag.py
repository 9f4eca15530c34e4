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
        """Be called by the loop each 10 ms until cancelled.

        A timer of the loop costs a third of a coroutine that sleeps, and the call that is measured pays for it.
        """
        loop = asyncio.get_running_loop()
        self._timer = self._next(loop)
        try:
            await loop.create_future()
        finally:
            self._timer.cancel()

    def _next(self, loop: asyncio.AbstractEventLoop) -> asyncio.TimerHandle:
        return loop.call_later(PERIOD_NS / 1e9, self._look, loop, time.monotonic_ns() + PERIOD_NS)

    def _look(self, loop: asyncio.AbstractEventLoop, due_ns: int) -> None:
        """Note by how much the loop is later than `due_ns`, and be called again."""
        self._worst_ns = max(self._worst_ns, time.monotonic_ns() - due_ns)
        self._timer = self._next(loop)

    def take_ms(self) -> float:
        """Return the worst lag since the last call, in ms, and begin anew."""
        worst, self._worst_ns = self._worst_ns, 0
        return round(worst / 1e6, 3)
