"""Listening: subscribe to who is meant to be heard, read every sample, and know when media flows."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from livekit import rtc

from lab.clients.config import Config
from lab.clients.go import sleep_until
from lab.clients.journal import Journal
from lab.clients.reading import Reader, capacity, media_ns, ordered
from lab.faults import SubscribeLate
from lab.pcm import SAMPLE_RATE
from lab.probe.heard import Heard
from lab.probe.lines import Lines
from lab.probe.stats import Record


class Listener:
    """Records every audible publisher. `tracks` maps each subscribed track to its publisher."""

    def __init__(self, config: Config, folder: Path, journal: Journal, injected: Lines) -> None:
        """Prepare to record into `folder`; what is done wrong goes to `injected`."""
        self.tracks: dict[rtc.Track, str] = {}
        self._config = config
        self._folder = folder
        self._journal = journal
        self._injected = injected
        self._reader = Reader(config, folder, injected)
        self._heard: dict[str, Heard] = {}
        self._streams: dict[rtc.Track, rtc.AudioStream] = {}
        self._flowing: set[str] = set()

    def attach(self, room: rtc.Room, tasks: asyncio.TaskGroup) -> None:
        """Subscribe to what is and will be published in `room`, just connected without automatic subscription."""
        self._tasks = tasks
        room.on("track_published", self._published)
        room.on("track_subscribed", self._subscribed)
        room.on("track_unsubscribed", self._unsubscribed)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._published(publication, participant)
        if late := ordered(self._config, SubscribeLate):
            tasks.create_task(self._subscribe_late(room, late))

    @property
    def hears_all_peers(self) -> bool:
        """Say whether packets of every peer have arrived."""
        return self._flowing.issuperset(self._config.peers)

    def watch(self, record: Record) -> None:
        """Note the first packets of each publisher; `record` is a sample of the statistics."""
        for stream in record["inbound"]:
            if stream["packets_received"] and stream["publisher"] not in self._flowing:
                self._flowing.add(stream["publisher"])
                self._journal.note("media", publisher=stream["publisher"])

    def close(self) -> None:
        """Flush and close what was heard."""
        for heard in self._heard.values():
            heard.close()

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        """Subscribe when this participant is meant to be heard."""
        if participant.identity in self._config.audible and not publication.subscribed:
            publication.set_subscribed(True)

    def _subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        """Read the track from its first sample on: what is decoded before there is a reader is gone."""
        stream = rtc.AudioStream(track, capacity=capacity(self._config), sample_rate=SAMPLE_RATE, num_channels=1)
        publisher = participant.identity
        if publisher not in self._heard:
            self._heard[publisher] = Heard.create(self._folder, publisher)
        self.tracks[track], self._streams[track] = publisher, stream
        self._tasks.create_task(self._heard[publisher].record(self._reader.read(stream)))
        self._journal.note("subscribed", publisher=publisher, track=publication.sid)

    def _unsubscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        """Close the track that is gone; its publisher may come back with another.

        The SDK goes on feeding a stream that is left open from whatever comes on the same transceiver later: two of
        them, and everything would be read twice.
        """
        self.tracks.pop(track, None)
        if stream := self._streams.pop(track, None):
            self._tasks.create_task(stream.aclose())
        self._journal.note("unsubscribed", publisher=participant.identity, track=publication.sid)

    async def _subscribe_late(self, room: rtc.Room, fault: SubscribeLate) -> None:
        """Let go of every track when the media begins, and subscribe again too late."""
        from_ns, _ = await media_ns(self._config, self._folder)
        await sleep_until(from_ns)
        self._set_subscribed(room, False)
        gone_ns = time.monotonic_ns()
        await sleep_until(from_ns + fault.by_ms * 1_000_000)
        self._set_subscribed(room, True)
        self._injected.write({"kind": "subscribe_late", "from": gone_ns, "to": time.monotonic_ns()})

    def _set_subscribed(self, room: rtc.Room, wanted: bool) -> None:
        """Subscribe to everybody who is meant to be heard, or to nobody."""
        for participant in room.remote_participants.values():
            if participant.identity in self._config.audible:
                for publication in participant.track_publications.values():
                    publication.set_subscribed(wanted)
