"""How a listener reads: everything at once, or as slowly and for as long as it was told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from lab.clients import listening, reading
from lab.clients.config import Config
from lab.clients.journal import Journal
from lab.clients.listening import Listener
from lab.clients.reading import Reader, capacity
from lab.evidence.lines import read_headed
from lab.faults import CutEnd, SlowReader, SubscribeLate
from lab.probe.lag import Loop
from lab.probe.lines import Lines
from tests.unit.clients.test_schedule import CONFIG

MS = 1_000_000
READER = replace(CONFIG, role="subscriber", audible=("a",))
SLOW = replace(READER, inject=(SlowReader(client="subscriber", per_frame_ms=12.5, capacity_ms=50),))


class Stream:
    """An SDK stream that gives 10 ms each 10 ms, or at once what it is behind, for `length_ms`."""

    def __init__(self, now: SimpleNamespace, length_ms: int) -> None:
        """Give by the clock `now`."""
        self._now = now
        self._events = length_ms // 10
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[int]:
        """Yield the number of each 10 ms."""
        for number in range(self._events):
            self._now.ns = max(self._now.ns, (number + 1) * 10 * MS)
            await asyncio.sleep(0)
            yield number

    async def aclose(self) -> None:
        """Be closed."""
        self.closed = True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock that only sleeping and the stream advance."""
    clock = SimpleNamespace(ns=0)

    async def sleep_until(moment_ns: int) -> None:
        clock.ns = max(clock.ns, moment_ns)

    monkeypatch.setattr(time, "monotonic_ns", lambda: clock.ns)
    monkeypatch.setattr(reading, "sleep_until", sleep_until)
    monkeypatch.setattr(listening, "sleep_until", sleep_until)
    return clock


def read(folder: Path, config: Config, now: SimpleNamespace) -> tuple[list[tuple[int, int]], Stream]:
    """Read 13 s, of which the media is 2 to 12 s; return (number, ms when it was handed on), and the stream."""
    (folder / "go").write_text('{"start_monotonic_ns": 0}')
    injected, stream = Lines.create(folder / "injected.jsonl", "injected"), Stream(now, 13_000)

    async def all_() -> list[tuple[int, int]]:
        return [(event, now.ns // MS) async for event in Reader(config, folder, injected).read(stream)]

    found = asyncio.run(all_())
    injected.close()
    return found, stream


def injected(folder: Path) -> list[dict[str, Any]]:
    """Return what the injector says it did."""
    return [line.fields for line in read_headed(folder / "injected.jsonl", "injected").lines]


def test_a_reader_without_fault_hands_on_everything_at_once(tmp_path: Path, now: SimpleNamespace) -> None:
    """Each 10 ms when they come; the queue is as long as it likes; the stream is closed at its end."""
    found, stream = read(tmp_path, READER, now)
    assert found == [(number, (number + 1) * 10) for number in range(1300)]
    assert stream.closed
    assert capacity(READER) == 0
    assert injected(tmp_path) == []


def test_a_slow_reader_falls_behind_in_the_media_alone(tmp_path: Path, now: SimpleNamespace) -> None:
    """12.5 ms for each 10 ms: 10 s of media hold 800 reads, and its queue of 50 ms drops the rest in the SDK."""
    found, _ = read(tmp_path, SLOW, now)
    assert [at for _, at in found[:200]] == [(number + 1) * 10 for number in range(200)]
    assert len([at for _, at in found if 2_000 <= at < 12_000]) == 800
    assert capacity(SLOW) == 5
    (line,) = injected(tmp_path)
    assert (line["kind"], line["from"] // MS) == ("slow_reader", 2_000)
    assert 11_990 <= line["to"] // MS <= 12_013


def test_a_cut_end_is_not_read(tmp_path: Path, now: SimpleNamespace) -> None:
    """A second before the end of the media it stops, closes the stream and says so in its own log alone."""
    found, stream = read(tmp_path, replace(READER, inject=(CutEnd(client="subscriber", by_ms=1_000),)), now)
    assert found[-1][1] == 10_990
    assert stream.closed
    assert [(line["kind"], line["from"] // MS, line["to"] // MS) for line in injected(tmp_path)] == [
        ("cut_end", 11_000, 12_000)
    ]


def test_late_subscription_lets_go_and_comes_back(tmp_path: Path, now: SimpleNamespace) -> None:
    """At the beginning of the media, of those alone who are meant to be heard; back when it is too late."""
    asked: list[tuple[str, bool, int]] = []

    def publication(name: str) -> SimpleNamespace:
        return SimpleNamespace(
            subscribed=True, set_subscribed=lambda wanted: asked.append((name, wanted, now.ns // MS))
        )

    people = {
        name: SimpleNamespace(identity=name, track_publications={"t": publication(name)}) for name in ("a", "crowd-1")
    }
    room: Any = SimpleNamespace(remote_participants=people, on=lambda *_: None)
    config = replace(READER, inject=(SubscribeLate(client="subscriber", by_ms=1_500),))
    (tmp_path / "go").write_text('{"start_monotonic_ns": 0}')
    journal, nothing = Journal.create(tmp_path), Lines.create(tmp_path / "injected.jsonl", "injected")

    async def attached() -> None:
        async with asyncio.TaskGroup() as tasks:
            Listener(config, tmp_path, journal, nothing).attach(room, tasks)

    asyncio.run(attached())
    journal.close()
    nothing.close()
    assert asked == [("a", False, 2_000), ("a", True, 3_500)]
    assert [line["kind"] for line in injected(tmp_path)] == ["subscribe_late"]


def test_a_track_that_is_gone_is_read_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stream is closed, the next one's is not: one that is left open would bring what comes later once more."""
    opened: list[Open] = []

    class Open:
        """A stream that gives nothing until it is closed."""

        def __init__(self, *_: object, **__: object) -> None:
            self.ended = asyncio.Event()
            opened.append(self)

        async def __aiter__(self) -> AsyncIterator[object]:
            await self.ended.wait()
            return
            yield

        async def aclose(self) -> None:
            self.ended.set()

    monkeypatch.setattr(rtc, "AudioStream", Open)
    room: Any = SimpleNamespace(remote_participants={}, handlers={})
    room.on = room.handlers.__setitem__
    said, person = SimpleNamespace(sid="TR_1"), SimpleNamespace(identity="a")
    journal, nothing = Journal.create(tmp_path), Lines.create(tmp_path / "injected.jsonl", "injected")

    async def again() -> list[bool]:
        async with asyncio.TaskGroup() as tasks:
            listener = Listener(READER, tmp_path, journal, nothing)
            listener.attach(room, tasks)
            room.handlers["track_subscribed"]("first", said, person)
            room.handlers["track_unsubscribed"]("first", said, person)
            room.handlers["track_subscribed"]("second", said, person)
            await asyncio.sleep(0.01)
            ended = [stream.ended.is_set() for stream in opened]
            for stream in opened:
                stream.ended.set()
        listener.close()
        return ended

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(again()) == [True, False]
    journal.close()
    nothing.close()
