"""Captured frames → `PACKET` records: who sent what to whom, the clear part of RTP, and which bytes of a TCP stream.

SRTP encrypts the payload, not the header nor its extensions (RFC 3711), so sequence number, timestamp, SSRC and level
are there to read. Kinds are told apart by the first bytes (RFC 7983, RFC 5761). What was not captured is not guessed:
a packet cut before its header ends is `KIND_OTHER`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lab.evidence.levels import elements, levels
from lab.evidence.pcap import Records, read_records
from lab.evidence.values import KIND_ARP, KIND_DTLS, KIND_OTHER, KIND_RTCP, KIND_RTP, KIND_STUN, PACKET, Packets

_ETHERNET_HEADER, _IP_HEADER, _UDP_HEADER, _RTP_HEADER = 14, 20, 8, 12
_IPV4, _ARP, _TCP, _UDP = 0x0800, 0x0806, 6, 17
_STUN_COOKIE = 0x2112A442
_FRAGMENT_OFFSET = 0x1FFF

_FRAME = np.dtype(
    {
        "names": ["mac", "ethertype", "version_ihl", "size", "fragment", "proto", "src", "dst"],
        "formats": ["S6", ">u2", "u1", ">u2", ">u2", "u1", ">u4", ">u4"],
        "offsets": [0, 12, 14, 16, 20, 23, 26, 30],
        "itemsize": 34,
    }
)
"""Ethernet and IPv4 headers without options (RFC 791)."""
_DATAGRAM = np.dtype(
    {
        "names": ["sport", "dport", "size", "first", "second", "seq", "ts", "ssrc", "cookie"],
        "formats": [">u2", ">u2", ">u2", "u1", "u1", ">u2", ">u4", ">u4", ">u4"],
        "offsets": [0, 2, 4, 8, 9, 10, 12, 16, 12],
        "itemsize": 20,
    }
)
"""UDP header, then RTP's (RFC 3550) or STUN's (RFC 8489)."""
_SEGMENT = np.dtype(
    {
        "names": ["sport", "dport", "tcp_seq", "words"],
        "formats": [">u2", ">u2", ">u4", "u1"],
        "offsets": [0, 2, 4, 12],
        "itemsize": 20,
    }
)
"""TCP header without options (RFC 9293); the upper half of `words` is how long it is, in words of 4 bytes."""

_WORDS = np.dtype([("words", ">u2", _IP_HEADER // 2)])

NOT_DESCRIBED: Mapping[int, int] = MappingProxyType({})
"""No session description was kept: which header extension is the level is inferred."""

Ints = NDArray[np.int64]
Rows = NDArray[np.intp]
Headers = NDArray[np.void]


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The packets of one capture file; `torn` says how the file ends early, or is empty."""

    packets: Packets
    torn: str


def read_capture(path: Path, *, level_ids: Mapping[int, int] = NOT_DESCRIBED, allow_torn_tail: bool = False) -> Capture:
    """Read `path`, digests included; `level_ids` are by address (`lab.evidence.levels`).

    EvidenceError as `read_records` says.
    """
    records = read_records(path, allow_torn_tail=allow_torn_tail)
    packets = classify(records, level_ids=level_ids)
    return Capture(packets=with_digest(packets, records), torn=records.torn)


def classify(records: Records, *, level_ids: Mapping[int, int] = NOT_DESCRIBED) -> Packets:
    """Return the packets of `records` in capture order; `digest` is left 0."""
    packets = np.zeros(records.t_ns.size, PACKET)
    packets["t_ns"], packets["length"], packets["level"] = records.t_ns, records.length, -1
    frame = _headers(records.data, records.start, _FRAME)
    packets["kind"][(frame["ethertype"] == _ARP) & (records.captured >= _ETHERNET_HEADER)] = KIND_ARP
    is_ip = (frame["ethertype"] == _IPV4) & (records.captured >= _FRAME.itemsize)
    for name in ("proto", "src", "dst"):
        np.copyto(packets[name], frame[name], where=is_ip)
    udp = _datagrams(records, frame)
    packets["sport"][udp.rows], packets["dport"][udp.rows] = udp.header["sport"], udp.header["dport"]
    kind = _kind(udp)
    packets["kind"][udp.rows] = kind
    _read_rtp(packets, records.data, udp.take(np.flatnonzero(kind == KIND_RTP)), level_ids)
    _read_tcp(packets, records, frame)
    return packets


def with_digest(packets: Packets, records: Records) -> Packets:
    """Return `packets` with the crc32 of each UDP datagram: two captures of one packet agree byte for byte.

    Routers change the IP header, and its checksum with it; where that does not fit (RFC 791), the digest is another. So
    it is where a frame goes to another station than others to its address: nobody takes it there.
    """
    frame = _headers(records.data, records.start, _FRAME)
    udp = _datagrams(records, frame)
    view, crc32 = records.data.data, zlib.crc32
    spans = zip(udp.start.tolist(), udp.end.tolist(), strict=True)
    done = packets.copy()
    done["digest"][udp.rows] = [crc32(view[start:end]) for start, end in spans]
    plain = udp.rows[frame["version_ihl"][udp.rows] & 15 == _IP_HEADER // 4]
    done["digest"][plain] ^= _misfits(_headers(records.data, records.start[plain] + _ETHERNET_HEADER, _WORDS))
    done["digest"][udp.rows] ^= 2 * _misdirected(frame["mac"][udp.rows], frame["dst"][udp.rows])
    return done


def _misdirected(mac: NDArray[np.bytes_], dst: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return 1 for each frame whose station is not the commonest of its IP address, else 0."""
    found = np.zeros(dst.size, np.uint32)
    for address in np.unique(dst):
        mine = dst == address
        stations, counts = np.unique(mac[mine], return_counts=True)
        found[mine] = mac[mine] != stations[counts.argmax()]
    return found


def _misfits(headers: Headers) -> NDArray[np.uint32]:
    """Return 1 for each IPv4 header of 20 bytes whose checksum is not that of its words (RFC 1071), else 0."""
    total = headers["words"].astype(np.uint32).sum(axis=1)
    total = (total & 0xFFFF) + (total >> 16)
    return np.asarray((total & 0xFFFF) + (total >> 16) != 0xFFFF, np.uint32)


@dataclass(frozen=True)
class _Datagrams:
    """UDP datagrams: which packets they are, their headers, and where each starts and ends in the file."""

    rows: Rows
    header: Headers
    start: Ints
    end: Ints

    def take(self, which: Rows) -> _Datagrams:
        """Return only those datagrams."""
        return _Datagrams(self.rows[which], self.header[which], self.start[which], self.end[which])

    def carries(self, size: int) -> NDArray[np.bool_]:
        """Mark the ones with at least `size` bytes of payload."""
        return np.asarray(self.end - self.start >= _UDP_HEADER + size)


def _headers(data: NDArray[np.uint8], at: Ints, layout: np.dtype[np.void]) -> Headers:
    """Return what `layout` finds at each place of `data`; behind a packet's end that is another's bytes, or zeros."""
    return np.lib.stride_tricks.sliding_window_view(data, layout.itemsize)[at].view(layout)[:, 0]


def _payloads(records: Records, frame: Headers, proto: int, least: int) -> tuple[Rows, Ints, Ints]:
    """Return which packets are `proto` over IPv4, and where what IPv4 carries starts and ends, at least `least` bytes.

    A later fragment holds no header.
    """
    header_size = (frame["version_ihl"] & 15).astype(np.int64) * 4
    start = records.start + _ETHERNET_HEADER + header_size
    end = records.start + records.captured
    rows = np.flatnonzero(
        (frame["ethertype"] == _IPV4)
        & (frame["version_ihl"] >> 4 == 4)
        & (header_size >= _IP_HEADER)
        & (frame["proto"] == proto)
        & (frame["fragment"] & _FRAGMENT_OFFSET == 0)
        & (end - start >= least)
    )
    return rows, start[rows], end[rows]


def _datagrams(records: Records, frame: Headers) -> _Datagrams:
    """Return the UDP datagrams; one ends where its own length says, for Ethernet pads short frames."""
    rows, start, end = _payloads(records, frame, _UDP, _UDP_HEADER)
    header = _headers(records.data, start, _DATAGRAM)
    said = np.maximum(header["size"].astype(np.int64), _UDP_HEADER)
    return _Datagrams(rows, header, start, np.minimum(end, start + said))


def _kind(udp: _Datagrams) -> NDArray[np.uint8]:
    """Tell STUN, DTLS, RTP and RTCP by their first bytes."""
    first, second = udp.header["first"], udp.header["second"]
    rtp_or_rtcp = (first >= 128) & (first < 192)
    rtcp = rtp_or_rtcp & (second >= 192) & (second < 224)
    kind = np.full(first.size, KIND_OTHER, np.uint8)
    kind[(first < 4) & (udp.header["cookie"] == _STUN_COOKIE) & udp.carries(20)] = KIND_STUN
    kind[(first >= 20) & (first < 64) & udp.carries(13)] = KIND_DTLS
    kind[rtcp & udp.carries(8)] = KIND_RTCP
    kind[rtp_or_rtcp & ~rtcp & udp.carries(_RTP_HEADER)] = KIND_RTP
    return kind


def _read_rtp(packets: Packets, data: NDArray[np.uint8], rtp: _Datagrams, level_ids: Mapping[int, int]) -> None:
    """Fill in the RTP headers and levels."""
    rows, header = rtp.rows, rtp.header
    packets["marker"][rows], packets["pt"][rows] = header["second"] >> 7, header["second"] & 127
    for name in ("seq", "ts", "ssrc"):
        packets[name][rows] = header[name]
    begin = rtp.start + _UDP_HEADER + _RTP_HEADER + 4 * (header["first"] & 15).astype(np.int64)
    found = elements(data, np.where(header["first"] & 16 != 0, begin, -1), rtp.end)
    packets["level"][rows] = levels(found, packets["src"][rows].astype(np.int64), level_ids)


def _read_tcp(packets: Packets, records: Records, frame: Headers) -> None:
    """Fill in which bytes of its stream each TCP segment carries, by its headers: its content may not be captured."""
    rows, start, _ = _payloads(records, frame, _TCP, _SEGMENT.itemsize)
    header = _headers(records.data, start, _SEGMENT)
    for name in ("sport", "dport", "tcp_seq"):
        packets[name][rows] = header[name]
    headers = (start - records.start[rows] - _ETHERNET_HEADER) + 4 * (header["words"] >> 4).astype(np.int64)
    packets["tcp_bytes"][rows] = np.maximum(frame["size"][rows].astype(np.int64) - headers, 0)
