"""Which pieces of a recording are another run's: every moment that they tell of lies outside of this one.

Law: a run's evidence is of its time, from the manifest's first phase to its seal. A piece that tells of no moment, or
of one inside, is not accused here.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.evidence import names
from lab.evidence.manifest import SEALED
from lab.evidence.recording import Recording
from lab.evidence.values import ClientEvidence

Moments = tuple[str, list[int]]
"""A piece's name, and when (t_ns) what it tells of happened."""
_CLOCK_NS = 1_000_000_000
"""Two clocks of one machine, and the time a file needs to be written."""


def foreign(recording: Recording) -> list[str]:
    """Return the names of the pieces that are not of the time of `recording`; none for one that was never sealed."""
    if recording.manifest.phase != SEALED:
        return []
    phases = recording.manifest.phases
    first, last = phases[0].t_ns - _CLOCK_NS, phases[-1].t_ns + _CLOCK_NS
    return [name for name, moments in _pieces(recording) if moments and not any(first <= t <= last for t in moments)]


def _pieces(recording: Recording) -> Iterator[Moments]:
    for tap in recording.taps:
        yield names.tap(tap.place, tap.client), tap.packets["t_ns"].tolist()
    for client in recording.clients:
        yield from _of_client(client)
    yield names.STEPS, [step.to_ns for step in recording.steps]
    yield names.PACER, [tick.t_ns for tick in recording.ticks]
    yield names.HOST_SECONDS, [second.t_ns for second in recording.seconds]
    for container, looks in recording.cgroups.items():
        yield names.CGROUPS.format(container=container), [look.t_ns for look in looks]
    for container, seen in recording.networks.items():
        yield names.NETWORKS.format(container=container), [look.t_ns for look in seen]
    said = (*(track.t_ns for track in recording.tracks), *(each.t_ns for each in recording.forwarders))
    yield names.SERVER_TRACKS, [*said]


def _of_client(client: ClientEvidence) -> Iterator[Moments]:
    yield names.client(client.name, names.CLIENT_EVENTS), [event.t_ns for event in client.events]
    yield names.client(client.name, names.CLIENT_FRAMES), [line.scheduled_ns for line in client.frames]
    yield (
        names.client(client.name, names.CLIENT_STATS),
        [
            *(sample.t_ns for sample in client.inbound),
            *(sample.t_ns for sample in client.outbound),
            *(pair.t_ns for pair in client.pairs),
        ],
    )
    for heard in client.heard:
        reads = names.CLIENT_READS.format(publisher=heard.publisher)
        yield names.client(client.name, reads), [read.t_ns for read in heard.reads]
