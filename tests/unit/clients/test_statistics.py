"""When a client asks the SDK for statistics: often until media flows, in periods then, and once more at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from lab.clients import participant
from lab.clients.journal import Journal
from lab.evidence.lines import read_headed
from lab.evidence.stats import events
from lab.probe.lines import Lines
from tests.unit.clients.test_participant import Track


def statistics(
    monkeypatch: pytest.MonkeyPatch, folder: Path, heard: tuple[str, ...], flowing: Iterator[bool]
) -> tuple[list[int], list[int]]:
    """Let a client write statistics until `flowing` ends; return how many own tracks were asked for, and when (ms)."""
    asked: list[int] = []
    due_ms: list[int] = []

    async def sleep_until(moment_ns: int) -> None:
        due_ms.append(moment_ns // 1_000_000)

    async def sample(own: list[object], tracks: object) -> dict[str, list[object]]:
        asked.append(len(own))
        return {"inbound": [], "outbound": [], "pairs": []}

    class Listening:
        tracks: ClassVar[dict[str, str]] = dict.fromkeys(heard, "p")

        @property
        def hears_all_peers(self) -> bool:
            try:
                return next(flowing)
            except StopIteration:
                raise asyncio.CancelledError from None

        def watch(self, _: object) -> None:
            pass

    async def write(journal: Journal, lines: Lines) -> None:
        with suppress(asyncio.CancelledError):
            await participant._Statistics([Track()], lines, Listening(), journal).write()  # type: ignore[list-item,arg-type]

    monkeypatch.setattr(participant, "sleep_until", sleep_until)
    monkeypatch.setattr(participant, "sample", sample)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    with closing(Journal.create(folder)) as journal, closing(Lines.create(folder / "stats.jsonl", "stats")) as lines:
        asyncio.run(write(journal, lines))
    return asked, due_ms


@pytest.mark.parametrize(("heard", "looks"), [((), [1, 1, 1]), (("a",), [1, 0, 0, 0, 0, 1, 0, 1])])
def test_what_is_published_is_looked_at_now_and_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: tuple[str, ...], looks: list[int]
) -> None:
    """Each 500 ms; what is heard each 100 ms, and nothing at all when there is nothing to ask; all of it at the end."""
    assert statistics(monkeypatch, tmp_path, heard, iter([True] * 7))[0] == looks


def test_statistics_come_faster_until_media_flows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is measured yet, and everybody waits for the first packets."""
    due_ms = statistics(monkeypatch, tmp_path, ("a",), iter([False, False, False, True, True]))[1]
    assert due_ms == [25, 50, 75, 175, 275]


def test_a_last_answer_that_does_not_come_holds_nobody_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is an event; whoever is told to leave leaves."""
    monkeypatch.setattr(participant, "STATS_LIMIT_S", 0.01)

    async def silent(*_: object) -> None:
        await asyncio.Event().wait()

    async def write(journal: Journal, lines: Lines) -> None:
        listener: Any = SimpleNamespace(tracks={"a": "p"}, hears_all_peers=True)
        writing = asyncio.create_task(participant._Statistics([], lines, listener, journal).write())
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    monkeypatch.setattr(participant, "sample", silent)
    with closing(Journal.create(tmp_path)) as journal, closing(Lines.create(tmp_path / "s", "stats")) as lines:
        asyncio.run(write(journal, lines))
    (told,) = events(read_headed(tmp_path / "events.jsonl", "events"))
    assert told.name == "stats-refused"


def test_a_reading_under_way_at_the_end_is_made_good_by_the_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Told to leave while the SDK has not answered: what it counted is in the one line that is written then."""
    asked = 0

    async def sample(*_: object) -> dict[str, list[object]]:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        return {"inbound": [{"publisher": "p", "packets_received": 7}], "outbound": [], "pairs": []}

    async def write(journal: Journal, lines: Lines) -> None:
        listener: Any = SimpleNamespace(tracks={"a": "p"}, hears_all_peers=True, watch=lambda _: None)
        writing = asyncio.create_task(participant._Statistics([], lines, listener, journal).write())
        while not asked:
            await asyncio.sleep(0.001)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    monkeypatch.setattr(participant, "sample", sample)
    with closing(Journal.create(tmp_path)) as journal, closing(Lines.create(tmp_path / "s", "stats")) as lines:
        asyncio.run(write(journal, lines))
    (line,) = read_headed(tmp_path / "s", "stats").timed()
    assert line[1]["inbound"] == [{"publisher": "p", "packets_received": 7}]
