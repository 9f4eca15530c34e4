"""What a scenario offers to each link, and what of it probably does not get through. Planning only.

* Wire rate: per 20 ms one Opus frame (RED: one more and 5 bytes, RFC 2198), RTP 12 (RFC 3550), on the uplink the
  level extension 8 (RFC 6464, RFC 8285), SRTP tag 10 (RFC 3711), UDP 8, IPv4 20, Ethernet 14. Opus varies around
  its target: marked frames at 48 kbit/s measured 322 bytes a packet with RED and 195 without, 1.6 % above this.
* Queue: of `offered` into `rate`, the share 1 - rate/offered finds no room; the queue is full then, and what gets in
  waits for all that is in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.scenario.model import Direction, Impairment, Link, Media, Scenario

PACKETS_PER_SECOND = 50
BACKGROUND_PAYLOAD_BYTES = 1200
_HEADERS = 14 + 20 + 8
_RTP, _LEVEL, _TAG, _RED = 12, 8, 10, 5


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One audio stream, Ethernet header included; the server does not forward the level extension."""

    packet_bytes: int
    up_bps: int
    down_bps: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """One direction of a link from `from_ms` to `to_ms` of the media: what is offered, what is probably lost.

    Rates are on the wire; `random`, `queue` and `corrupt` are shares of packets, `burst` the mean number of
    random losses in a row (None: independent). `delay_ms` is what a packet is held up, in a full queue as well, beside
    the spread `jitter_ms`.
    """

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
    delay_ms: float
    jitter_ms: float

    @property
    def loss(self) -> float:
        """Return the share of packets that do not arrive intact."""
        return 1.0 if self.outage else 1 - (1 - self.random) * (1 - self.queue) * (1 - self.corrupt)


def wire(media: Media) -> Wire:
    """Return one packet's size on the uplink and the rates of one stream at the bitrate of `media`."""
    opus = math.ceil(media.bitrate_bps / 8 / PACKETS_PER_SECOND)
    packet = _HEADERS + _RTP + _LEVEL + (2 * opus + _RED if media.red else opus) + _TAG
    bits = 8 * PACKETS_PER_SECOND
    return Wire(packet_bytes=packet, up_bps=packet * bits, down_bps=(packet - _LEVEL) * bits)


def pairs(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield (publisher, subscriber) of every flow."""
    for speaker in scenario.clients:
        for listener in scenario.clients:
            if speaker.role != "subscriber" and listener.role != "publisher" and speaker is not listener:
                yield speaker.name, listener.name


def loads(scenario: Scenario) -> Iterator[Load]:
    """Yield the load of both directions of every link, one for each stretch between changes."""
    stream = wire(scenario.media)
    for link in scenario.links:
        speaks = any(client.name == link.client and client.role != "subscriber" for client in scenario.clients)
        hears = sum(1 for _, listener in pairs(scenario) if listener == link.client)
        yield from _direction(scenario, link, "up", speaks * stream.up_bps)
        yield from _direction(scenario, link, "down", hears * stream.down_bps)


def _direction(scenario: Scenario, link: Link, direction: Direction, own_bps: int) -> Iterator[Load]:
    from_ms, state = 0, link.up if direction == "up" else link.down
    for change in scenario.timeline:
        if (change.client, change.direction) == (link.client, direction):
            yield _load(link.client, direction, (from_ms, change.at_ms), own_bps, state)
            from_ms, state = change.at_ms, change.impairment
    yield _load(link.client, direction, (from_ms, scenario.media.duration_ms), own_bps, state)


def _load(client: str, direction: Direction, span: tuple[int, int], own_bps: int, state: Impairment) -> Load:
    payload = state.background.rate_bps if state.background else 0
    background = payload * (BACKGROUND_PAYLOAD_BYTES + _HEADERS) // BACKGROUND_PAYLOAD_BYTES
    offered = own_bps + background
    over = max(0.0, 1 - state.rate_bps / offered) if state.rate_bps and offered else 0.0
    return Load(
        client=client,
        direction=direction,
        from_ms=span[0],
        to_ms=span[1],
        own_bps=own_bps,
        background_bps=background,
        rate_bps=state.rate_bps,
        random=state.loss.share if state.loss else 0.0,
        queue=over,
        corrupt=state.corrupt,
        outage=state.outage or "udp" in state.block,
        burst=state.loss.burst if state.loss else None,
        delay_ms=state.delay_ms + (_full_ms(state) if over else 0.0),
        jitter_ms=state.jitter_ms,
    )


def _full_ms(state: Impairment) -> float:
    """Return how long the whole queue takes to leave."""
    return 8000 * state.queue_bytes / state.rate_bps if state.queue_bytes and state.rate_bps else 0.0
