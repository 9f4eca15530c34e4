"""What is on its way: waited for together, and no longer than until the first of it fails."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from lab.errors import EnvironmentFault, Interrupted
from lab.rig.process import signals
from lab.rig.process.coming import all_arrived, arrived, sent


def failed(words: str) -> Future[Any]:
    """Return what has failed with `words`."""
    future: Future[Any] = Future()
    future.set_exception(EnvironmentFault(words))
    return future


def test_all_are_waited_for() -> None:
    """The last of them too; nothing on its way is nothing to wait for."""
    go, came = Event(), []
    with ThreadPoolExecutor(3) as pool:
        coming = [pool.submit(lambda: came.append(go.wait(10))) for _ in range(2)]
        coming.append(pool.submit(go.set))
        all_arrived(coming)
        assert came == [True, True]
    all_arrived([])


def test_the_first_failure_is_raised_whatever_is_still_on_its_way() -> None:
    """A node that cannot be started is told at once, and not after the router's patience."""
    never: Future[Any] = Future()
    with pytest.raises(EnvironmentFault, match="no memory"):
        all_arrived([never, failed("no memory"), never])
    assert not never.done()


def test_a_failure_that_comes_later_is_raised_when_it_comes() -> None:
    """Not looked for once only."""
    never, late, first = Future[Any](), Future[Any](), Event()

    def fail() -> None:
        assert first.wait(10)
        late.set_exception(EnvironmentFault("late"))

    with ThreadPoolExecutor(2) as pool:
        pool.submit(fail)
        begun = pool.submit(first.set)
        with pytest.raises(EnvironmentFault, match="late"):
            all_arrived([never, begun, late])


def test_its_own_lateness_is_a_failure_like_another() -> None:
    """A TimeoutError of what is waited for is not taken for ours."""
    late: Future[Any] = Future()
    late.set_exception(TimeoutError("engine"))
    with pytest.raises(TimeoutError, match="engine"):
        arrived(late)
    with pytest.raises(TimeoutError, match="engine"):
        all_arrived([late])


@pytest.mark.parametrize("wait", [arrived, lambda coming: all_arrived([coming])])
def test_a_signal_ends_the_waiting(wait: Callable[[Future[Any]], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Although, inside a shield, it is not raised by itself; what is waited for is still on its way then."""
    coming, begun, over = Future[Any](), Event(), Event()

    def check() -> None:
        checked()
        begun.set()

    def press() -> None:
        begun.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        over.wait(10)
        coming.set_result(None)

    def run() -> None:
        with signals.interruptible(), signals.shielded():
            pressing = pool.submit(press)
            try:
                wait(coming)
            finally:
                on_its_way.append(not coming.done())
                over.set()
                pressing.result()

    on_its_way: list[bool] = []
    checked = signals.check
    monkeypatch.setattr(signals, "check", check)
    with ThreadPoolExecutor(1) as pool, pytest.raises(Interrupted):
        run()
    assert on_its_way == [True]


def test_what_is_sent_is_waited_for_like_any_other() -> None:
    """Its result, or what it failed with; its thread keeps no process alive."""

    def fail() -> None:
        raise EnvironmentFault("no memory")

    assert arrived(sent(lambda: threading.current_thread().daemon))
    with pytest.raises(EnvironmentFault, match="no memory"):
        arrived(sent(fail))
