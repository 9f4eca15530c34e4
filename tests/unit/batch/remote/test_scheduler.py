"""Errands that Dask carries: what is fetched, by whom, and what is said where nothing comes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from lab.batch.remote.scheduler import Carried, Scheduler

DEADLINE_S = 30.0


class Future:
    """One of Dask's, whose answer comes when it is let go."""

    def __init__(self, answer: object = b"run") -> None:
        """Answer `answer`, or raise it."""
        self.answer, self.let_go = answer, threading.Event()
        self.ended: Callable[[Any], None] = lambda _: None

    def result(self, timeout: float) -> object:
        """Wait as Dask does."""
        assert self.let_go.wait(min(timeout, DEADLINE_S))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def add_done_callback(self, ended: Callable[[Any], None]) -> None:
        """Keep it."""
        self.ended = ended


class Client:
    """Gives out futures in their order."""

    def __init__(self, *futures: Future) -> None:
        """Give out these."""
        self.futures = list(futures)

    def submit(self, *_: object, **__: object) -> Future:
        """Return the next one."""
        return self.futures.pop(0)


def scheduler(*futures: Future) -> Scheduler:
    """Return a connection to nobody."""
    found = Scheduler("tcp://somewhere:8786")
    found._client = Client(*futures)
    return found


def test_an_answer_that_does_not_come_holds_up_no_other() -> None:
    """Whoever has the first died with it: the second is here all the same, and whoever sweeps never waits."""
    stuck, quick, others = Future(), Future(b"quick"), [Future() for _ in range(20)]
    here: SimpleQueue[str] = SimpleQueue()
    connection = scheduler(stuck, *others, quick)
    first = connection.send("first", b"", "a", lambda: here.put("first"))
    for _ in others:
        connection.send("other", b"", "a", lambda: None)
    second = connection.send("second", b"", "b", lambda: here.put("second"))
    quick.let_go.set()
    for future in (stuck, *others, quick):
        future.ended(future)
    assert here.get(timeout=DEADLINE_S) == "second"
    assert second.result() == b"quick"
    with pytest.raises(RuntimeError, match="it has not ended"):
        first.result()
    for future in (stuck, *others):
        future.let_go.set()
    assert here.get(timeout=DEADLINE_S) == "first"
    assert first.result() == b"run"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
        (asyncio.CancelledError("gone"), "CancelledError: gone"),
        ("text", "it answered a str"),
    ],
)
def test_what_goes_wrong_on_the_way_is_said(answer: object, said: str) -> None:
    """Whatever a worker raises or answers is its trouble, in words."""
    future = Future(answer)
    future.let_go.set()
    errand = Carried(future)
    errand.fetch()
    with pytest.raises(RuntimeError, match=said):
        errand.result()
