"""How much audio a fault cost, from the injector's own log: a lower and an upper bound, in shares of the media.

Two bounds, because nobody outside the judge says which copies of a frame the decoder could use: a packet carries its
frame and, with RED, a copy of the one before; in-band FEC reaches one further back once loss is reported, and not
before (shared/facts/audio.md). LiveKit reports what it misses itself, never what a subscriber does. What cannot be
counted at all (a server short of CPU) is bounded by what the listener's NetEQ made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.faults import Mute, SlowReader
from lab.pcm import BLOCK_MS, FRAME_MS
from tests.accuracy.log import PUBLISHER, SUBSCRIBER, Log, beyond_repair

EDGE_FRAMES = 1
"""What may fall on the other side of a window's edge: the judge's begins with a frame, the injector's with a moment."""
_FELT_LOW, _FELT_HIGH, _FELT_SLACK = 0.5, 1.5, 0.003


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a fault cost, at least and at most (0..1)."""

    low: float
    high: float


Measure = Callable[[Log], Effect]


def swallowed(way: str) -> Measure:
    """Measure a link that loses packets: frames of which every copy was lost."""
    return lambda log: _lost(log, log.lost_in_a_row(way), reported=way == "up")


def altered(way: str) -> Measure:
    """Measure a link that flips bits: an altered packet is a lost one."""
    return lambda log: _lost(log, log.altered_in_a_row(way), reported=way == "up")


def unforwarded(log: Log) -> Effect:
    """Measure a server that swallows packets: frames of which every copy reached its door and never left it."""
    return _lost(log, log.unforwarded_in_a_row(), reported=True)


def queued(way: str) -> Measure:
    """Measure a link that loses packets and holds others back: what came too late may have been felt too."""

    def measure(log: Log) -> Effect:
        lost, late = swallowed(way)(log), felt(log)
        return Effect(low=lost.low, high=max(lost.high, late.high))

    return measure


def harmless(log: Log) -> Effect:
    """Measure what takes nothing away."""
    return Effect(low=0.0, high=0.0)


def felt(log: Log) -> Effect:
    """Measure a fault by what the listener's NetEQ had to make up while nothing else was wrong."""
    return _about(log.concealed())


def cut_off(log: Log) -> Effect:
    """Measure a way that is closed: all of the audio where none came through, else what was felt."""
    return felt(log) if log.arrived() else Effect(low=1.0, high=1.0)


def dulled(log: Log) -> Effect:
    """Measure a sender's host by what was felt, and by the silence that left it, while nothing else was wrong."""
    return _about(log.concealed() + log.silent() / log.frames)


def paused(*kinds: str) -> Measure:
    """Measure pauses in pushing: silence as long as the pause, less what had been pushed ahead."""

    def measure(log: Log) -> Effect:
        ahead_ms = next(client.ahead_ms for client in log.scenario.clients if client.name == PUBLISHER)
        held_ms = [(line["to"] - line["from"]) / 1e6 for line in log.injected(PUBLISHER, *kinds)]
        least = sum(max(0.0, each - ahead_ms - FRAME_MS) for each in held_ms)
        most = sum(max(0.0, each - ahead_ms + FRAME_MS) for each in held_ms)
        return _frames(log, least / FRAME_MS, most / FRAME_MS)

    return measure


def unbuffered(log: Log) -> Effect:
    """Measure small delays with nothing ahead: each is heard, of some only the part beyond a tick of the SDK."""
    held_ms = [(line["to"] - line["from"]) / 1e6 for line in log.injected(PUBLISHER, "stall")]
    return _frames(log, 0.4 * sum(held_ms) / FRAME_MS, sum(each + BLOCK_MS for each in held_ms) / FRAME_MS)


def unpushed(*kinds: str) -> Measure:
    """Measure frames that were made and never pushed."""

    def measure(log: Log) -> Effect:
        count = len(log.injected(PUBLISHER, *kinds))
        return _frames(log, max(0, count - EDGE_FRAMES), count)

    return measure


def refused(log: Log) -> Effect:
    """Measure frames that the SDK refused."""
    return _frames(log, max(0, log.refused() - EDGE_FRAMES), log.refused())


def dragged(log: Log) -> Effect:
    """Measure a program slower than its audio: from its first slow frame to its last, less what they last."""
    lines = log.injected(PUBLISHER, "slow")
    taken_ms = (lines[-1]["to"] - lines[0]["from"]) / 1e6 - len(lines) * FRAME_MS if lines else 0.0
    ahead_ms = next(client.ahead_ms for client in log.scenario.clients if client.name == PUBLISHER)
    return _frames(log, max(0.0, taken_ms - 2 * ahead_ms) / FRAME_MS, (taken_ms + ahead_ms) / FRAME_MS)


def muted(log: Log) -> Effect:
    """Measure mutes: of one into which audio is pushed all of it, of a pause what was on its way when it began."""
    times = [[line["from"] for line in log.injected(PUBLISHER, kind)] for kind in ("mute", "unmute")]
    held_ms = [(until - since) / 1e6 for since, until in zip(*times, strict=True)]
    ahead_ms = next(client.ahead_ms for client in log.scenario.clients if client.name == PUBLISHER)
    if any(isinstance(fault, Mute) and not fault.pushing for fault in log.scenario.inject):
        most_ms = ahead_ms + FRAME_MS
        return _frames(log, len(held_ms) * most_ms / 2 / FRAME_MS, len(held_ms) * most_ms / FRAME_MS)
    least, most = (sum(max(0.0, each + way * ahead_ms) for each in held_ms) for way in (-1, 1))
    return _frames(log, least / FRAME_MS, most / FRAME_MS)


def frozen(client: str) -> Measure:
    """Measure pauses of a whole container: the gap, give or take what was ahead and what waits in a buffer."""

    def measure(log: Log) -> Effect:
        lines = [line for line in log.around("pause") if line["container"] == client]
        held_ms = [(line["to_ns"] - line["from_ns"]) / 1e6 for line in lines]
        least, most = (sum(max(0.0, each + slack) for each in held_ms) for slack in (-120.0, 80.0))
        return _frames(log, least / FRAME_MS, most / FRAME_MS)

    return measure


def unheard(kind: str, slack_ms: float) -> Measure:
    """Measure a listener that does not listen: from and to, give or take `slack_ms`."""

    def measure(log: Log) -> Effect:
        held_ms = sum((line["to"] - line["from"]) / 1e6 for line in log.injected(SUBSCRIBER, kind))
        return _frames(log, max(0.0, held_ms - slack_ms) / FRAME_MS, (held_ms + slack_ms) / FRAME_MS)

    return measure


def overflowed(log: Log) -> Effect:
    """Measure a listener slower than what it reads: what it has no time for, less what its queue holds."""
    slow = next(fault for fault in log.scenario.inject if isinstance(fault, SlowReader))
    media_ms = log.frames * FRAME_MS
    behind_ms = media_ms * (1 - BLOCK_MS / slow.per_frame_ms)
    slack_ms = slow.capacity_ms + 0.1 * behind_ms
    return _frames(log, max(0.0, behind_ms - slack_ms) / FRAME_MS, (behind_ms + slack_ms) / FRAME_MS)


def _lost(log: Log, runs: Sequence[int], *, reported: bool) -> Effect:
    """Bound the frames lost with `runs` of packets; the sender makes in-band FEC where loss is reported to it."""
    copies = int(log.scenario.media.red)
    most, least = beyond_repair(runs, copies), beyond_repair(runs, copies + reported)
    return _frames(log, max(0, least - EDGE_FRAMES), most + EDGE_FRAMES if runs else 0)


def _about(share: float) -> Effect:
    return Effect(low=max(0.0, _FELT_LOW * share - _FELT_SLACK), high=_FELT_HIGH * share + _FELT_SLACK)


def _frames(log: Log, least: float, most: float) -> Effect:
    return Effect(low=least / log.frames, high=most / log.frames)
