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
from lab.evidence.recording import Recording, read
from lab.evidence.values import KIND_RTP, Packets
from lab.scenario.load import loads
from lab.scenario.model import Scenario
from tests.accuracy.naive import concealed_share

FRAME_MS = 20
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

    def lost_in_a_row(self, way: str) -> list[int]:
        """Return the lengths of the runs of media packets that the link of that `way` swallowed or altered.

        `up` is the publisher's link, `down` the subscriber's. ContradictionError when the kernel dropped fewer.
        """
        client = PUBLISHER if way == "up" else SUBSCRIBER
        entered, left = self._taps(client, way)
        intact = set(zip(left["seq"].tolist(), left["digest"].tolist(), strict=True))
        whole = set(left["seq"].tolist())
        swallowed = [(seq, digest) not in intact for seq, digest in _identities(entered)]
        missing = sum(seq not in whole for seq, _ in _identities(entered))
        if missing > (counted := self.counted(client, way)):
            raise ContradictionError(f"{missing} packets did not cross {client} {way}, the kernel dropped {counted}")
        return [len(list(run)) for lost, run in groupby(swallowed) if lost]

    def counted(self, client: str, way: str) -> int:
        """Return how many packets the kernel dropped on a link between the first and the last reading."""
        readings = [_dropped(step.directions, client, way) for step in self.recording.steps]
        return readings[-1] - readings[0]

    def throttled_ms(self, container: str) -> float:
        """Return for how long the kernel held back a container during the measured media."""
        since = self.recording.manifest.marks.media_from_ns or 0
        totals = [each.throttled_ns for each in self.recording.cgroups.get(container, ()) if each.t_ns >= since]
        return (totals[-1] - totals[0]) / 1e6 if len(totals) > 1 else 0.0

    def _taps(self, client: str, way: str) -> tuple[Packets, Packets]:
        """Return the media packets of the measured time as they entered the link, and those that left it."""
        marks, places = self.recording.manifest.marks, ("edge", "inner") if way == "up" else ("inner", "edge")
        address = next(place.ip for place in self.recording.manifest.clients if place.name == client)
        number, field = int.from_bytes(bytes(map(int, address.split("."))), "big"), "src" if way == "up" else "dst"
        taps = {tap.place: tap.packets for tap in self.recording.taps if tap.client == client}
        both = [taps[place][(taps[place]["kind"] == KIND_RTP) & (taps[place][field] == number)] for place in places]
        if marks.media_from_ns is None:
            raise ContradictionError("there was no media")
        until = marks.media_from_ns + self.frames * FRAME_MS * 1_000_000
        inside = (both[0]["t_ns"] >= marks.media_from_ns) & (both[0]["t_ns"] < until)
        return both[0][inside], both[1]


def log_of(path: Path) -> Log:
    """Read the log of the run in `path`."""
    return Log(path=path, recording=read(path), scenario=loads((path / names.RESOLVED).read_text()))


def beyond_repair(runs: Sequence[int], copies: int) -> int:
    """Return the frames lost when packets in `runs` were lost, each with `copies` more in the packets behind it."""
    return sum(max(0, length - copies) for length in runs)


def _identities(packets: Packets) -> Iterator[tuple[int, int]]:
    return zip(packets["seq"].tolist(), packets["digest"].tolist(), strict=True)


def _dropped(directions: Sequence[Any], client: str, way: str) -> int:
    here = next(each for each in directions if (each.client, each.direction) == (client, way))
    return sum(qdisc.dropped for qdisc in here.qdiscs if qdisc.handle in _DROPPING)
