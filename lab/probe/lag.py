"""How late the event loop is: the reason behind many late pushes and reads, so it is written beside each of them.

Law: nobody is woken to find out. What the loop does between two waits for events is how long whatever became due
meanwhile had to wait; a wait that took longer than it should is time that the whole program was not given.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Optional

LONGEST_WAIT_S = 0.02
"""Of a wait without events: a program that is stopped in it is late by what is beyond that. A push comes as often."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that tells every `Lag` that watches it how late it is."""

    def __init__(self) -> None:
        """Begin with nobody watching."""
        self.watchers: list[Lag] = []
        super().__init__(_Waits(self.watchers))


class Lag:
    """The worst lateness of the running loop, which must be a `Loop`, while `watching`."""

    def __init__(self) -> None:
        """Start with no lag seen."""
        self.worst_ns = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See the running loop's lateness during the body; RuntimeError in a loop that cannot tell."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, Loop):
            raise RuntimeError(f"{type(loop).__name__} does not tell how late it is: run it in a lab.probe.lag.Loop")
        loop.watchers.append(self)
        try:
            yield
        finally:
            loop.watchers.remove(self)

    def take_ms(self) -> float:
        """Return the worst lag since the last call, in ms, and begin anew."""
        worst, self.worst_ns = self.worst_ns, 0
        return round(worst / 1e6, 3)


class _Waits(selectors.DefaultSelector):
    """Waits as the loop asks, in pieces, and looks at the clock before and after."""

    def __init__(self, watchers: list[Lag]) -> None:
        super().__init__()
        self._watchers = watchers
        self._woken_ns = time.monotonic_ns()

    def select(self, timeout: Optional[float] = None) -> list[tuple[selectors.SelectorKey, Any]]:  # noqa: UP045 - 3.9
        """Wait no longer than asked, nor than LONGEST_WAIT_S: the loop then asks again."""
        wait_s = LONGEST_WAIT_S if timeout is None else min(timeout, LONGEST_WAIT_S)
        from_ns = time.monotonic_ns()
        ready = super().select(wait_s)
        to_ns = time.monotonic_ns()
        late_ns = max(from_ns - self._woken_ns, to_ns - from_ns - int(wait_s * 1e9))
        self._woken_ns = to_ns
        for lag in self._watchers:
            lag.worst_ns = max(lag.worst_ns, late_ns)
        return ready
