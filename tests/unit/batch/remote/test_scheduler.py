"""Errands that Dask carries: what is fetched, by whom, and what is said where nothing comes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from lab.batch.remote import orders
from lab.batch.remote.scheduler import SILENT_S, Carried, Scheduler

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
    """Gives out futures in their order; `workers` are whom its scheduler knows."""

    def __init__(self, *futures: Future) -> None:
        """Give out these."""
        self.futures = list(futures)
        self.status, self.scheduler = "running", SimpleNamespace(identity=None)
        self.workers: dict[str, dict[str, object]] = {}

    def sync(self, *_: object, **__: object) -> object:
        """Say who is there."""
        return {"workers": self.workers}

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


def test_a_worker_without_a_sign_of_life_is_not_there() -> None:
    """By the clock of whoever asks: that of the scheduler, which its signs are of, may be any other."""
    now_s = 0.0
    found = Scheduler("tcp://somewhere:8786", lambda: now_s)
    found._client = client = Client()
    for second in (0.0, SILENT_S, SILENT_S + 1.0):
        now_s = second
        client.workers = {
            "stopped": {"resources": {orders.tag(): 1.0}, "last_seen": 5.0},
            "well": {"resources": {orders.tag(): 2.0}, "last_seen": 1e9 + second},
        }
        offers = found.offers()
        assert offers.slots["well"] == 2
        assert ("stopped" in offers.slots) is (second <= SILENT_S)
    assert offers.others == {"stopped": "not heard of for 60 s"}
    client.workers["stopped"]["last_seen"] = 6.0
    assert found.offers().slots == {"stopped": 1, "well": 2}
