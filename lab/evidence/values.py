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
        ("digest", "<u4"),  # crc32 of the UDP payload; 0 when it is not UDP
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
    """A publisher's `outbound-rtp` and `remote-inbound-rtp` of its track, each 100 ms."""

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
    """Everything one client left. A piece it did not write is empty."""

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


@dataclass(frozen=True, kw_only=True)
class Qdisc:
    """One queueing discipline as the kernel reported it (`tc -j -s qdisc show`)."""

    kind: str
    handle: str
    parent: str  # "root" or a class
    options_json: str
    sent_packets: int
    sent_bytes: int
    dropped: int
    overlimits: int
    backlog_packets: int


@dataclass(frozen=True, kw_only=True)
class DirectionState:
    """The qdiscs of one direction of one bump, read back at one step. `argv` is what was run before."""

    client: str
    direction: Literal["up", "down"]
    argv: tuple[tuple[str, ...], ...]
    qdiscs: tuple[Qdisc, ...]


@dataclass(frozen=True, kw_only=True)
class StepState:
    """One change of the network, or a reading of its counters: `clean`, `impair`, `change-1` …, `final`.

    The change took effect between `from_ns` and `to_ns` (the read-back that confirmed it).
    """

    name: str
    due_ns: int | None
    from_ns: int
    to_ns: int
    directions: tuple[DirectionState, ...]


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A second of the unthrottled pacing container: how late its 10 ms ticks came."""

    t_ns: int
    ticks: int
    late_p99_ms: float
    late_max_ms: float


@dataclass(frozen=True, kw_only=True)
class HostSecond:
    """A second of the machine: shares (0..1) of CPU stolen and used in it, CLOCK_REALTIME minus CLOCK_MONOTONIC.

    The rest are totals since boot. `…_us` are the microseconds in which some (or all, `full`) tasks waited for a
    resource (kernel Documentation/accounting/psi.rst). `softnet_dropped` are packets dropped because a CPU's receive
    backlog was full, `softnet_squeezed` times at which it had to stop with packets left (`/proc/net/softnet_stat`; of
    all network namespaces together). None where the kernel does not say.
    """

    t_ns: int
    steal: float
    busy: float
    clock_offset_ns: int
    cpu_some_us: int | None = None
    memory_some_us: int | None = None
    memory_full_us: int | None = None
    io_some_us: int | None = None
    io_full_us: int | None = None
    softnet_dropped: int | None = None
    softnet_squeezed: int | None = None


@dataclass(frozen=True, kw_only=True)
class CgroupSecond:
    """A look at one container's cgroup, totals since its start but for `memory_bytes`, which is what it holds now.

    `throttled_ns` adds up over CPUs, so that it may grow faster than time. `oom_kills` are processes killed for memory,
    None where the kernel does not count them (version 1 before Linux 4.13).
    """

    t_ns: int
    cpu_ns: int
    throttled_ns: int
    throttled_periods: int
    memory_bytes: int
    oom_kills: int | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkSecond:
    """A look at one network namespace: totals since its start, as `/proc/<pid>/net/snmp` spells them (RFC 1213, 2013).

    What was received but neither delivered nor discarded nor in error, a packet filter of that namespace dropped; so
    was what was requested and not transmitted, which kernels count from Linux 6.5 on (None before).
    """

    t_ns: int
    ip_in_receives: int
    ip_in_delivers: int
    ip_in_discards: int
    ip_in_errors: int  # InHdrErrors + InAddrErrors
    udp_in_datagrams: int
    udp_in_errors: int
    udp_rcvbuf_errors: int
    udp_in_csum_errors: int
    udp_no_ports: int
    udp_out_datagrams: int
    udp_sndbuf_errors: int
    ip_out_requests: int | None = None
    ip_out_transmits: int | None = None


@dataclass(frozen=True, kw_only=True)
class ServerTrack:
    """LiveKit's own account of one direction of one track ("rtp stats", pkg/sfu/rtpstats), logged when it closes.

    `participant` is who sent it (upstream) or got it (downstream); `track` is the publisher's either way. `first_seq`
    and `last_seq` are its first and highest RTP sequence numbers, unwrapped: the packets it speaks of are those from
    one to the other, `packets_seen` of them, each once. Seen upstream: read from the socket and decrypted; downstream:
    written to it, silence of the server's own (`packets_marked`) included. `packets_dropped` were read, and refused
    for their number or timestamp; None downstream, where nobody counts.
    """

    t_ns: int
    participant: str
    track: str
    direction: Literal["upstream", "downstream"]
    ssrc: int
    first_seq: int
    last_seq: int
    packets_expected: int
    packets_seen: int
    packets_lost: int
    packets_duplicate: int
    packets_padding: int
    packets_marked: int
    packets_dropped: int | None


@dataclass(frozen=True, kw_only=True)
class DescribedTrack:
    """A published track as the session description that was answered has it; `level_id` is RFC 6464's extension."""

    participant: str
    codec: str
    level_id: int | None


@dataclass(frozen=True, kw_only=True)
class ServerForwarder:
    """What LiveKit's "closing forwarder" says of a published track: packets offered to listeners, or refused before.

    `dropped` are those of another payload type than was negotiated (pkg/sfu/receiver_base.go).
    """

    t_ns: int
    participant: str
    track: str
    forwarded: int
    dropped: int


@dataclass(frozen=True, kw_only=True)
class ServerOffset:
    """One listener's track in LiveKit's `/debug/rooms`: what goes out is what came in less these (sfu/rtpmunger.go).

    `ssrc` is the listener's; `last_seq` the highest number that came in, unwrapped; `packets` how many went out.
    """

    t_ns: int
    publisher: str
    subscriber: str
    track: str
    ssrc: int
    sequence_offset: int
    timestamp_offset: int
    last_seq: int
    packets: int
