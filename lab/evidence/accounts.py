"""What the machine, the kernel and the server say of themselves, as typed values: one line of evidence each.

Times are integer nanoseconds of CLOCK_REALTIME (`t_ns`); totals run since start unless a field says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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

    `nice` is the part of what was used that gives way to anything else (proc(5), /proc/stat).
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
    nice: float | None = None


@dataclass(frozen=True, kw_only=True)
class CgroupSecond:
    """A look at one container's cgroup, totals since its start but for `memory_bytes`, which is what it holds now.

    `throttled_ns` adds up over CPUs, so that it may grow faster than time. `oom_kills` are processes killed for memory,
    None where the kernel does not count them (version 1 before Linux 4.13). `waited_ns` is no total: for how long since
    the look before that one of its tasks stood in the run queue that did so longest (/proc/<pid>/schedstat, the second
    number); None in the first look, and where the kernel does not tell.
    """

    t_ns: int
    cpu_ns: int
    throttled_ns: int
    throttled_periods: int
    memory_bytes: int
    oom_kills: int | None = None
    waited_ns: int | None = None


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
