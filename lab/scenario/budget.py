"""What a scenario will probably do, computed before anything is started: the numbers of `lab plan`.

Law: planning only. Each figure names its formula, and no verdict is ever made from it; the ledger replays what
really happened instead.

* Wire rate: per 20 ms one Opus frame (RED: one more and 5 bytes, RFC 2198), RTP 12 (RFC 3550), on the uplink the
  level extension 8 (RFC 6464, RFC 8285), SRTP tag 10 (RFC 3711), UDP 8, IPv4 20, Ethernet 14. Opus varies around
  its target: marked frames at 48 kbit/s measured 322 bytes a packet with RED and 195 without, 1.6 % above this.
* Queue: of `offered` into `rate`, the share 1 - rate/offered finds no room.
* Residual: independent loss p leaves p^(d+1), bursts of B leave p(1-1/B)^d, where d is how many later packets
  repair a frame: with RED 1 until the sender hears of loss, then 2 (in-band FEC inside the copy; measured).
* Seconds: the 95 % Wilson interval excludes the limit L once n >= z^2 L(1-L)/(p-L)^2 frames were seen, times
  (1+rho)/(1-rho) when losses come in bursts, rho = 1 - 1/(B(1-p)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.scenario.metrics import metric
from lab.scenario.model import Direction, Expectation, Impairment, Media, Scenario, Stall

PACKETS_PER_SECOND = 50
BACKGROUND_PAYLOAD_BYTES = 1200
_HEADERS = 14 + 20 + 8
_RTP, _LEVEL, _TAG, _RED = 12, 8, 10, 5
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One audio stream on the wire, Ethernet header included, on the uplink."""

    packet_bytes: int
    rate_bps: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """One direction of a link over a stretch of the media: what is offered and what is probably lost."""

    client: str
    direction: Direction
    from_ms: int
    to_ms: int
    own_bps: int
    background_bps: int
    rate_bps: int | None
    random: float
    queue: float
    corrupt: float
    outage: bool
    burst: float | None

    @property
    def loss(self) -> float:
        """Return the share of packets that do not arrive intact."""
        if self.outage:
            return 1.0
        return 1 - (1 - self.random) * (1 - self.queue) * (1 - self.corrupt)


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What one subscriber probably misses of one publisher: packets, and frames before and after loss is reported."""

    publisher: str
    subscriber: str
    packet_loss: float
    uplink_loss: float
    downlink_loss: float
    frame_loss_first: float
    frame_loss: float
    injected: float
    burst: float | None


@dataclass(frozen=True, kw_only=True)
class Need:
    """How many seconds of media one expectation about a rate probably needs; None: no amount decides it."""

    publisher: str
    subscriber: str
    expectation: Expectation
    predicted: float
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Budget:
    """All of it."""

    wire: Wire
    loads: tuple[Load, ...]
    flows: tuple[Flow, ...]
    needs: tuple[Need, ...]


def budget(scenario: Scenario) -> Budget:
    """Return the budget of `scenario`: rates, loads, predicted loss, and the seconds its expectations need."""
    own = wire(scenario.media)
    loads = tuple(load for link in scenario.links for load in _loads(scenario, link.client, own))
    flows = tuple(_flow(scenario, loads, *pair) for pair in pairs(scenario))
    needs = tuple(need for flow in flows for need in _needs(scenario, flow))
    return Budget(wire=own, loads=loads, flows=flows, needs=needs)


def wire(media: Media) -> Wire:
    """Return one packet's size and the rate of one stream at the bitrate of `media`."""
    opus = math.ceil(media.bitrate_bps / 8 / PACKETS_PER_SECOND)
    payload = 2 * opus + _RED if media.red else opus
    packet = _HEADERS + _RTP + _LEVEL + payload + _TAG
    return Wire(packet_bytes=packet, rate_bps=packet * 8 * PACKETS_PER_SECOND)


def pairs(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield (publisher, subscriber) of every flow."""
    for speaker in scenario.clients:
        for listener in scenario.clients:
            if speaker.role != "subscriber" and listener.role != "publisher" and speaker is not listener:
                yield speaker.name, listener.name


def seconds_needed(predicted: float, limit: float, burst: float | None = None) -> float | None:
    """Return the seconds of media after which a 95 % interval around `predicted` excludes `limit`.

    None when they are equal. Shares 0..1; `burst` is the mean number of losses in a row.
    """
    if predicted == limit:
        return None
    spread = limit * (1 - limit) or predicted * (1 - predicted)
    frames = _Z**2 * spread / (predicted - limit) ** 2
    return max(1.0, frames * _burst_factor(predicted, burst)) / PACKETS_PER_SECOND


def _burst_factor(share: float, burst: float | None) -> float:
    if burst is None or not 0 < share < 1:
        return 1.0
    rho = max(0.0, 1 - 1 / (burst * (1 - share)))
    return (1 + rho) / (1 - rho)


def _loads(scenario: Scenario, client: str, own: Wire) -> Iterator[Load]:
    link = scenario.link_of(client)
    if link is None:
        return
    streams = {
        "up": sum(1 for speaker, _ in dict.fromkeys((pair[0], "") for pair in pairs(scenario)) if speaker == client),
        "down": sum(1 for _, listener in pairs(scenario) if listener == client),
    }
    starts: tuple[tuple[Direction, Impairment], ...] = (("up", link.up), ("down", link.down))
    for direction, state in starts:
        for from_ms, to_ms, each in _stretches(scenario, client, direction, state):
            own_bps = streams[direction] * (own.rate_bps - (direction == "down") * _LEVEL * 8 * PACKETS_PER_SECOND)
            yield _load(client, direction, (from_ms, to_ms), own_bps, each)


def _stretches(
    scenario: Scenario, client: str, direction: Direction, state: Impairment
) -> Iterator[tuple[int, int, Impairment]]:
    from_ms = 0
    for change in scenario.timeline:
        if (change.client, change.direction) == (client, direction):
            yield from_ms, change.at_ms, state
            from_ms, state = change.at_ms, change.impairment
    yield from_ms, scenario.media.duration_ms, state


def _load(client: str, direction: Direction, span: tuple[int, int], own_bps: int, state: Impairment) -> Load:
    payload = state.background.rate_bps if state.background else 0
    background = payload * (BACKGROUND_PAYLOAD_BYTES + _HEADERS) // BACKGROUND_PAYLOAD_BYTES
    offered = own_bps + background
    full = state.rate_bps is not None and offered > state.rate_bps
    return Load(
        client=client,
        direction=direction,
        from_ms=span[0],
        to_ms=span[1],
        own_bps=own_bps,
        background_bps=background,
        rate_bps=state.rate_bps,
        random=state.loss.share if state.loss else 0.0,
        queue=1 - (state.rate_bps or 0) / offered if full else 0.0,
        corrupt=state.corrupt,
        outage=state.outage or "udp" in state.block,
        burst=state.loss.burst if state.loss else None,
    )


def _flow(scenario: Scenario, loads: tuple[Load, ...], publisher: str, subscriber: str) -> Flow:
    up = [load for load in loads if (load.client, load.direction) == (publisher, "up")]
    down = [load for load in loads if (load.client, load.direction) == (subscriber, "down")]
    marks = sorted({0, scenario.media.duration_ms, *(load.from_ms for load in up + down)})
    repairs = 2 if scenario.media.red else 1
    totals = [0.0] * 5
    for from_ms, to_ms in zip(marks, marks[1:], strict=False):
        here = [load for load in up + down if load.from_ms <= from_ms < load.to_ms]
        figures = _figures(here, repairs)
        totals = [total + (to_ms - from_ms) * figure for total, figure in zip(totals, figures, strict=True)]
    packets, uplink, downlink, first, later = (total / scenario.media.duration_ms for total in totals)
    return Flow(
        publisher=publisher,
        subscriber=subscriber,
        packet_loss=packets,
        uplink_loss=uplink,
        downlink_loss=downlink,
        frame_loss_first=first,
        frame_loss=later,
        injected=_injected(scenario, publisher),
        burst=max((load.burst for load in up + down if load.burst), default=None),
    )


def _figures(loads: list[Load], repairs: int) -> tuple[float, float, float, float, float]:
    uplink = next((load.loss for load in loads if load.direction == "up"), 0.0)
    downlink = next((load.loss for load in loads if load.direction == "down"), 0.0)
    lost = 1 - (1 - uplink) * (1 - downlink)
    again = max([lost, *(1 - 1 / load.burst for load in loads if load.burst)])
    return lost, uplink, downlink, lost * again ** (repairs - 1), lost * again**repairs


def _injected(scenario: Scenario, publisher: str) -> float:
    """Return the share of the intended audio that the scenario's own faults take away."""
    share = 0.0
    for fault in scenario.inject:
        if fault.client == publisher:
            stalled = isinstance(fault, Stall)
            share += fault.length_ms * fault.times / scenario.media.duration_ms if stalled else 1 / fault.every
    return share


def _needs(scenario: Scenario, flow: Flow) -> Iterator[Need]:
    predicted = {
        "audio_loss": flow.frame_loss + flow.injected,
        "concealed": flow.frame_loss,
        "network_loss": flow.frame_loss,
        "code_loss": flow.injected,
        "uplink_loss": flow.uplink_loss,
        "downlink_loss": flow.downlink_loss,
        "server_loss": 0.0,
    }
    for expected in scenario.expect:
        if expected.metric == "verdict" or metric(expected.metric).kind == "count":
            continue
        share = predicted[expected.metric]
        excess = share - flow.frame_loss if expected.relative else share
        yield Need(
            publisher=flow.publisher,
            subscriber=flow.subscriber,
            expectation=expected,
            predicted=share,
            seconds=seconds_needed(excess, expected.limit, flow.burst),
        )
