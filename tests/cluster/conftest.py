"""A scheduler and workers in processes of their own, on loopback, with real sockets and real kills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lab.batch.remote import orders
from tests.cluster.process import Process
from tests.cluster.working import TAG


@pytest.fixture(autouse=True)
def one_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call the slots of this code the same here and in the workers."""
    monkeypatch.setattr(orders, "tag", lambda: TAG)


@pytest.fixture
def scheduler() -> Iterator[Process]:
    """Return a scheduler; its first line is its address."""
    with Process("scheduling") as process:
        yield process


@pytest.fixture
def worker(scheduler: Process) -> Iterator[Callable[..., Process]]:
    """Start a worker of the scheduler, which is there when it returns."""
    with ExitStack() as all_of_them:
        yield lambda *arguments: all_of_them.enter_context(Process("working", scheduler.first, *arguments))
