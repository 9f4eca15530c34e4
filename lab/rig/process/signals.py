"""INT, TERM and HUP as one exception in the main thread, never in the middle of cleanup.

The first signal raises `Interrupted`; the second is only noted, because cleanup is under way; the third leaves at
once. Inside `shielded` the first one waits until the block ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lab.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 3


class _State:
    """What has come so far, and how many shields are up."""

    def __init__(self, farewell: Callable[[], str]) -> None:
        self.farewell = farewell
        self.received: list[int] = []
        self.raised = False
        self.shields = 0

    def receive(self, signum: int, _frame: FrameType | None) -> None:
        self.received.append(signum)
        if len(self.received) >= _PATIENCE:
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{self.farewell()}\n".encode())
            os._exit(128 + signum)
        self.deliver()

    def deliver(self) -> None:
        if self.received and not self.raised and not self.shields:
            self.raised = True
            raise Interrupted(self.received[0])


_current: _State | None = None


def check() -> None:
    """Raise Interrupted once a signal has come: for waits in other threads or inside a shield, which no signal ends."""
    if _current is not None and _current.received:
        raise Interrupted(_current.received[0])


def _say_nothing() -> str:
    return "left at once; `lab clean` removes what remains"


@contextmanager
def interruptible(farewell: Callable[[], str] = _say_nothing) -> Iterator[None]:
    """Turn signals inside the block into `Interrupted`, once; main thread only.

    `farewell` says, at the third signal, what is left behind and how to remove it. The handlers that were there
    before are put back at the end. Under `nohup`, which ignores HUP, that one stays ignored.
    """
    global _current
    outer, _current = _current, _State(farewell)
    before = {each: signal.signal(each, _current.receive) for each in SIGNALS if not _outlives(each)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        _current = outer


def _outlives(signum: signal.Signals) -> bool:
    return signum == signal.SIGHUP and signal.getsignal(signum) == signal.SIG_IGN


@contextmanager
def shielded() -> Iterator[None]:
    """Let the block finish whatever signals come; what came is raised after it.

    An exception of the block goes first: then the signal only stays noted.
    """
    state = _current
    if state is None:
        yield
        return
    state.shields += 1
    try:
        yield
    finally:
        state.shields -= 1
    state.deliver()
