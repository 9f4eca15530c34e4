"""A call without measuring, inside a client container: the SDK calls that `lab.clients` makes, and nothing beside them.

`bare.py publisher|subscriber`, with LIVEKIT_URL, LIVEKIT_TOKEN and BITRATE. The sound is made before it is played.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from livekit import rtc

from lab.marks import marked_frame
from lab.pcm import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE

FRAMES = 640
QUEUE_MS, AHEAD_MS = 200, 60
"""What a client of a scenario has that says nothing about it: how much the SDK may hold, and how early it is pushed."""


async def publish(room: rtc.Room) -> None:
    """Publish a microphone, and push a frame each 20 ms for ever, some time ahead."""
    sounds = [rtc.AudioFrame(marked_frame(k).tobytes(), SAMPLE_RATE, 1, FRAME_SAMPLES) for k in range(FRAMES)]
    source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
    options = rtc.TrackPublishOptions()
    options.source = rtc.TrackSource.SOURCE_MICROPHONE
    options.dtx = False
    options.red = True
    options.audio_encoding.max_bitrate = int(os.environ["BITRATE"])
    await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("audio", source), options)
    due, number = time.monotonic() - AHEAD_MS / 1000, 0
    while True:
        await source.capture_frame(sounds[number % FRAMES])
        number, due = number + 1, due + FRAME_MS / 1000
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def listen(room: rtc.Room) -> None:
    """Read whatever is published, and throw it away."""
    subscribed: asyncio.Future[rtc.Track] = asyncio.get_running_loop().create_future()
    room.on("track_subscribed", lambda track, *_: subscribed.set_result(track))
    stream = rtc.AudioStream(await subscribed, sample_rate=SAMPLE_RATE, num_channels=1)
    async for _ in stream:
        pass


async def main(role: str) -> None:
    """Take part until killed."""
    room = rtc.Room()
    part = listen(room) if role == "subscriber" else None
    playing = asyncio.ensure_future(part) if part else None
    await asyncio.sleep(0)  # so that it hears of the first track
    await room.connect(os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_TOKEN"])
    await (playing or publish(room))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
