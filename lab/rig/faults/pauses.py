"""Containers that stand still for a while: each pause at its time, by the engine's freezer, and written down.

Law: when the block ends nothing is paused, whatever happened; what was done is in the log with the times at which the
engine had done it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from lab.faults import Pause
from lab.rig.engine.engine import Engine

Note = Callable[..., None]
MAX_PAUSED = 64
"""More containers than one machine runs."""


def due_s(fault: Pause, media_ms: int) -> tuple[float, ...]:
    """Return when each pause begins, in seconds after the media began: at (i + 0.5) / times of it."""
    return tuple((2 * i + 1) * media_ms / (2000 * fault.times) for i in range(fault.times))


class Pauses:
    """The pauses of one run; `begin` starts their clocks."""

    def __init__(self, engine: Engine, faults: dict[str, list[Pause]], media_ms: int, note: Note) -> None:
        """Plan the `faults`, which are by the id of the container they stop; `note` writes down what was done."""
        self._engine = engine
        self._faults = faults
        self._media_ms = media_ms
        self._note = note
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(MAX_PAUSED)
        self._running: list[Future[None]] = []

    def __enter__(self) -> Pauses:
        """Pause nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End every pause; a pause that failed is raised, unless something else was before it."""
        self._ended.set()
        self._pool.shutdown()
        for each in self._running:
            failed = each.exception()
            if failed is not None and error is None:
                raise failed

    def begin(self) -> None:
        """Count from now."""
        began_s = time.monotonic()
        for container, faults in self._faults.items():
            for fault in faults:
                self._running.append(self._pool.submit(self._all, container, fault, began_s))

    def _all(self, container: str, fault: Pause, began_s: float) -> None:
        for due in due_s(fault, self._media_ms):
            if self._ended.wait(began_s + due - time.monotonic()):
                return
            self._once(container, fault)

    def _once(self, container: str, fault: Pause) -> None:
        self._engine.pause(container)
        from_ns = time.time_ns()
        try:
            self._ended.wait(fault.length_ms / 1000)
        finally:
            self._engine.resume(container)
        self._note("pause", from_ns=from_ns, to_ns=time.time_ns(), container=fault.container)
