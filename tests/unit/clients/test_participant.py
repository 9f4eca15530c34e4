"""A participant's story against a scripted SDK: frames in virtual time, leaving on SIGTERM, no connection."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from lab.clients import faulty, go, participant, publishing
from lab.clients.config import Config
from lab.clients.journal import Journal
from lab.clients.listening import Listener
from lab.clients.participant import attend
from lab.clients.publishing import Publisher
from lab.evidence.frames import frames
from lab.evidence.lines import read_headed
from lab.evidence.stats import events
from lab.evidence.values import FrameLine
from lab.faults import BackendBursts, BackendLate, BlockLoop, Mute, Overlap, Skip, Slow, Stall
from lab.marks import marked_frame
from lab.pcm import BLOCK_SAMPLES
from lab.probe.frames import levels_dbov
from lab.probe.lag import Loop
from lab.probe.lines import Lines
from tests.unit.clients.test_schedule import CONFIG

MS = 1_000_000
START_NS = 5_000 * MS


class Source:
    """An SDK audio source that accepts everything at once."""

    def __init__(self, *_: object, **__: object) -> None:
        """Begin empty."""
        self.pushed = 0

    async def capture_frame(self, _: object) -> None:
        """Take a frame."""
        self.pushed += 1

    async def wait_for_playout(self) -> None:
        """Return at once."""


class Track:
    """A published track that can be muted."""

    def mute(self) -> None:
        """Be muted."""

    def unmute(self) -> None:
        """Be heard again."""


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make time pass only by sleeping, and sleeping take no time."""
    now = SimpleNamespace(ns=START_NS)

    async def sleep_until(moment_ns: int) -> None:
        now.ns = max(now.ns, moment_ns)

    monkeypatch.setattr(time, "monotonic_ns", lambda: now.ns)
    monkeypatch.setattr(time, "sleep", lambda seconds: setattr(now, "ns", now.ns + int(seconds * 1e9)))
    monkeypatch.setattr(publishing, "sleep_until", sleep_until)
    monkeypatch.setattr(faulty, "sleep_until", sleep_until)
    monkeypatch.setattr(publishing, "PLAYOUT_SLACK_S", 0)
    monkeypatch.setattr(rtc, "AudioSource", Source)


def pushed(folder: Path, config: Config) -> tuple[FrameLine, ...]:
    """Push everything that `config` orders and return the log, times relative to the start."""
    (folder / "go").write_text(json.dumps({"start_monotonic_ns": START_NS}))
    journal = Journal.create(folder)
    injector = Lines.create(folder / "injected.jsonl", "injected")
    publisher = Publisher(config, folder, journal, injector)
    publisher._track = Track()  # type: ignore[assignment]
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(publisher.push_all())
    journal.close()
    injector.close()
    lines = read_headed(folder / "frames.jsonl", "frames")
    return frames(replace(lines, offset_ns=-START_NS))


def injected(folder: Path) -> list[dict[str, Any]]:
    """Return what the injector says it did."""
    return [line.fields for line in read_headed(folder / "injected.jsonl", "injected").lines]


@pytest.mark.usefixtures("virtual_time")
def test_a_faultless_publisher_is_60_ms_ahead(tmp_path: Path) -> None:
    """Each frame is its own and pushed 60 ms before it is due, the first ones at the start; nothing is injected."""
    log = pushed(tmp_path, CONFIG)
    assert len(log) == CONFIG.frames_total
    assert [line.scheduled_ns for line in log] == [k * 20 * MS for k in range(700)]
    assert [line.levels for line in log] == [levels_dbov(marked_frame(k).tobytes(), BLOCK_SAMPLES) for k in range(700)]
    assert all(line.pushed_ns == line.available_ns == max(0, line.scheduled_ns - 60 * MS) for line in log)
    assert injected(tmp_path) == []
    assert [event.name for event in events(read_headed(tmp_path / "events.jsonl", "events"))] == ["pushing", "pushed"]


@pytest.mark.usefixtures("virtual_time")
def test_a_stall_shows_as_one_late_push(tmp_path: Path) -> None:
    """400 ms of nothing: one frame 340 ms late though it was available, three on its heels, then on time again."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Stall(client="publisher", length_ms=400, times=2),)))
    late = {line.frame: (line.pushed_ns or 0) - line.scheduled_ns for line in log}
    assert {frame: ns // MS for frame, ns in late.items() if ns > 0} == {225: 340, 475: 340}
    assert [late[frame] // MS for frame in (226, 227, 228, 229)] == [-20, -40, -60, -60]
    assert all(line.available_ns is not None and line.available_ns <= line.scheduled_ns for line in log)
    assert [(each["kind"], each["frame"], each["to"] - each["from"]) for each in injected(tmp_path)] == [
        ("stall", 225, 400 * MS),
        ("stall", 475, 400 * MS),
    ]


@pytest.mark.usefixtures("virtual_time")
def test_a_skip_is_made_and_never_pushed(tmp_path: Path) -> None:
    """The schedule goes on as if nothing were missing."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Skip(client="publisher", every=20),)))
    missing = [line.frame for line in log if line.pushed_ns is None]
    assert missing == list(range(119, 600, 20)) == [each["frame"] for each in injected(tmp_path)]
    assert [line.scheduled_ns for line in log] == [k * 20 * MS for k in range(700)]


def late_ms(line: FrameLine) -> int:
    """Return how late a frame was pushed."""
    return ((line.pushed_ns or 0) - line.scheduled_ns) // MS


@pytest.mark.usefixtures("virtual_time")
def test_audio_that_comes_late_was_not_available(tmp_path: Path) -> None:
    """As a stall, but the program itself had nothing to push: available after it was scheduled."""
    log = pushed(tmp_path, replace(CONFIG, inject=(BackendLate(client="publisher", length_ms=300, times=1),)))
    (late,) = (line for line in log if late_ms(line) > 0)
    assert (late.frame, late_ms(late)) == (350, 240)
    assert late.available_ns == late.pushed_ns
    assert [each["kind"] for each in injected(tmp_path)] == ["backend_late"]


@pytest.mark.usefixtures("virtual_time")
def test_audio_in_bursts_is_available_together(tmp_path: Path) -> None:
    """Each second at once, 200 ms after it was due: ten bursts, of which only the first frame is pushed late."""
    log = pushed(tmp_path, replace(CONFIG, inject=(BackendBursts(client="publisher", every_ms=1000, gap_ms=200),)))
    media = log[100:600]
    assert [line.frame for line in media if late_ms(line) > 0] == list(range(100, 600, 50))
    assert len({line.available_ns for line in media}) == 10
    assert all(line.available_ns is not None and line.available_ns <= (line.pushed_ns or 0) for line in media)
    assert len(injected(tmp_path)) == 10


@pytest.mark.usefixtures("virtual_time")
def test_a_slow_script_is_a_little_late_again_and_again(tmp_path: Path) -> None:
    """25 ms for each 20 ms: the 60 ms ahead last twelve frames, then each push is 5 ms late although it was there."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Slow(client="publisher", per_frame_ms=25),)))
    late = {line.frame: late_ms(line) for line in log if late_ms(line) > 0}
    assert set(late.values()) == {5}
    assert (min(late), max(late)) == (112, 599)
    assert all(line.available_ns is not None and line.available_ns <= line.scheduled_ns for line in log)


@pytest.mark.usefixtures("virtual_time")
def test_a_blocked_loop_pushes_late(tmp_path: Path) -> None:
    """As a stall to the schedule; the difference is in the loop, which is not virtual."""
    log = pushed(tmp_path, replace(CONFIG, inject=(BlockLoop(client="publisher", length_ms=400, times=2),)))
    assert {line.frame: late_ms(line) for line in log if late_ms(line) > 0} == {225: 340, 475: 340}
    assert [each["kind"] for each in injected(tmp_path)] == ["block_loop"] * 2


@pytest.mark.usefixtures("virtual_time")
def test_overlapping_pushes_leave_nothing_out(tmp_path: Path) -> None:
    """600 ms at once: thirty frames at one moment, none of which was late; what follows waits for its time."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Overlap(client="publisher", length_ms=600, times=1),)))
    assert [line.frame for line in log] == list(range(700))
    assert len({line.pushed_ns for line in log[350:380]}) == 1
    assert not [line for line in log if late_ms(line) > 0]


@pytest.mark.usefixtures("virtual_time")
def test_a_mute_is_an_event_and_no_late_push(tmp_path: Path) -> None:
    """It pauses on purpose: what is said afterwards has a new time; the pause is no lateness."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Mute(client="publisher", length_ms=400, times=2, pushing=False),)))
    assert not [line for line in log if late_ms(line) > 0]
    assert [log[225].scheduled_ns - log[224].scheduled_ns, log[226].scheduled_ns - log[225].scheduled_ns] == [
        (20 - 60 + 400) * MS,
        20 * MS,
    ]
    names = [event.name for event in events(read_headed(tmp_path / "events.jsonl", "events"))]
    assert names == ["pushing", *["muted", "unmuted"] * 2, "pushed"]


@pytest.mark.usefixtures("virtual_time")
def test_a_mute_may_be_pushed_into(tmp_path: Path) -> None:
    """The program does not know: its schedule goes on, and so does its audio."""
    log = pushed(tmp_path, replace(CONFIG, inject=(Mute(client="publisher", length_ms=400, times=1, pushing=True),)))
    assert [line.scheduled_ns for line in log] == [k * 20 * MS for k in range(700)]
    assert [(each["kind"], each["frame"]) for each in injected(tmp_path)] == [("mute", 350), ("unmute", 370)]


class Room:
    """An SDK room that connects, or does what it is told instead."""

    def __init__(self, connect: Callable[[], Any] | None = None) -> None:
        """Run `connect` when asked to connect."""
        self.remote_participants: dict[str, object] = {}
        self._connect = connect

    def on(self, *_: object) -> None:
        """Take a handler that is never called."""

    async def connect(self, *_: object) -> None:
        """Connect."""
        if self._connect:
            await self._connect()

    async def disconnect(self) -> None:
        """Disconnect."""


def attended(monkeypatch: pytest.MonkeyPatch, folder: Path, room: Room) -> tuple[int, list[str]]:
    """Return a subscriber's exit code and its events."""
    monkeypatch.setattr(rtc, "Room", lambda: room)
    config = replace(CONFIG, role="subscriber")
    (folder / "join").touch()
    code = asyncio.run(attend(config, folder, "ws://198.18.0.2:7880", "token"))
    return code, [event.name for event in events(read_headed(folder / "events.jsonl", "events"))]


async def _refuse() -> None:
    raise rtc.ConnectError("wait_pc_connection timed out")


async def _never_answer() -> None:
    await asyncio.Event().wait()


async def _sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()


@pytest.mark.parametrize(("connect", "words"), [(_refuse, "wait_pc_connection"), (_never_answer, "no answer")])
def test_no_connection_is_exit_3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, connect: Callable[[], Any], words: str
) -> None:
    """Refused, or not answered in time: an error event with the reason, and an end."""
    monkeypatch.setattr(participant, "CONNECT_LIMIT_S", 0.01)
    code, names = attended(monkeypatch, tmp_path, Room(connect))
    assert (code, names) == (3, ["error"])
    assert words in (tmp_path / "events.jsonl").read_text()


def test_nobody_connects_before_being_let_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The server may not be there yet, nor the captures open."""
    happened: list[str] = []

    async def wait_join(folder: Path) -> None:
        happened.append(f"let in at {folder.name}")

    async def come() -> None:
        happened.append("connects")
        await _refuse()

    monkeypatch.setattr(participant, "wait_join", wait_join)
    attended(monkeypatch, tmp_path, Room(come))
    assert happened == [f"let in at {tmp_path.name}", "connects"]


def test_being_let_in_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is waited for as long as it takes."""
    looks = iter([lambda: None, lambda: None, (tmp_path / "join").touch])

    async def sleep(_: float) -> None:
        next(looks)()

    monkeypatch.setattr(go, "asyncio", SimpleNamespace(sleep=sleep))
    asyncio.run(go.wait_join(tmp_path))
    assert next(looks, None) is None


def test_sigterm_is_a_normal_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While connecting, and after: exit 0 and `done`."""
    assert attended(monkeypatch, tmp_path, Room(_sigterm)) == (0, ["done"])
    (tmp_path / "2").mkdir()
    monkeypatch.setattr(participant, "_until_heard", lambda _: _sigterm())
    assert attended(monkeypatch, tmp_path / "2", Room()) == (0, ["connected", "done"])


def test_ready_is_packets_from_every_peer(tmp_path: Path) -> None:
    """A subscription alone is not media; the first packets are an event, once."""
    journal = Journal.create(tmp_path)
    nothing = Lines.create(tmp_path / "injected.jsonl", "injected")
    listener = Listener(replace(CONFIG, peers=("a", "b")), tmp_path, journal, nothing)
    for publisher, packets in (("a", 0), ("a", 5), ("b", 0), ("a", 9)):
        listener.watch({"inbound": [{"publisher": publisher, "packets_received": packets}]})
        assert not listener.hears_all_peers
    listener.watch({"inbound": [{"publisher": "b", "packets_received": 1}]})
    assert listener.hears_all_peers
    journal.close()
    nothing.close()
    found = events(read_headed(tmp_path / "events.jsonl", "events"))
    assert [(event.name, event.detail["publisher"]) for event in found] == [("media", "a"), ("media", "b")]


def test_sleeping_until_the_past_returns_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A late program catches up, it does not wait; to 10 s from now it is 10 s, slept again where it woke too early."""
    slept: list[float] = []
    now = [5_000_000_000]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += int(seconds * 1e9) - (1_000_000_000 if len(slept) == 1 else 0)

    monkeypatch.setattr(go, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(go, "time", SimpleNamespace(monotonic_ns=lambda: now[0]))
    asyncio.run(go.sleep_until(now[0]))
    assert slept == []
    asyncio.run(go.sleep_until(15_000_000_000))
    assert slept == [10.0, 1.0]
