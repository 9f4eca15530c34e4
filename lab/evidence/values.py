"""What a recording holds, as typed values: the seam between the rig that writes and the analysis that reads.

Times are integer nanoseconds of CLOCK_REALTIME (`t_ns`); clients write CLOCK_MONOTONIC and the reader adds
the offset that each file's header line states. Frames are numbered from 0, 20 ms each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PACKET = np.dtype(
    [
        ("t_ns", "<i8"),  # capture time
        ("src", "<u4"),  # IPv4 as a number
        ("dst", "<u4"),
        ("sport", "<u2"),
        ("dport", "<u2"),
        ("proto", "u1"),  # IP protocol; 0 when the frame is not IPv4
        ("kind", "u1"),  # KIND_…
        ("length", "<u4"),  # bytes on the wire, Ethernet header included
        ("pt", "u1"),  # RTP payload type
        ("marker", "u1"),
        ("seq", "<u2"),
        ("ts", "<u4"),  # RTP timestamp
        ("ssrc", "<u4"),
        ("level", "i2"),  # RFC 6464 level, -dBov; -1 when the packet carries none
        ("tcp_seq", "<u4"),  # TCP: the number of its first byte
        ("tcp_bytes", "<u2"),  # TCP: how many bytes it carries; 0: none, or not TCP
        ("digest", "<u8"),  # of the UDP datagram; another where no router or station takes it; 0: not UDP
    ]
)
KIND_OTHER, KIND_RTP, KIND_RTCP, KIND_STUN, KIND_DTLS, KIND_ARP = range(6)
Packets = NDArray[np.void]
"""A record array of dtype PACKET, in capture order."""


@dataclass(frozen=True, kw_only=True)
class Tap:
    """One capture file.

    `place` is `edge` (the client's side of its bump), `inner` (the router's side of it), `core` (the server's link)
    or `open` (the link of all clients without an impaired link).
    """

    place: Literal["edge", "inner", "core", "open"]
    client: str | None
    packets: Packets
    dropped: int | None  # by the capture itself; None when tcpdump did not say
    torn: str = ""  # how the file ends early; empty when it is whole
    described: frozenset[int] = frozenset()  # senders whose level extension is the session description's, not inferred


@dataclass(frozen=True, kw_only=True)
class FrameLine:
    """One line of a publisher's `frames.jsonl`: a frame on its way into the SDK. All times t_ns; None: never happened.

    `levels` are the -dBov (unrounded, 127 silence) of its 10 ms blocks; `lag_ms` the event loop's lag then.
    """

    frame: int
    available_ns: int | None
    scheduled_ns: int
    pushed_ns: int | None
    returned_ns: int | None
    samples: int
    levels: tuple[float, ...]
    lag_ms: float
    error: str | None


@dataclass(frozen=True, kw_only=True)
class InboundSample:
    """A subscriber's `inbound-rtp` of one publisher's track (W3C webrtc-stats names), each 100 ms."""

    t_ns: int
    publisher: str
    track: str
    ssrc: int
    packets_received: int
    packets_lost: int
    packets_discarded: int
    fec_packets_received: int
    jitter_s: float
    total_samples_received: int
    concealed_samples: int
    silent_concealed_samples: int
    concealment_events: int
    inserted_samples_for_deceleration: int
    removed_samples_for_acceleration: int
    jitter_buffer_delay_s: float
    jitter_buffer_emitted_count: int


@dataclass(frozen=True, kw_only=True)
class OutboundSample:
    """A publisher's `outbound-rtp` and `remote-inbound-rtp` of its track, each 500 ms."""

    t_ns: int
    ssrc: int
    packets_sent: int
    bytes_sent: int
    remote_packets_lost: int
    remote_fraction_lost: float
    round_trip_time_s: float


@dataclass(frozen=True, kw_only=True)
class PairSample:
    """The nominated ICE candidate pair, each 100 ms."""

    t_ns: int
    local: str  # address:port
    remote: str
    protocol: str  # udp | tcp | relay
    round_trip_time_s: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a client's `events.jsonl`: connected, published, subscribed, media, error, done and the like."""

    t_ns: int
    name: str
    detail: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Read:
    """How many samples a program had read from the SDK by then, and its event loop's worst lag since the last line."""

    t_ns: int
    samples: int
    lag_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class HeardAudio:
    """What one listener's program read of one publisher: int16 mono 48 kHz, mapped from the file, not loaded."""

    publisher: str
    samples: NDArray[np.int16]
    reads: tuple[Read, ...]


@dataclass(frozen=True, kw_only=True)
class PlayedAudio:
    """The sound, mono int16, that a publisher played in a loop instead of the marks."""

    sample_rate: int
    samples: NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class ClientEvidence:
    """Everything one client left. A piece it did not write is empty.

    `clock_offsets_ns` are CLOCK_REALTIME minus CLOCK_MONOTONIC when it began each of its files, one per file.
    """

    name: str
    role: str
    address: str
    events: tuple[Event, ...]
    frames: tuple[FrameLine, ...]
    inbound: tuple[InboundSample, ...]
    outbound: tuple[OutboundSample, ...]
    pairs: tuple[PairSample, ...]
    exit_code: int | None
    oom_killed: bool
    heard: tuple[HeardAudio, ...] = ()
    played: PlayedAudio | None = None
    clock_offsets_ns: tuple[int, ...] = ()
