"""A connection to a Dask scheduler: who offers lab slots, and errands carried to one of them.

Law: what Dask, its versions and its network can do wrong is said here in words that a user can act on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import re
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any

from lab.batch.remote import orders
from lab.batch.remote.orders import Offers
from lab.errors import EnvironmentFault, UsageError

try:
    import distributed
except ModuleNotFoundError as missing:
    words = f"more than one machine needs Dask: {missing}"
    raise UsageError(words, fix="in the checkout: pip install '.[dask]'") from None

dask: Any = distributed  # its methods carry no types
CONNECT_S = 10.0
LISTEN_S = 2.0
"""How long it may take to find out whether anybody listens."""
SILENT_S = 60.0
"""After so long without a sign of life a worker is not there: the scheduler itself waits for minutes (worker-ttl)."""
CARRY_S = 300.0
"""How long a finished run's folder may be on its way."""
PACKAGES = ("dask", "distributed")
"""What must be of one version on all sides: Dask promises nothing else."""
_CLIENTS_LOG = logging.getLogger("distributed.client")
_MOST_PORT = 65_535
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:[0-9]{1,5}")


class Carried:
    """An `Errand` that Dask carries."""

    def __init__(self, future: Any) -> None:
        """Wrap Dask's future."""
        self._future = future
        self._found: bytes | RuntimeError = RuntimeError("it has not ended")

    def fetch(self) -> None:
        """Have here what came back. It takes as long as the way is, or as whoever has it is silent."""
        try:
            found = self._future.result(timeout=CARRY_S)
            self._found = found if isinstance(found, bytes) else RuntimeError(f"it answered a {type(found).__name__}")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a worker may raise anything
            self._found = RuntimeError(f"{type(error).__name__}: {error}")

    def result(self) -> bytes:
        """Return what was fetched. RuntimeError with the reason why nothing was."""
        if isinstance(self._found, RuntimeError):
            raise self._found
        return self._found

    def drop(self) -> None:
        """Let everybody forget it."""
        self._future.cancel()


class Scheduler:
    """The connection, as a context and a `Carrier`. EnvironmentFault: nobody is there, or one of another version."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Plan to connect to `address`, tcp://host:port. UsageError when it is none."""
        self.address, self._clock = checked(address), clock
        self._seen: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> Scheduler:
        """Connect."""
        quiet()
        asyncio.run(knock(self.address))
        self._client = dask.Client(self.address, timeout=CONNECT_S, set_as_default=False, name="lab-sweep")
        _CLIENTS_LOG.addFilter(self._is_news)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Disconnect; errands that are still out are forgotten."""
        try:
            self._client.close()
        finally:
            _CLIENTS_LOG.removeFilter(self._is_news)

    def _is_news(self, _: logging.LogRecord) -> bool:
        """Say whether what Dask's client logs is worth telling: that the scheduler is gone is told by the lab."""
        return bool(self._client.status == "running")

    def offers(self) -> Offers:
        """Ask who is there. EnvironmentFault when the scheduler is gone."""
        if self._client.status != "running":
            raise gone(self.address)
        workers = self._call(self._client.scheduler.identity, n_workers=-1)["workers"]
        resources = {address: facts["resources"] for address, facts in workers.items()}
        silent = self._silent({address: facts["last_seen"] for address, facts in workers.items()})
        others = {address: _kind(offered) for address, offered in resources.items() if orders.tag() not in offered}
        others |= dict.fromkeys(silent, f"not heard of for {SILENT_S:.0f} s")
        return Offers(
            slots={
                address: int(offered[orders.tag()]) for address, offered in resources.items() if address not in others
            },
            others=others,
        )

    def _silent(self, last_seen: Mapping[str, float]) -> set[str]:
        """Return the workers whose last sign of life, by the scheduler's clock, has been the same for too long here."""
        now, known = self._clock(), self._seen
        self._seen = {
            address: known[address] if address in known and known[address][0] == seen else (seen, now)
            for address, seen in last_seen.items()
        }
        return {address for address, (_, since_s) in self._seen.items() if now > since_s + SILENT_S}

    def send(self, key: str, data: bytes, worker: str, done: Callable[[], None]) -> Carried:
        """Have `worker` unpickle `data` in one of its slots; `done` is called, in some thread, when the answer is here.

        Answers are fetched side by side, and not by who waits for them: a worker that dies with one holds up no other.
        """
        future = self._client.submit(
            pickle.loads,
            data,
            key=key,
            workers=[worker],
            allow_other_workers=False,
            resources={orders.tag(): 1},
            pure=False,
        )
        carried = Carried(future)

        def fetch() -> None:
            carried.fetch()
            done()

        # A thread each, for any number of them may wait for a worker that is silent; none outlives the program
        future.add_done_callback(lambda _: threading.Thread(target=fetch, name="fetch", daemon=True).start())
        return carried

    def _call(self, ask: Callable[..., Any], **details: Any) -> Any:
        try:
            return self._client.sync(ask, callback_timeout=CONNECT_S, **details)
        except OSError as error:
            raise gone(self.address) from error


def quiet() -> None:
    """Let Dask speak up only when something is wrong: progress is told by the lab."""
    logging.getLogger("distributed").setLevel(logging.ERROR)


def checked(address: str) -> str:
    """Return `address`. UsageError when no scheduler can be there."""
    if not _ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > _MOST_PORT:
        raise UsageError(f"'{address}' is no scheduler's address", fix="write tcp://HOST:8786")
    return address


async def knock(address: str) -> None:
    """Find out whether a scheduler of this version is there. EnvironmentFault.

    It may be about to start; a Dask client would wait forever for somebody else who listens at `address`.
    """
    try:
        theirs = await asyncio.wait_for(_asked(address), CONNECT_S)
    except Exception:  # noqa: BLE001 - another version, or another program, may fail in any way
        raise absent(address, await _instead(address)) from None
    mine, found = dask.versions.get_versions()["packages"], theirs["packages"]
    other = [f"{name} {found.get(name)} there, {mine[name]} here" for name in PACKAGES if found.get(name) != mine[name]]
    if other:
        words = f"the scheduler at {address} is of another version: {', '.join(other)}"
        raise EnvironmentFault(words, fix="install the same on every machine")


async def parted(address: str) -> EnvironmentFault:
    """Return what to say to a worker whose scheduler has ended it: that one is gone, or has given it up."""
    try:
        await near_side(address)  # a knock would wait for a scheduler that is about to start
        await knock(address)
    except (OSError, EnvironmentFault):
        return gone(address)
    words = f"the Dask scheduler at {address} is there, and has given this worker up"
    return EnvironmentFault(words, fix="was it suspended, or out of reach? start `lab worker` again")


async def _asked(address: str) -> Any:
    async with dask.rpc(address, timeout=CONNECT_S) as scheduler:
        return await scheduler.versions(packages=list(PACKAGES))


async def near_side(address: str) -> str:
    """Return this machine's own address on its way to `address`. OSError when there is no way."""
    _, writer = await asyncio.wait_for(_connected(address), LISTEN_S)
    try:
        return str(writer.get_extra_info("sockname")[0])
    finally:
        writer.close()


async def _instead(address: str) -> str:
    """Say what is at `address` where no scheduler answers."""
    try:
        _, writer = await asyncio.wait_for(_connected(address), LISTEN_S)
    except TimeoutError:
        return "nothing at all comes back; is a firewall in the way?"
    except OSError as error:
        return words_of(error)
    writer.close()
    return "something listens there that does not speak Dask"


def _connected(address: str) -> Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.partition("://")[2].rpartition(":")
    return asyncio.open_connection(host.strip("[]"), int(port))


def words_of(error: BaseException) -> str:
    """Return the first line of what `error` says."""
    said = str(error)
    if isinstance(error, OSError) and error.errno:  # asyncio's own words for it name the call and not the reason
        said = os.strerror(error.errno) if error.errno > 0 else error.strerror or said
    return said.splitlines()[0] if said else type(error).__name__


def absent(address: str, why: str) -> EnvironmentFault:
    """Return what to say when nobody answers."""
    return EnvironmentFault(f"no Dask scheduler answers at {address}: {why}", fix="start one there: dask scheduler")


def gone(address: str) -> EnvironmentFault:
    """Return what to say when the scheduler does not answer any more."""
    return EnvironmentFault(f"the Dask scheduler at {address} is gone", fix="start it again; what is done stays done")


def _kind(offered: Mapping[str, float]) -> str:
    """Say what a worker is that has no slot of this code."""
    labs = [name for name in offered if name.startswith("lab-")]
    return f"of another lab: {labs[0]}, not {orders.tag()}" if labs else "a worker without lab slots"
