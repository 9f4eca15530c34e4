"""The probe: what it writes is what happened, and it needs nothing but an old Python."""

from __future__ import annotations

import ast
import asyncio
import json
import selectors
import sys
import time
from array import array
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
from livekit.rtc._proto.stats_pb2 import RtcStats

import lab.probe
from lab.evidence.frames import frames
from lab.evidence.lines import read_headed
from lab.evidence.stats import stats
from lab.marks import marked_frame
from lab.pcm import BLOCK_SAMPLES
from lab.probe.frames import Frames, levels_dbov
from lab.probe.heard import Heard
from lab.probe.lag import Lag, Loop, _Waits
from lab.probe.lines import Lines, realtime_minus_monotonic_ns
from lab.probe.stats import sample
from tests.fakes.levels import level_dbov

SOURCES = sorted(Path(lab.probe.__file__).parent.glob("*.py"))


@dataclass(frozen=True)
class Audio:
    """An SDK audio frame, as far as the probe looks at one."""

    data: memoryview
    sample_rate: int = 48_000
    num_channels: int = 1
    samples_per_channel: int = 960


FRAME = Audio(memoryview(array("h", marked_frame(3).tolist())))


class Source:
    """An SDK audio source that takes what it is given, or refuses."""

    def __init__(self, error: Exception | None = None) -> None:
        """Refuse with `error`, if any."""
        self.got: list[object] = []
        self._error = error

    async def capture_frame(self, frame: object) -> None:
        """Take `frame`."""
        if self._error:
            raise self._error
        self.got.append(frame)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_runs_inside_other_peoples_clients(path: Path) -> None:
    """Grammar of Python 3.9, and imports of the standard library and itself only."""
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(m.split(".")[0] in sys.stdlib_module_names or m.startswith("lab.probe") for m in modules)


def test_a_file_is_never_two_runs(tmp_path: Path) -> None:
    """A file that is there already is refused, and so is a number that JSON has not."""
    lines = Lines.create(tmp_path / "x", "events")
    with pytest.raises(FileExistsError):
        Lines.create(tmp_path / "x", "events")
    with pytest.raises(ValueError, match="JSON compliant"):
        lines.write({"a": float("nan")})
    lines.close()


def test_lines_are_on_disk_at_once(tmp_path: Path) -> None:
    """What was written before a kill is there without any flush; the header says how to get real time."""
    lines = Lines.create(tmp_path / "x", "events")
    lines.write({"t": 5})
    found = read_headed(tmp_path / "x", "events")
    assert [line.fields for line in found.lines] == [{"t": 5}]
    assert abs(found.offset_ns - realtime_minus_monotonic_ns()) < 1_000_000_000
    lines.close()


def test_levels_are_those_of_the_marks() -> None:
    """The standard library's arithmetic gives what numpy's does, to a thousandth of a dB; silence is 127."""
    samples = marked_frame(7)
    expected = [level_dbov(samples[:BLOCK_SAMPLES]), level_dbov(samples[BLOCK_SAMPLES:])]
    assert levels_dbov(samples.tobytes(), BLOCK_SAMPLES) == pytest.approx(expected, abs=0.001)
    assert levels_dbov(bytes(2_000), BLOCK_SAMPLES) == (127.0, 127.0)
    assert levels_dbov(array("h", [-32_767] * 480).tobytes(), BLOCK_SAMPLES) == (0.0,)


def test_levels_are_those_of_what_is_shown(tmp_path: Path) -> None:
    """A program may push a piece of its sound, or put another into the same buffer: the levels are the pushed ones'."""
    loud, quiet = (np.full(BLOCK_SAMPLES, level, np.int16).tobytes() for level in (20_000, 2_000))
    buffer, log = bytearray(loud), Frames.create(tmp_path / "f", Lag())
    for number, shown in enumerate((memoryview(loud + quiet)[len(loud) :], memoryview(buffer), memoryview(buffer))):
        asyncio.run(log.push(Source(), Audio(shown.cast("h")), number=number, available_ns=1, scheduled_ns=2))
        buffer[:] = loud if number == 0 else quiet
    log.close()
    lines = frames(read_headed(tmp_path / "f", "frames"))
    assert [line.levels for line in lines] == [levels_dbov(sound, BLOCK_SAMPLES) for sound in (quiet, loud, quiet)]


def test_frames_pushed_refused_and_skipped(tmp_path: Path) -> None:
    """The source gets the very frame; an SDK error is the frame's, and is not raised; a skipped one has no push."""
    log, source = Frames.create(tmp_path / "f", Lag()), Source()
    asyncio.run(log.push(source, FRAME, number=0, available_ns=1, scheduled_ns=2))
    asyncio.run(log.push(Source(RuntimeError("no")), FRAME, number=1, available_ns=3, scheduled_ns=4))
    log.skipped(FRAME, number=2, available_ns=5, scheduled_ns=6)
    log.close()
    assert source.got == [FRAME]
    lines = read_headed(tmp_path / "f", "frames")
    pushed, refused, skipped = frames(lines)
    assert pushed.pushed_ns is not None
    assert pushed.returned_ns is not None
    assert pushed.returned_ns >= pushed.pushed_ns
    assert (refused.error, refused.returned_ns, refused.pushed_ns is None) == ("RuntimeError: no", None, False)
    assert (skipped.pushed_ns, skipped.error, skipped.samples, len(skipped.levels)) == (None, None, 960, 2)
    assert [each.scheduled_ns - lines.offset_ns for each in (pushed, refused, skipped)] == [2, 4, 6]


T = TypeVar("T")


def run(program: Coroutine[Any, Any, T]) -> T:
    """Run `program` in a loop that tells how late it is."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(program)


class Waits:
    """What a loop's selector waits for, and how long each wait takes, by a clock that stands still otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wait no time in every loop from now on."""
        self.now_ns = 0
        self.takes_ms = 0
        self.asked_s: list[float | None] = []
        real = selectors.DefaultSelector.select

        def select(selector: Any, timeout: float | None = None) -> Any:
            self.asked_s.append(timeout)
            self.now_ns += self.takes_ms * 1_000_000
            return real(selector, 0)

        monkeypatch.setattr(selectors.DefaultSelector, "select", select)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)

    def pass_ms(self, length_ms: int) -> None:
        """Let time pass while the loop does something."""
        self.now_ns += length_ms * 1_000_000


def test_lag_is_the_worst_since_it_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that was kept busy for 3, 15 and 1 ms: 15 ms, and then 0; what comes when nobody watches is nobody's."""
    lag, waits = Lag(), Waits(monkeypatch)

    async def busy() -> None:
        with lag.watching():
            for took_ms in (3, 15, 1):
                waits.pass_ms(took_ms)
                await asyncio.sleep(0)
        waits.pass_ms(100)
        await asyncio.sleep(0)

    run(busy())
    assert (lag.take_ms(), lag.take_ms()) == (15.0, 0.0)


def test_a_wait_that_took_too_long_is_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped for 500 ms in a wait for a timer in 60: it was to look after 20, and is 480 ms late."""
    lag, waits = Lag(), Waits(monkeypatch)
    selector = _Waits([lag])
    waits.takes_ms = 500
    selector.select(0.06)
    selector.close()
    assert (waits.asked_s, lag.take_ms()) == ([0.02], 480.0)


def test_a_wait_that_ends_in_time_is_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was due before its event or its end; without a timer it waits 20 ms, and not at all for 0."""
    lag, waits = Lag(), Waits(monkeypatch)
    selector = _Waits([lag])
    waits.takes_ms = 5
    for timeout in (0.005, 0.02, None):
        selector.select(timeout)
    waits.takes_ms = 0
    selector.select(0)
    selector.close()
    assert (waits.asked_s, lag.take_ms()) == ([0.005, 0.02, 0.02, 0], 0.0)


def test_a_blocked_loop_lags_as_long_as_it_was_blocked() -> None:
    """In real time: 40 ms of `time.sleep` are a lag of at least that much."""
    lag = Lag()

    async def blocked() -> None:
        with lag.watching():
            time.sleep(0.04)
            await asyncio.sleep(0)

    run(blocked())
    assert lag.take_ms() >= 40.0


def test_a_loop_that_cannot_tell_is_refused() -> None:
    """No lag is not known to be none."""

    async def watched() -> None:
        with Lag().watching():
            pass

    with pytest.raises(RuntimeError, match="does not tell how late it is"):
        asyncio.run(watched())


def test_heard_is_every_sample_and_a_count_each_100_ms(tmp_path: Path) -> None:
    """25 frames of 10 ms: 12 000 samples on disk, counts at 100 and 200 ms and at the end."""
    heard = Heard.create(tmp_path, "a")
    block = Audio(memoryview(array("h", range(480))), samples_per_channel=480)

    async def stream() -> AsyncIterator[object]:
        for _ in range(25):
            yield SimpleNamespace(frame=block)

    run(heard.record(stream()))
    heard.close()
    assert np.array_equal(np.fromfile(tmp_path / "heard-a.pcm", "<i2"), np.tile(np.arange(480), 25))
    lines = read_headed(tmp_path / "heard-a.jsonl", "reads")
    assert [line.fields["samples"] for line in lines.lines] == [4_800, 9_600, 12_000]


def test_a_loop_that_was_blocked_stands_beside_the_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """70 ms before the sixth frame are in the count behind it and in no other."""
    heard = Heard.create(tmp_path, "a")
    block = Audio(memoryview(array("h", range(480))), samples_per_channel=480)
    waits = Waits(monkeypatch)

    async def stream() -> AsyncIterator[object]:
        for number in range(20):
            if number == 5:
                waits.pass_ms(70)
            await asyncio.sleep(0)
            yield SimpleNamespace(frame=block)

    run(heard.record(stream()))
    heard.close()
    lines = read_headed(tmp_path / "heard-a.jsonl", "reads").lines
    assert [line.fields["lag_ms"] for line in lines] == [70.0, 0.0]


class Track:
    """An SDK track that answers with `entries`."""

    def __init__(self, sid: str, *entries: RtcStats) -> None:
        """Answer so."""
        self.sid = sid
        self._entries = entries

    async def get_stats(self) -> list[RtcStats]:
        """Return the answer."""
        return list(self._entries)


def connection() -> list[RtcStats]:
    """Return the entries of a connection: one pair in use, one not, and the candidates of the former."""
    used, spare, local, remote = RtcStats(), RtcStats(), RtcStats(), RtcStats()
    used.candidate_pair.candidate_pair.nominated = True
    used.candidate_pair.candidate_pair.local_candidate_id = "L"
    used.candidate_pair.candidate_pair.remote_candidate_id = "R"
    used.candidate_pair.candidate_pair.current_round_trip_time = 0.25
    spare.candidate_pair.candidate_pair.nominated = False
    local.local_candidate.rtc.id, remote.remote_candidate.rtc.id = "L", "R"
    for candidate, port in ((local.local_candidate.candidate, 5), (remote.remote_candidate.candidate, 7882)):
        candidate.address, candidate.port, candidate.protocol = "198.18.0.1", port, "udp"
    return [used, spare, local, remote]


def test_statistics_become_samples(tmp_path: Path) -> None:
    """Real SDK messages in, the evidence's samples out, each field from its place; what was not reported is 0."""
    inbound, outbound, remote = RtcStats(), RtcStats(), RtcStats()
    inbound.inbound_rtp.stream.ssrc, inbound.inbound_rtp.received.packets_lost = 11, 3
    inbound.inbound_rtp.received.packets_received, inbound.inbound_rtp.received.jitter = 50, 0.5
    inbound.inbound_rtp.inbound.concealed_samples, inbound.inbound_rtp.inbound.jitter_buffer_delay = 960, 1.5
    outbound.outbound_rtp.stream.ssrc, outbound.outbound_rtp.stream.kind = 22, "audio"
    outbound.outbound_rtp.sent.packets_sent = 70
    remote.remote_inbound_rtp.stream.ssrc, remote.remote_inbound_rtp.received.packets_lost = 22, 9
    remote.remote_inbound_rtp.remote_inbound.fraction_lost = 0.2
    own = Track("mine", outbound, remote, *connection())
    record = asyncio.run(sample([own], {Track("T", inbound): "alice"}))
    lines = Lines.create(tmp_path / "s", "stats")
    lines.write({"t": 1, **record})
    found = stats(read_headed(tmp_path / "s", "stats"))
    (heard,), (sent,), (pair,) = found.inbound, found.outbound, found.pairs
    assert (heard.publisher, heard.track, heard.ssrc, heard.packets_received, heard.packets_lost) == (
        "alice",
        "T",
        11,
        50,
        3,
    )
    assert (heard.concealed_samples, heard.jitter_s, heard.jitter_buffer_delay_s) == (960, 0.5, 1.5)
    assert (sent.ssrc, sent.packets_sent, sent.remote_packets_lost, sent.remote_fraction_lost) == (22, 70, 9, 0.2)
    assert (pair.local, pair.remote, pair.protocol) == ("198.18.0.1:5", "198.18.0.1:7882", "udp")
    assert pair.round_trip_time_s == 0.25
    lines.close()


def test_no_tracks_no_statistics() -> None:
    """Before anything is published or subscribed the lists are there, and empty."""
    assert asyncio.run(sample([], {})) == {"inbound": [], "outbound": [], "pairs": []}
    alone = asyncio.run(sample([Track("mine", *connection()[:1])], {}))
    assert json.dumps(alone["pairs"]) == '[{"local": "", "remote": "", "protocol": "", "round_trip_time_s": 0.25}]'
