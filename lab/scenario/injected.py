"""How much audio a scenario's own faults will probably take away, for `lab plan`; never used for a verdict."""

from __future__ import annotations

import math
from typing import assert_never

from lab import faults
from lab.faults import SERVER, Fault, PublisherFault, RigFault, SubscriberFault
from lab.scenario.model import Client, Scenario


def injected(scenario: Scenario, publisher: str, subscriber: str, repairs: int) -> float:
    """Return the share of the media that faults take from what `subscriber` hears of `publisher`.

    So many packets that follow a lost one (`repairs`) bring its audio again.
    """
    speaker = next(client for client in scenario.clients if client.name == publisher)
    here = (publisher, subscriber, SERVER)
    lost_ms = (_lost_ms(fault, speaker, scenario, repairs) for fault in scenario.inject if _concerns(fault, *here))
    return min(1.0, sum(lost_ms) / scenario.media.duration_ms)


def filtered(scenario: Scenario, repairs: int = 0) -> float:
    """Return the share that packet filters at the server take: of the packets, with `repairs` of the audio."""
    taken = (_filtered(fault, repairs) for fault in scenario.inject if isinstance(fault, faults.Filter))
    return min(1.0, sum(taken))


def _filtered(fault: faults.Filter, repairs: int) -> float:
    return max(0, fault.drop - repairs) / fault.every


def _concerns(fault: Fault, publisher: str, subscriber: str, server: str) -> bool:
    if isinstance(fault, faults.Pause):
        return fault.container in (publisher, subscriber, server)
    if isinstance(fault, RigFault):
        return True
    return fault.client == (publisher if isinstance(fault, PublisherFault) else subscriber)


def _lost_ms(fault: Fault, speaker: Client, scenario: Scenario, repairs: int) -> float:
    if isinstance(fault, PublisherFault):
        return _unsaid_ms(fault, speaker, scenario)
    media_ms = scenario.media.duration_ms
    if isinstance(fault, SubscriberFault):
        return _unheard_ms(fault, media_ms)
    return _undelivered_ms(fault, media_ms, repairs)


def _unsaid_ms(fault: PublisherFault, speaker: Client, scenario: Scenario) -> float:
    media_ms, frame_ms = scenario.media.duration_ms, scenario.media.frame_ms
    match fault:  # what is ahead in the SDK's queue bridges a late push
        case faults.Stall() | faults.BackendLate() | faults.BlockLoop():
            return max(0, fault.length_ms - speaker.ahead_ms) * fault.times
        case faults.BackendBursts():
            return max(0, fault.gap_ms - speaker.ahead_ms) * math.ceil(media_ms / fault.every_ms)
        case faults.Slow():
            return max(0.0, media_ms * (1 - frame_ms / fault.per_frame_ms) - speaker.ahead_ms)
        case faults.Overlap():
            return max(0, fault.length_ms - speaker.queue_ms) * fault.times
        case faults.Mute():
            return (fault.length_ms if fault.pushing else speaker.ahead_ms) * fault.times
        case faults.Skip():
            return media_ms / fault.every
        case _:
            assert_never(fault)


def _unheard_ms(fault: SubscriberFault, media_ms: int) -> float:
    match fault:
        case faults.SubscribeLate() | faults.CutEnd():
            return fault.by_ms
        case faults.SlowReader():
            return media_ms * (1 - faults.READ_MS / fault.per_frame_ms)
        case _:
            assert_never(fault)


def _undelivered_ms(fault: RigFault, media_ms: int, repairs: int) -> float:
    match fault:
        case faults.Pause():
            return fault.length_ms * fault.times
        case faults.Filter():
            return media_ms * _filtered(fault, repairs)
        case faults.SocketBuffer():  # depends on how the packets come
            return 0
        case _:
            assert_never(fault)
