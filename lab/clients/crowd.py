"""Other participants, many in one program: they speak and listen to load the server, and measure nothing.

`python -m lab.clients.crowd` joins them all (`config.json`: whom, LAB_TOKENS: one token each), waits for `LAB_DIR/go`,
and from then on every speaker publishes noise, and video if told so, and every listener subscribes to everybody.
`events.jsonl` says how many did.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from livekit import rtc

from lab.clients.go import sleep_until, wait_start_ns
from lab.clients.journal import Journal

RATE = 48_000
PUSH_MS = 100
WIDTH, HEIGHT, PICTURES_PER_SECOND = 320, 240, 10
VIDEO_BPS = 400_000
_NOISE = random.Random(1)


async def attend(config: dict[str, Any], tokens: dict[str, str], folder: Path, url: str) -> None:
    """Join, wait for the start signal, speak and listen until cancelled."""
    with closing(Journal.create(folder)) as journal:
        rooms = {name: rtc.Room() for name in tokens}
        await asyncio.gather(*(_join(rooms[name], url, token) for name, token in tokens.items()))
        journal.note("ready", joined=str(len(rooms)))
        await sleep_until(await wait_start_ns(folder))
        async with asyncio.TaskGroup() as tasks:
            for name in config["subscribers"]:
                _listen(rooms[name])
            for name in config["publishers"]:
                tasks.create_task(_speak(rooms[name]))
                if config["camera"]:
                    tasks.create_task(_show(rooms[name]))
            journal.note("loading", publishers=str(len(config["publishers"])))


async def _join(room: rtc.Room, url: str, token: str) -> None:
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))


def _listen(room: rtc.Room) -> None:
    """Subscribe to whatever is and will be published."""
    room.on("track_published", lambda publication, _: publication.set_subscribed(True))
    for participant in room.remote_participants.values():
        for publication in participant.track_publications.values():
            publication.set_subscribed(True)


async def _speak(room: rtc.Room) -> None:
    """Publish noise in real time."""
    source = rtc.AudioSource(RATE, 1, queue_size_ms=2 * PUSH_MS)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False)
    await room.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("noise", source), options)
    samples = RATE * PUSH_MS // 1000
    frame = rtc.AudioFrame(_NOISE.randbytes(2 * samples), RATE, 1, samples)
    while True:
        await source.capture_frame(frame)  # waits while the queue is full, so real time keeps itself


async def _show(room: rtc.Room) -> None:
    """Publish noisy pictures, which no codec makes small."""
    source = rtc.VideoSource(WIDTH, HEIGHT)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
    options.video_codec = rtc.VideoCodec.VP8
    options.video_encoding.max_bitrate, options.video_encoding.max_framerate = VIDEO_BPS, PICTURES_PER_SECOND
    await room.local_participant.publish_track(rtc.LocalVideoTrack.create_video_track("camera", source), options)
    pictures = [_picture() for _ in range(4)]
    due = time.monotonic_ns()
    while True:
        for picture in pictures:
            source.capture_frame(picture)
            due += 1_000_000_000 // PICTURES_PER_SECOND
            await sleep_until(due)


def _picture() -> rtc.VideoFrame:
    size = WIDTH * HEIGHT * 3 // 2
    return rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, _NOISE.randbytes(size))


def main() -> int:
    """Attend until SIGTERM."""
    folder = Path(os.environ["LAB_DIR"])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokens = json.loads(os.environ["LAB_TOKENS"])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # many rooms would take their time to leave
    asyncio.run(attend(config, tokens, folder, os.environ["LIVEKIT_URL"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
