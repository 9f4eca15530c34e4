"""Publishing audio: frame by frame on the schedule, every one logged, faults injected where the orders say."""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from livekit import rtc

from lab.clients.audio import Audio
from lab.clients.config import Config
from lab.clients.faulty import Faulty, Turn
from lab.clients.go import sleep_until, wait_start_ns
from lab.clients.journal import Journal
from lab.clients.schedule import Schedule
from lab.probe.frames import Frames
from lab.probe.lag import Lag
from lab.probe.lines import Lines

PLAYOUT_SLACK_S = 0.1
SAMPLE_BYTES = 2
MADE_TOGETHER = 20
APART_S = 0.001
"""Between pushes that do not wait for each other: the SDK takes those of the same instant in any order."""


class Publisher:
    """Publishes one microphone track and pushes the ordered frames into it."""

    def __init__(self, config: Config, folder: Path, journal: Journal, injected: Lines) -> None:
        """Prepare to publish as `config` says; files go to `folder`, what is done wrong to `injected`."""
        self._config = config
        self._folder = folder
        self._journal = journal
        self._injected = injected
        self._track: rtc.LocalAudioTrack | None = None
        self._source = rtc.AudioSource(config.sample_rate, 1, queue_size_ms=config.queue_ms)
        self._audio = Audio.of(folder / config.audio if config.audio else None, config.sample_rate)
        self._batch = lru_cache(maxsize=2)(self._made)

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
        self._track = track
        return track

    async def push_all(self) -> None:
        """Wait for the start signal, push every frame, and wait until all has been played out."""
        start_ns = await wait_start_ns(self._folder)
        schedule = Schedule(start_ns=start_ns, ahead_ms=self._config.ahead_ms, frame_ms=self._config.frame_ms)
        await sleep_until(start_ns)
        self._journal.note("pushing")
        lag = Lag()
        with closing(Frames.create(self._folder / "frames.jsonl", lag)) as frames, lag.watching():
            await self._push(schedule, frames)
        await self._played_out(schedule)

    async def _push(self, schedule: Schedule, frames: Frames) -> None:
        """Push frame after frame, each at its turn; several at once only where that is the fault ordered."""
        faulty = Faulty(self._config, self._mute, self._injected, self._journal)
        number = 0
        while number < self._config.frames_total:
            turn = await faulty.turn(number, schedule)
            times = {"available_ns": turn.available_ns, "scheduled_ns": turn.scheduled_ns}
            if turn.skipped:
                frames.skipped(self._frame(number), number=number, **times)
            elif turn.together == 1:
                await frames.push(self._source, self._frame(number), number=number, **times)
            else:
                await self._push_together(range(number, number + turn.together), schedule, frames, turn)
            number += turn.together

    async def _push_together(self, numbers: range, schedule: Schedule, frames: Frames, turn: Turn) -> None:
        """Push the frames `numbers`, all of which the program has by now, without waiting for one another."""
        async with asyncio.TaskGroup() as pushes:
            for number in numbers:
                if number < self._config.frames_total:
                    available_ns = min(turn.available_ns, schedule.available_ns(number))
                    times = {"available_ns": available_ns, "scheduled_ns": schedule.scheduled_ns(number)}
                    pushes.create_task(frames.push(self._source, self._frame(number), number=number, **times))
                    await asyncio.sleep(APART_S)

    def _mute(self, muted: bool) -> None:
        """Mute or unmute the published track."""
        if self._track is None:
            raise RuntimeError("nothing is published yet")
        (self._track.mute if muted else self._track.unmute)()

    def _frame(self, number: int) -> rtc.AudioFrame:
        """Return frame `number`, made with its neighbours: after each wait, making one costs as much as all of them."""
        batch, place = divmod(number, MADE_TOGETHER)
        return self._batch(batch)[place]

    def _made(self, batch: int) -> list[rtc.AudioFrame]:
        """Make the frames of a batch."""
        first = batch * MADE_TOGETHER
        sounds = (self._audio.push(number, self._config.frame_ms) for number in range(first, first + MADE_TOGETHER))
        return [rtc.AudioFrame(sound, self._config.sample_rate, 1, len(sound) // SAMPLE_BYTES) for sound in sounds]

    async def _played_out(self, schedule: Schedule) -> None:
        """Wait until the SDK must have played all of it, by its own estimate and by the schedule."""
        await self._source.wait_for_playout()
        await sleep_until(schedule.scheduled_ns(self._config.frames_total))
        await asyncio.sleep(PLAYOUT_SLACK_S)
        self._journal.note("pushed")
