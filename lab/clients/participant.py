"""A participant's story: join, publish, hear, say ready, push when told, and leave on SIGTERM within a second."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from livekit import rtc

from lab.clients.config import Config
from lab.clients.go import sleep_until
from lab.clients.journal import Journal
from lab.clients.listening import Listener
from lab.clients.publishing import Publisher
from lab.probe.lines import Lines
from lab.probe.stats import sample

CONNECT_LIMIT_S = 20.0
DISCONNECT_LIMIT_S = 0.5
STATS_PERIOD_NS = 100_000_000
STATS_LIMIT_S = 1.0
POLL_S = 0.02
EXIT_NOT_CONNECTED = 3


async def attend(config: Config, folder: Path, url: str, token: str) -> int:
    """Take part as `config` says until SIGTERM, writing into `folder`; return the exit code.

    0: ended by SIGTERM. 3: no connection within 20 s. Anything else raises.
    """
    journal, room = Journal.create(folder), rtc.Room()
    _follow(room, journal)
    with contextlib.closing(Listener(config, folder, journal)) as listener, _until_sigterm():
        try:
            await _connect(room, url, token)
        except (rtc.ConnectError, TimeoutError) as failed:
            journal.note("error", text=f"not connected within {CONNECT_LIMIT_S:g} s: {str(failed) or 'no answer'}")
            return EXIT_NOT_CONNECTED
        journal.note("connected")
        async with asyncio.TaskGroup() as tasks:
            listener.attach(room, tasks)
            own = []
            if config.publishes:
                publisher = Publisher(config, folder, journal)
                own.append(await publisher.publish(room))
                tasks.create_task(publisher.push_all())
            tasks.create_task(_write_stats(own, folder, listener, journal))
            await _until_heard(listener)
            journal.note("ready")
    await _leave(room, journal)
    return 0


@contextlib.contextmanager
def _until_sigterm() -> Iterator[None]:
    """Run the body until it ends or SIGTERM cancels it, which is a normal end."""
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    try:
        yield
    except asyncio.CancelledError:
        me.uncancel()


async def _connect(room: rtc.Room, url: str, token: str) -> None:
    """Join the room; raise ConnectError or TimeoutError when that takes more than 20 s."""
    options = rtc.RoomOptions(auto_subscribe=False)
    await asyncio.wait_for(room.connect(url, token, options), CONNECT_LIMIT_S)


def _follow(room: rtc.Room, journal: Journal) -> None:
    """Note what the SDK says about the connection."""
    room.on("reconnecting", lambda: journal.note("reconnecting"))
    room.on("reconnected", lambda: journal.note("reconnected"))
    room.on("disconnected", lambda reason: journal.note("disconnected", reason=rtc.DisconnectReason.Name(reason)))


async def _until_heard(listener: Listener) -> None:
    """Wait until packets of every peer arrive."""
    while not listener.hears_all_peers:
        await asyncio.sleep(POLL_S)


async def _write_stats(own: list[rtc.LocalAudioTrack], folder: Path, listener: Listener, journal: Journal) -> None:
    """Write the SDK's statistics each 100 ms; a reading it refuses is an event, once."""
    lines = Lines.create(folder / "stats.jsonl", "stats")
    due, refused = time.monotonic_ns(), False
    while True:
        due += STATS_PERIOD_NS
        await sleep_until(due)
        now = time.monotonic_ns()
        try:
            record = await asyncio.wait_for(sample(own, listener.tracks), STATS_LIMIT_S)
        except Exception as failed:  # noqa: BLE001 - the SDK raises bare Exception; a missing sample is evidence
            if not refused:
                journal.note("stats-refused", text=str(failed) or "no answer within 1 s")
            refused = True
            continue
        lines.write({"t": now, **record})
        listener.watch(record)


async def _leave(room: rtc.Room, journal: Journal) -> None:
    """Disconnect, but never wait longer than half a second for it."""
    try:
        await asyncio.wait_for(room.disconnect(), DISCONNECT_LIMIT_S)
    except TimeoutError:
        journal.note("error", text="the SDK did not disconnect in time")
    journal.note("done")
