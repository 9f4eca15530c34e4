"""A recording laid out for judging: who sat where, when what was measured, and all that may be known of the scenario.

Law: of the scenario only `expect` and `media` are read. What the network did is taken from what the kernel reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.analysis.containers.hosts import Host, hosts_of
from lab.analysis.flows.door import Door, door
from lab.analysis.flows.flow import Flow, Times
from lab.analysis.network.links import Account, accounts
from lab.analysis.wire.scene import Scene, Seat, address
from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.accounts import ServerTrack, Tick
from lab.evidence.manifest import Marks, Place
from lab.evidence.recording import Recording
from lab.pcm import FRAME_MS
from lab.scenario.load import loads
from lab.scenario.model import Expectation, Media


@dataclass(frozen=True, kw_only=True)
class Asked:
    """All that the judge may know of the scenario."""

    media: Media
    expect: tuple[Expectation, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A recording, laid out for judging; `measured` is whether it got as far as the media.

    `hosts` are the containers that were looked at, by their names in the recording (`server`, `client-<name>`).
    """

    scene: Scene
    times: Times
    until_ns: int
    asked: Asked
    links: tuple[Account, ...]
    measured: bool
    hosts: Mapping[str, Host] = field(default_factory=dict)
    tracks: tuple[ServerTrack, ...] = ()
    ticks: tuple[Tick, ...] = ()

    @property
    def watched(self) -> bool:
        """Whether anybody looked at the server's own cgroup while the media was measured."""
        host = self.hosts.get(names.SERVER)
        looks = host.cgroup if host else ()
        return sum(self.times.media_from_ns <= look.t_ns <= self.until_ns for look in looks) > 1

    def door(self, flow: Flow) -> Door | None:
        """Return the account of `flow` at the server's door, None when the server gave none."""
        return door(self.scene, flow, self.tracks, self.hosts.get(names.SERVER))

    def link(self, client: str, way: str) -> Account | None:
        """Return the account of one direction of a client's link, None when it has none."""
        return next((link for link in self.links if (link.client, link.way) == (client, way)), None)


def asked_of(recording: Recording) -> Asked:
    """Read what was asked from the recording's own folder. Raises EvidenceError."""
    path = recording.path / names.RESOLVED
    try:
        scenario = loads(path.read_text(), source=names.RESOLVED, recorded=True)
    except (OSError, UnicodeDecodeError) as failure:
        raise EvidenceError(f"{names.RESOLVED} cannot be read", fix="it says what was expected") from failure
    if scenario.name != recording.manifest.scenario:
        words = f"{names.RESOLVED} is of {scenario.name}, the manifest of {recording.manifest.scenario}"
        raise EvidenceError(words, fix="it says what was expected; it is not this run's")
    return Asked(media=scenario.media, expect=scenario.expect)


def case_of(recording: Recording, asked: Asked) -> Case:
    """Lay `recording` out. Raises EvidenceError when it ended before there was anything to judge."""
    manifest, marks = recording.manifest, recording.manifest.marks
    if manifest.server is None:
        raise EvidenceError("the manifest names no server", fix="the run ended before there was anything to judge")
    scene = Scene(
        server=address(manifest.server.ip),
        server_port=manifest.server.port,
        seats=tuple(_seat(place) for place in manifest.clients),
        taps=recording.taps,
        steps=recording.steps,
        clients=recording.clients,
    )
    times = Times(
        control_from_ns=marks.control_from_ns,
        control_to_ns=marks.control_to_ns,
        media_from_ns=_confirmed(recording),
        media_frames=_frames(asked.media, marks),
        dtx=asked.media.dtx,
    )
    until = marks.media_to_ns or times.media_from_ns + asked.media.duration_ms * 1_000_000
    links = accounts(scene, (times.media_from_ns, until), times.control)
    return Case(
        scene=scene,
        times=times,
        until_ns=until,
        asked=asked,
        links=links,
        measured=marks.media_from_ns is not None,
        hosts=hosts_of(recording),
        tracks=recording.tracks,
        ticks=recording.ticks,
    )


def _seat(place: Place) -> Seat:
    return Seat(
        name=place.name,
        ip=address(place.ip),
        linked=place.linked,
        publishes=place.role != "subscriber",
        subscribes=place.role != "publisher",
    )


def _frames(media: Media, marks: Marks) -> int:
    """Return how many frames of media there are to measure: as many as were asked for, or until that was enough."""
    asked = media.duration_ms // FRAME_MS
    if marks.enough_ns is None or marks.media_from_ns is None:
        return asked
    return min(asked, (marks.enough_ns - marks.media_from_ns) // (FRAME_MS * 1_000_000))


def _confirmed(recording: Recording) -> int:
    """Return when the kernel's read-back confirmed the impairment; without one, when the media began."""
    marks = recording.manifest.marks
    read_back = next((step.to_ns for step in recording.steps if step.name == "impair"), None)
    began = marks.media_from_ns or marks.go_ns or 0
    return max(read_back, marks.control_to_ns or 0) if read_back is not None and marks.media_from_ns else began
