"""How long a run may take: one formula, for those who wait inside a lab and for the deadlines that end it from outside.

Law: whoever waits inside gives up before the lab does, so that a slow run ends with a reason and not with a kill.
"""

from __future__ import annotations

import math

from lab.faults import BackendBursts, BackendLate, BlockLoop, Fault, Mute, Pause, Slow, Stall
from lab.scenario.model import Impairment, Media, Scenario

TRANSITION_MS = 1_000
"""Frames pushed beyond the windows, so that the media is whole although a change takes a moment to be confirmed."""
JOIN_S = 25.0
"""How long clients may take to connect and hear each other; through a firewall they never will."""
AROUND_S = 240
"""For what is not media: bringing up, recording, and further runs on the same lab."""
DRAIN_S = 1.0
"""From when the window's last frame must be out of the links to the end at most: jitter buffers are empty then."""
BEHIND_S = 4.0
"""How much longer a listener is waited for that is behind: a server short of CPU takes a second, and a jitter buffer
holds 4 s (200 packets)."""
KEPT_S = 3_600
"""How much longer a lab stays that its user wants to look at."""
_SIGMAS = 4
"""Of its jitter, within which netem keeps nearly every packet (normal distribution)."""
_SLOW = 1.5
_SLOW_S = 20.0


def pushed_within_s(scenario: Scenario) -> float:
    """Return how long after the impairment began every frame must be pushed; faults and back-pressure delay it."""
    media = scenario.media
    held_up = sum(_held_up_ms(fault, media) for fault in scenario.inject)
    last = max((change.at_ms for change in scenario.timeline), default=0)
    return (max(media.duration_ms, last) + TRANSITION_MS + held_up) / 1000 * _SLOW + _SLOW_S


def on_the_way_s(scenario: Scenario) -> float:
    """Return how long a packet may take through the slowest uplink and downlink: delay, jitter and a full queue."""
    held = [(way, state) for link in scenario.links for way, state in (("up", link.up), ("down", link.down))]
    held += [(change.direction, change.impairment) for change in scenario.timeline]
    return sum(max((_held_s(state) for at, state in held if at == way), default=0.0) for way in ("up", "down"))


def drained_within_s(scenario: Scenario) -> float:
    """Return how long at most is waited until all is heard that was made, once no more is waited for."""
    return on_the_way_s(scenario) + DRAIN_S + BEHIND_S


def lab_s(scenario: Scenario, *, keep: bool = False) -> int:
    """Return how long a lab for `scenario` may live, in seconds from its beginning."""
    before_s = JOIN_S + scenario.media.before_ms / 1000
    media_s = before_s + pushed_within_s(scenario) + drained_within_s(scenario)
    return math.ceil(media_s + AROUND_S) + (KEPT_S if keep else 0)


def _held_s(state: Impairment) -> float:
    queue_s = 8 * (state.queue_bytes or 0) / state.rate_bps if state.rate_bps else 0.0
    return (state.delay_ms + _SIGMAS * state.jitter_ms) / 1000 + queue_s


def _held_up_ms(fault: Fault, media: Media) -> float:
    """Return by how much at most `fault` delays a publisher's last frame."""
    match fault:
        case Stall() | BackendLate() | BlockLoop() | Mute() | Pause():
            return fault.length_ms * fault.times
        case BackendBursts():
            return fault.gap_ms * math.ceil(media.duration_ms / fault.every_ms)
        case Slow():
            return media.duration_ms * (fault.per_frame_ms / media.frame_ms - 1)
        case _:
            return 0.0
