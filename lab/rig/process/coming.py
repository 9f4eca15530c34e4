"""What is on its way while other steps go on: started at once, waited for by whoever needs it first.

Law: a signal ends the waiting in whatever thread it is; what failed is raised wherever it is waited for. Where nothing
but the process' end ends what was asked for, nothing waits for that either (`sent`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from threading import Thread
from typing import Any, TypeVar

from lab.rig.process import signals

T = TypeVar("T")
_LOOK_S = 0.1
"""How soon a signal that came elsewhere is noticed."""


def sent(task: Callable[[], T]) -> Future[T]:
    """Begin `task` in a thread of its own, which the end of the process does not wait for."""
    coming: Future[T] = Future()

    def work() -> None:
        try:
            coming.set_result(task())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            coming.set_exception(error)

    Thread(target=work, daemon=True).start()
    return coming


def arrived(coming: Future[T]) -> T:
    """Return what `coming` results in, once it is there. Raises what it failed with; Interrupted."""
    while not coming.done():
        signals.check()
        try:
            return coming.result(_LOOK_S)
        except TimeoutError:
            continue  # its own, if it is done: raised below
    return coming.result()


def all_arrived(coming: Sequence[Future[Any]]) -> None:
    """Return when all of `coming` is there. Raises what failed first, whatever is still on its way; Interrupted."""
    left = set(coming)
    while left:
        signals.check()
        done, left = wait(left, _LOOK_S, FIRST_EXCEPTION)
        for each in done:
            each.result()
