"""How much audio a fault cost, from the injector's own log: a lower and an upper bound, in shares of the media.

Two bounds, because nobody outside the judge says which copies of a frame the decoder could use: a packet carries its
frame and, with RED, a copy of the one before; in-band FEC reaches one further back once loss is reported, and not
before (shared/facts/audio.md). What cannot be counted at all (a server short of CPU) is bounded by what the listener's
NetEQ made up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.accuracy.log import FRAME_MS, PUBLISHER, Log, beyond_repair

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

    def measure(log: Log) -> Effect:
        runs, copies = log.lost_in_a_row(way), int(log.scenario.media.red)
        most, least = beyond_repair(runs, copies), beyond_repair(runs, copies + 1)
        return _frames(log, max(0, least - EDGE_FRAMES), most + EDGE_FRAMES if runs else 0)

    return measure


def queued(way: str) -> Measure:
    """Measure a link that loses packets and holds others back: what came too late may have been felt too."""

    def measure(log: Log) -> Effect:
        lost, late = swallowed(way)(log), felt(log)
        return Effect(low=lost.low, high=max(lost.high, late.high))

    return measure


def felt(log: Log) -> Effect:
    """Measure a fault by what the listener's NetEQ had to make up while nothing else was wrong."""
    made_up = log.concealed()
    return Effect(
        low=max(0.0, _FELT_LOW * made_up - _FELT_SLACK),
        high=_FELT_HIGH * made_up + _FELT_SLACK,
    )


def paused(*kinds: str) -> Measure:
    """Measure pauses in pushing: silence as long as the pause, less what had been pushed ahead."""

    def measure(log: Log) -> Effect:
        ahead_ms = next(client.ahead_ms for client in log.scenario.clients if client.name == PUBLISHER)
        held_ms = [(line["to"] - line["from"]) / 1e6 for line in log.injected(PUBLISHER, *kinds)]
        least = sum(max(0.0, each - ahead_ms - FRAME_MS) for each in held_ms)
        most = sum(max(0.0, each - ahead_ms + FRAME_MS) for each in held_ms)
        return _frames(log, least / FRAME_MS, most / FRAME_MS)

    return measure


def unpushed(*kinds: str) -> Measure:
    """Measure frames that were made and never pushed."""

    def measure(log: Log) -> Effect:
        count = len(log.injected(PUBLISHER, *kinds))
        return _frames(log, max(0, count - EDGE_FRAMES), count)

    return measure


def _frames(log: Log, least: float, most: float) -> Effect:
    return Effect(low=least / log.frames, high=most / log.frames)
