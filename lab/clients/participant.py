"""A participant's story: join when let in, publish, hear, say ready, push when told, leave a second after SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from livekit import rtc

from lab.clients.config import Config
from lab.clients.go import sleep_until, wait_join
from lab.clients.journal import Journal
from lab.clients.listening import Listener
from lab.clients.publishing import Publisher
from lab.probe.lines import Lines
from lab.probe.stats import sample

CONNECT_LIMIT_S = 20.0
DISCONNECT_LIMIT_S = 0.5
STATS_PERIOD_NS = 100_000_000
FIRST_PERIOD_NS = 25_000_000
"""Until media flows: nothing is measured yet, and everybody waits for it."""
OWN_EVERY = 5
"""Periods (of 100 ms) from one look at what is published to the next: a look costs 2 ms of CPU, and nothing there
changes fast."""
STATS_LIMIT_S = 1.0
POLL_S = 0.02
EXIT_NOT_CONNECTED = 3


async def attend(config: Config, folder: Path, url: str, token: str) -> int:
    """Take part as `config` says until SIGTERM, writing into `folder`; return the exit code.

    0: ended by SIGTERM. 3: no connection within 20 s. Anything else raises.
    """
    with closing(Journal.create(folder)) as journal:
        return await _attend(config, folder, journal, _Door(url, token))


@dataclass(frozen=True)
class _Door:
    """Where and as whom to connect."""

    url: str
    token: str


async def _attend(config: Config, folder: Path, journal: Journal, door: _Door) -> int:
    """Take part, noting what happens in `journal`."""
    room = rtc.Room()
    _follow(room, journal)
    with (
        closing(Lines.create(folder / "injected.jsonl", "injected")) as injected,
        closing(Listener(config, folder, journal, injected)) as listener,
        closing(Lines.create(folder / "stats.jsonl", "stats")) as lines,
        _until_sigterm(),
    ):
        await wait_join(folder)
        if not await _connected(room, door, journal):
            return EXIT_NOT_CONNECTED
        async with asyncio.TaskGroup() as tasks:
            listener.attach(room, tasks)
            own = []
            if config.publishes:
                publisher = Publisher(config, folder, journal, injected)
                own.append(await publisher.publish(room))
                tasks.create_task(publisher.push_all())
            tasks.create_task(_Statistics(own, lines, listener, journal).write())
            await _until_heard(listener)
            journal.note("ready")
    await _leave(room, journal)
    return 0


@contextmanager
def _until_sigterm() -> Iterator[None]:
    """Run the body until it ends or SIGTERM cancels it, which is a normal end."""
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        yield
    except asyncio.CancelledError:
        me.uncancel()


async def _connected(room: rtc.Room, door: _Door, journal: Journal) -> bool:
    """Join the room and return True, or note why that failed or took more than 20 s."""
    options = rtc.RoomOptions(auto_subscribe=False)
    try:
        await asyncio.wait_for(room.connect(door.url, door.token, options), CONNECT_LIMIT_S)
    except (rtc.ConnectError, TimeoutError) as failed:
        journal.note("error", text=f"not connected within {CONNECT_LIMIT_S:g} s: {str(failed) or 'no answer'}")
        return False
    journal.note("connected")
    return True


def _follow(room: rtc.Room, journal: Journal) -> None:
    """Note what the SDK says about the connection."""
    room.on("reconnecting", lambda: journal.note("reconnecting"))
    room.on("reconnected", lambda: journal.note("reconnected"))
    room.on("disconnected", lambda reason: journal.note("disconnected", reason=rtc.DisconnectReason.Name(reason)))


async def _until_heard(listener: Listener) -> None:
    """Wait until packets of every peer arrive."""
    while not listener.hears_all_peers:
        await asyncio.sleep(POLL_S)


class _Statistics:
    """The SDK's statistics in `stats.jsonl`: of what is heard each 100 ms, of what is published each 500 ms.

    Until media flows four times as often: nothing is measured yet, and everybody waits for it. A last time when the
    client is told to leave, so that they speak of all that was heard; a reading under way then is given up, for what
    it would have counted is in the last one. A refused reading is an event, once.
    """

    def __init__(self, own: Sequence[rtc.LocalAudioTrack], lines: Lines, listener: Listener, journal: Journal) -> None:
        self._own, self._lines, self._listener, self._journal = own, lines, listener, journal
        self._refused = False

    async def write(self) -> None:
        """Write them until cancelled."""
        turns = cycle(range(OWN_EVERY))
        try:
            async for now in self._each_period():
                await self._write(now, self._own if next(turns) == 0 else ())
        finally:
            await self._write(None, self._own)

    async def _write(self, now: int | None, own: Sequence[rtc.LocalAudioTrack]) -> None:
        """Write the answer with the time `now`, or with its own: nothing is read any more after the last one."""
        if not own and not self._listener.tracks:
            return
        try:
            record = await asyncio.wait_for(sample(own, self._listener.tracks), STATS_LIMIT_S)
        except Exception as failed:  # noqa: BLE001 - the SDK raises bare Exception; a missing sample is evidence
            if not self._refused:
                self._journal.note("stats-refused", text=str(failed) or f"no answer within {STATS_LIMIT_S:g} s")
            self._refused = True
            return
        self._lines.write({"t": now or time.monotonic_ns(), **record})
        self._listener.watch(record)

    async def _each_period(self) -> AsyncIterator[int]:
        """Yield the time (CLOCK_MONOTONIC ns) each period, without drift."""
        due = time.monotonic_ns()
        while True:
            due += STATS_PERIOD_NS if self._listener.hears_all_peers else FIRST_PERIOD_NS
            await sleep_until(due)
            yield time.monotonic_ns()


async def _leave(room: rtc.Room, journal: Journal) -> None:
    """Disconnect, but never wait longer than half a second for it."""
    try:
        await asyncio.wait_for(room.disconnect(), DISCONNECT_LIMIT_S)
    except TimeoutError:
        journal.note("error", text="the SDK did not disconnect in time")
    journal.note("done")
