"""Independent calls to the engine at the same time, and what is opened and closed at the same time.

Law: nothing of it is left under way or open, whichever of it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from lab.rig.process.signals import shielded

T = TypeVar("T")
WORKERS = 16


def side_by_side(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Run `tasks` in threads and return their results in order; the first failure is raised after all have ended.

    A signal waits until then: a container whose creation is under way would be missed by the sweep.
    """
    with shielded(), ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(task) for task in tasks]
    return [future.result() for future in futures]


def enter_side_by_side(stack: ExitStack, *contexts: AbstractContextManager[Any]) -> list[Any]:
    """Enter `contexts` side by side and return what they give; `stack` leaves them, the last one first.

    The first failure is raised when all have been entered or have failed.
    """
    with shielded():
        with ThreadPoolExecutor(WORKERS) as pool:
            entering = [pool.submit(context.__enter__) for context in contexts]
        for context, entered in zip(contexts, entering, strict=True):
            if entered.exception() is None:
                stack.push(context)
    return [entered.result() for entered in entering]


class Together:
    """Contexts that have nothing to do with each other: entered side by side, and left side by side."""

    def __init__(self, *contexts: AbstractContextManager[Any]) -> None:
        """Plan them."""
        self._contexts = contexts

    def __enter__(self) -> list[Any]:
        """Enter all, or none, and return what they give."""
        with ExitStack() as stack:
            given = enter_side_by_side(stack, *self._contexts)
            stack.pop_all()
        return given

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave all; the first failure is raised after all have been left."""
        side_by_side(partial(context.__exit__, kind, error, trace) for context in self._contexts)
