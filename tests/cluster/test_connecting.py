"""A scheduler that is not there, is something else, is of another version, or goes: one line that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from lab.batch.crews.fidelity import Fidelity
from lab.batch.remote import scheduler as connection
from lab.batch.remote.scheduler import Scheduler
from lab.batch.remote.slots import Slots
from lab.batch.remote.worker import work
from lab.errors import EnvironmentFault, UsageError
from tests.cluster.process import Process


def sweep(address: str) -> None:
    """Connect as a sweep does."""
    with Scheduler(address):
        pass


def worker(address: str) -> None:
    """Connect as a worker does."""
    with Slots(lambda _: pytest.fail("no order came"), Fidelity(1), Path("/"), lambda _: {}, lambda: None) as slots:
        work(address, slots, Path("/"), lambda _: None)


Connect = Callable[[str], None]
both = pytest.mark.parametrize("connect", [sweep, worker])


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Return a socket that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address_of(server: socket.socket) -> str:
    """Return it as a scheduler's."""
    return "tcp://{}:{}".format(*server.getsockname())


@both
@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://127.0.0.1", "tcp:// x:1", "tcp://x:65536"]
)
def test_what_is_no_address(connect: Connect, address: str) -> None:
    """Refused before anything is tried."""
    with pytest.raises(UsageError, match=r"no scheduler's address.*tcp://HOST:8786"):
        connect(address)


@both
def test_nobody_listens(connect: Connect, listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is closed."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    address = address_of(listening)
    listening.close()
    with pytest.raises(
        EnvironmentFault,
        match=r"answers at tcp.*: Connection refused \(start one there: dask scheduler",
    ):
        connect(address)


@both
def test_somebody_else_listens(connect: Connect, listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and never says a word of Dask."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    with pytest.raises(EnvironmentFault, match=r"answers at tcp.*: something listens there that does not speak Dask"):
        connect(address_of(listening))


@both
def test_a_scheduler_of_another_version(connect: Connect, scheduler: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both versions are named; nothing is sent."""
    mine = connection.dask.versions.get_versions()
    other = {**mine, "packages": {**mine["packages"], "distributed": "2024.1.0"}}
    monkeypatch.setattr(connection.dask.versions, "get_versions", lambda *_, **__: other)
    theirs = mine["packages"]["distributed"]
    with pytest.raises(EnvironmentFault, match=f"another version: distributed {theirs} there, 2024.1.0 here"):
        connect(scheduler.first)


def test_a_worker_ends_when_the_scheduler_goes(scheduler: Process, worker: Callable[..., Process]) -> None:
    """With exit code 4: whoever watches over it may start it again."""
    process = worker()
    scheduler.process.kill()
    assert process.line() == ""
    assert process.process.wait(30) == 4


def test_a_worker_that_is_given_up_says_that_its_scheduler_is_there(scheduler: Process, tmp_path: Path) -> None:
    """As after a suspension: whoever reads that it is gone would start a second one."""

    def give_up(words: str) -> None:
        if "offers" in words:
            Thread(target=retire).start()

    def retire() -> None:
        with connection.dask.Client(scheduler.first, set_as_default=False) as client:
            client.retire_workers(list(client.scheduler_info()["workers"]))

    slots = Slots(lambda _: pytest.fail("no order came"), Fidelity(1), tmp_path, lambda _: {}, lambda: None)
    with slots, pytest.raises(EnvironmentFault, match=r"is there, and has given this worker up .*start `lab worker`"):
        work(scheduler.first, slots, tmp_path, give_up)


def test_a_worker_that_is_ended_gives_up_what_it_makes(scheduler: Process, worker: Callable[..., Process]) -> None:
    """A signal ends it at once, with the code of the signal."""
    process = worker()
    process.process.terminate()
    assert process.process.wait(30) == 143
