"""Publishing audio: frame by frame on the schedule, every one logged, faults injected where the orders say.

What is injected goes to `injected.jsonl`, which the judge never reads; a test compares the two.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

from livekit import rtc

from lab.clients.audio import Audio
from lab.clients.config import Config
from lab.clients.go import sleep_until, wait_start_ns
from lab.clients.journal import Journal
from lab.clients.schedule import Schedule, skips, stalls
from lab.probe.frames import Frames
from lab.probe.lag import Lag
from lab.probe.lines import Lines

PLAYOUT_SLACK_S = 0.1


class Publisher:
    """Publishes one microphone track and pushes the ordered frames into it."""

    def __init__(self, config: Config, folder: Path, journal: Journal) -> None:
        """Prepare to publish as `config` says; files go to `folder`."""
        self._config = config
        self._folder = folder
        self._journal = journal
        self._source = rtc.AudioSource(config.sample_rate, 1, queue_size_ms=config.queue_ms)
        self._audio = Audio.of(folder / config.audio if config.audio else None, config.sample_rate)

    async def publish(self, room: rtc.Room) -> rtc.LocalAudioTrack:
        """Publish and return the track; no option that changes what is on the wire is left to a default."""
        track = rtc.LocalAudioTrack.create_audio_track("audio", self._source)
        options = rtc.TrackPublishOptions()
        options.source = rtc.TrackSource.SOURCE_MICROPHONE
        options.dtx = self._config.dtx
        options.red = self._config.red
        options.audio_encoding.max_bitrate = self._config.bitrate_bps
        publication = await room.local_participant.publish_track(track, options)
        self._journal.note("published", track=publication.sid)
        return track

    async def push_all(self) -> None:
        """Wait for the start signal, push every frame, and wait until all has been played out."""
        start_ns = await wait_start_ns(self._folder)
        schedule = Schedule(start_ns=start_ns, ahead_ms=self._config.ahead_ms, frame_ms=self._config.frame_ms)
        await sleep_until(start_ns)
        self._journal.note("pushing")
        lag = Lag()
        lag_task = asyncio.create_task(lag.run())
        with (
            closing(Frames.create(self._folder / "frames.jsonl", lag)) as frames,
            closing(Lines.create(self._folder / "injected.jsonl", "injected")) as injected,
        ):
            await self._push(schedule, frames, injected)
        lag_task.cancel()
        await self._played_out(schedule)

    async def _push(self, schedule: Schedule, frames: Frames, injected: Lines) -> None:
        """Push frame after frame, with the faults ordered."""
        pauses, dropped = stalls(self._config), skips(self._config)
        for number in range(self._config.frames_total):
            times = {"available_ns": schedule.available_ns(number), "scheduled_ns": schedule.scheduled_ns(number)}
            await sleep_until(times["available_ns"])
            frame = self._frame(number)
            if number in pauses:
                await _stall(injected, number, pauses[number])
                schedule.resume(number, time.monotonic_ns())
            if number in dropped:
                injected.write({"kind": "skip", "frame": number, "t": time.monotonic_ns()})
                frames.skipped(frame, number=number, **times)
            else:
                await frames.push(self._source, frame, number=number, **times)

    def _frame(self, number: int) -> rtc.AudioFrame:
        samples = self._audio.push(number, self._config.frame_ms)
        return rtc.AudioFrame(samples.tobytes(), self._config.sample_rate, 1, samples.size)

    async def _played_out(self, schedule: Schedule) -> None:
        """Wait until the SDK must have played all of it, by its own estimate and by the schedule."""
        await self._source.wait_for_playout()
        await sleep_until(schedule.scheduled_ns(self._config.frames_total))
        await asyncio.sleep(PLAYOUT_SLACK_S)
        self._journal.note("pushed")


async def _stall(injected: Lines, number: int, length_ms: int) -> None:
    """Do nothing for `length_ms` before frame `number`; only the pushing stops, not the event loop."""
    from_ns = time.monotonic_ns()
    await sleep_until(from_ns + length_ms * 1_000_000)
    injected.write({"kind": "stall", "frame": number, "from": from_ns, "to": time.monotonic_ns()})
