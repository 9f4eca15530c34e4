"""The injector's own log of one run: what was really dropped, delayed, stalled or skipped, whatever was asked for.

Law: nothing here comes from the judge. Packets that a link swallowed are counted at both ends of that link and held
against the kernel's counters of the qdisc that did it; faults in programs are read from the lines they wrote while
doing them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from lab.evidence import names
from lab.evidence.recording import Recording
from lab.evidence.values import KIND_RTP, Packets
from lab.pcm import FRAME_MS, SILENT_LEVEL
from lab.scenario.load import loads
from lab.scenario.model import Scenario
from tests.accuracy.naive import concealed_share

PUBLISHER, SUBSCRIBER = "publisher", "subscriber"
_DROPPING = ("2:", "3:")
"""Handles of the bump's qdiscs that count drops: netem (its child's included) and the sink of outages and filters."""


class ContradictionError(Exception):
    """The injector's logs contradict each other: nobody knows what was done, so nobody can be proven right."""


@dataclass(frozen=True, kw_only=True)
class Log:
    """One run folder, as its injector sees it."""

    path: Path
    recording: Recording
    scenario: Scenario

    @property
    def frames(self) -> int:
        """How many frames of 20 ms the measured media holds."""
        return self.scenario.media.duration_ms // FRAME_MS

    def concealed(self) -> float:
        """Return the share of the media that the listener's NetEQ made up: how much of a soft fault was felt."""
        return concealed_share(self.recording)

    def injected(self, client: str, *kinds: str) -> list[Mapping[str, Any]]:
        """Return the lines that `client` wrote about the faults it put in, those of `kinds`."""
        file = self.path / "clients" / client / "injected.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if line.get("kind") in kinds]

    def around(self, *kinds: str) -> list[Mapping[str, Any]]:
        """Return the lines about faults made around the programs (pauses, limits, filters), those of `kinds`."""
        file = self.path / names.INJECTED
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line for line in lines if line.get("kind") in kinds]

    def lost_in_a_row(self, way: str) -> list[int]:
        """Return the lengths of the runs of media packets that the link of that `way` swallowed.

        `up` is the publisher's link, `down` the subscriber's. ContradictionError when the kernel dropped fewer.
        """
        entered, left = self._sides(way)
        numbers = set(left["seq"].tolist())
        lost = [seq not in numbers for seq in entered["seq"].tolist()]
        if sum(lost) > (counted := self.counted(PUBLISHER if way == "up" else SUBSCRIBER, way)):
            raise ContradictionError(f"{sum(lost)} packets did not cross the link {way}, the kernel dropped {counted}")
        return _runs(lost)

    def altered_in_a_row(self, way: str) -> list[int]:
        """Return the lengths of the runs of media packets that did not leave the link as they had entered it.

        Whoever finds a flipped bit in a header drops the packet, and nobody counts it.
        """
        entered, left = self._sides(way)
        intact = set(_identities(left))
        return _runs([each not in intact for each in _identities(entered)])

    def unforwarded_in_a_row(self) -> list[int]:
        """Return the lengths of the runs of media packets that reached the server's door and never left it.

        LiveKit forwards audio under the numbers that it came with (shared/facts/livekit.md, RTP rewriting).
        """
        left = set(self._media("inner", SUBSCRIBER)["seq"].tolist())
        entered = self._measured(self._media("core", PUBLISHER))
        return _runs([seq not in left for seq in entered["seq"].tolist()])

    def arrived(self) -> int:
        """Return how many media packets ever reached the subscriber."""
        return int(self._media("edge", SUBSCRIBER).size)

    def silent(self) -> int:
        """Return how many packets of pure silence left the publisher: the marks have none of their own."""
        return int((self._measured(self._media("edge", PUBLISHER))["level"] == SILENT_LEVEL).sum())

    def counted(self, client: str, way: str) -> int:
        """Return how many packets the kernel dropped on a link between the first and the last reading."""
        readings = [_dropped(step.directions, client, way) for step in self.recording.steps]
        return readings[-1] - readings[0]

    def refused(self) -> int:
        """Return how many of the publisher's frames the SDK refused."""
        lines = (self.path / names.client(PUBLISHER, names.CLIENT_FRAMES)).read_text().splitlines()
        return sum(json.loads(line).get("error") is not None for line in lines)

    def _sides(self, way: str) -> tuple[Packets, Packets]:
        """Return the media packets that entered a link in the measured time, and all that ever left it."""
        client, places = (PUBLISHER, ("edge", "inner")) if way == "up" else (SUBSCRIBER, ("inner", "edge"))
        return self._measured(self._media(places[0], client)), self._media(places[1], client)

    def _media(self, place: str, client: str) -> Packets:
        """Return the media packets of `client` at a tap: those it sent, or those meant for the subscriber."""
        field = "src" if client == PUBLISHER else "dst"
        address = next(each.ip for each in self.recording.manifest.clients if each.name == client)
        number = int.from_bytes(bytes(map(int, address.split("."))), "big")
        here = (place, None if place == "core" else client)
        packets = next((tap.packets for tap in self.recording.taps if (tap.place, tap.client) == here), None)
        if packets is None:
            raise ContradictionError(f"the tap {place} {client} is missing")
        return packets[(packets["kind"] == KIND_RTP) & (packets[field] == number)]

    def _measured(self, packets: Packets) -> Packets:
        """Return the packets of the measured time."""
        since = self.recording.manifest.marks.media_from_ns
        if since is None:
            raise ContradictionError("there was no media")
        until = since + self.frames * FRAME_MS * 1_000_000
        return packets[(packets["t_ns"] >= since) & (packets["t_ns"] < until)]


def log_of(recording: Recording) -> Log:
    """Return the injector's log of a whole recording."""
    scenario = loads((recording.path / names.RESOLVED).read_text())
    return Log(path=recording.path, recording=recording, scenario=scenario)


def beyond_repair(runs: Sequence[int], copies: int) -> int:
    """Return the frames lost when packets in `runs` were lost, each with `copies` more in the packets behind it."""
    return sum(max(0, length - copies) for length in runs)


def _runs(lost: Sequence[bool]) -> list[int]:
    return [len(list(run)) for gone, run in groupby(lost) if gone]


def _identities(packets: Packets) -> Iterator[tuple[int, int]]:
    return zip(packets["seq"].tolist(), packets["digest"].tolist(), strict=True)


def _dropped(directions: Sequence[Any], client: str, way: str) -> int:
    here = next(each for each in directions if (each.client, each.direction) == (client, way))
    return sum(qdisc.dropped for qdisc in here.qdiscs if qdisc.handle in _DROPPING)
