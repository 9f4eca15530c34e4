"""Captured frames → `PACKET` records: who sent what to whom, the clear part of RTP, and which bytes of a TCP stream.

SRTP encrypts the payload, not the header nor its extensions (RFC 3711), so sequence number, timestamp, SSRC and level
are there to read. Kinds are told apart by the first bytes (RFC 7983, RFC 5761). What was not captured is not guessed:
a packet cut before its header ends is `KIND_OTHER`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lab.evidence.digest import digests
from lab.evidence.levels import Elements, Extensions, elements, levels
from lab.evidence.octets import Headers, Ints, Octets, alike, headers
from lab.evidence.pcap import Records, read_records
from lab.evidence.values import (
    KIND_ARP,
    KIND_DTLS,
    KIND_RTCP,
    KIND_RTP,
    KIND_STUN,
    PACKET,
    Packets,
)

_ETHERNET_HEADER, _IP_HEADER, _UDP_HEADER, _RTP_HEADER = 14, 20, 8, 12
_IPV4, _ARP, _TCP, _UDP = 0x0800, 0x0806, 6, 17
_STUN_COOKIE = 0x2112A442
_FRAGMENT_OFFSET = 0x1FFF

_FRAME = np.dtype(
    {
        "names": ["mac", "ethertype", "ip", "version_ihl", "size", "fragment", "proto", "src", "dst", "behind"],
        "formats": [">u8", ">u2", ("<u4", 5), "u1", ">u2", ">u2", "u1", ">u4", ">u4", "V20"],
        "offsets": [0, 12, 14, 14, 16, 20, 23, 26, 30, 34],
        "itemsize": 54,
    }
)
"""Ethernet and IPv4 headers without options (RFC 791), and `behind` them as much as is read of what they carry.

The upper six octets of `mac` are the station's that it goes to.
"""
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

_PLAIN = 0x45
"""IPv4, and a header of 5 words of 4 bytes: without options."""
_STATION = np.uint64(0xFFFF_FFFF_FFFF_0000)
_ONES = np.uint64(0xFFFF)
_PART = 8_192
"""So many packets are read at once that what is read of them stays in a CPU's cache."""

NOT_DESCRIBED: Mapping[int, int] = MappingProxyType({})
"""No session description was kept: which header extension is the level is inferred."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The packets of one capture file; `torn` says how the file ends early, or is empty."""

    packets: Packets
    torn: str


def read_capture(path: Path, *, level_ids: Mapping[int, int] = NOT_DESCRIBED, allow_torn_tail: bool = False) -> Capture:
    """Read `path`; `level_ids` are by address (`lab.evidence.levels`). EvidenceError as `read_records` says."""
    records = read_records(path, allow_torn_tail=allow_torn_tail)
    return Capture(packets=classify(records, level_ids=level_ids), torn=records.torn)


def classify(records: Records, *, level_ids: Mapping[int, int] = NOT_DESCRIBED) -> Packets:
    """Return the packets of `records` in capture order.

    The digest is that of the UDP datagram: two captures of one packet agree byte for byte. Routers change the IP
    header, and its checksum with it; where that does not fit (RFC 791), the digest is another. So it is where a frame
    goes to another station than others to its address: nobody takes it there.
    """
    packets = np.zeros(records.t_ns.size, PACKET)
    udp, mac = np.zeros(packets.size, np.bool_), np.zeros(packets.size, np.uint64)
    found: list[Elements] = []
    for rows, part in records.parts(_PART):
        frame = headers(part.data, part.start, _FRAME)
        carried = _carried(part, frame)
        _read_frames(packets[rows], part, frame)
        _read_tcp(packets[rows], part, frame, carried)
        datagrams = _datagrams(part, frame, carried)
        _read_udp(packets[rows], datagrams)
        _read_digests(packets[rows], part.data, frame, datagrams)
        found.extend(elements(part.data, _extensions(packets[rows], datagrams, rows.start)))
        udp[rows], mac[rows] = datagrams.there, frame["mac"] & _STATION
    packets["level"] = levels(found, packets.size, level_ids)
    packets["digest"][_misdirected(mac, packets["dst"], udp)] ^= np.uint64(2)
    return packets


@dataclass(frozen=True)
class _Carried:
    """Per packet the protocol that begins in it over IPv4, else 0; where it begins, and how much of it was captured."""

    proto: Octets
    start: Ints
    captured: Ints


@dataclass(frozen=True)
class _Datagrams:
    """Per packet whether it is a UDP datagram, and if so its header, where it starts and ends, and its payload's size.

    The size of the payload of what is none is -1.
    """

    there: Flags
    header: Headers
    start: Ints
    end: Ints
    payload: Ints


def _read_frames(packets: Packets, records: Records, frame: Headers) -> None:
    """Fill in times, lengths, and who sends to whom."""
    packets["t_ns"], packets["length"] = records.t_ns, records.length
    packets["kind"][(frame["ethertype"] == _ARP) & (records.captured >= _ETHERNET_HEADER)] = KIND_ARP
    is_ip = (frame["ethertype"] == _IPV4) & (records.captured >= _ETHERNET_HEADER + _IP_HEADER)
    for name in ("proto", "src", "dst"):
        np.copyto(packets[name], frame[name], where=is_ip)


def _carried(records: Records, frame: Headers) -> _Carried:
    """Return what the packets carry; a later fragment holds no header."""
    version, size = frame["version_ihl"] >> 4, (frame["version_ihl"] & 15) * np.uint8(4)
    there = (
        (frame["ethertype"] == _IPV4)
        & (version == 4)
        & (size >= _IP_HEADER)
        & (frame["fragment"] & _FRAGMENT_OFFSET == 0)
    )
    headed = size + np.uint8(_ETHERNET_HEADER)
    return _Carried(frame["proto"] * there, records.start + headed, records.captured - headed)


def _datagrams(records: Records, frame: Headers, carried: _Carried) -> _Datagrams:
    """Return the UDP datagrams; one ends where its own length says, for Ethernet pads short frames."""
    there, start = (carried.proto == _UDP) & (carried.captured >= _UDP_HEADER), carried.start
    header = frame["behind"].view(_DATAGRAM)
    moved = np.flatnonzero(there & (frame["version_ihl"] != _PLAIN))
    header[moved] = headers(records.data, start[moved], _DATAGRAM)
    said = np.maximum(header["size"], _UDP_HEADER)
    size = np.minimum(carried.captured, said)
    return _Datagrams(there, header, start, start + size, np.where(there, size - _UDP_HEADER, -1))


def _read_udp(packets: Packets, udp: _Datagrams) -> None:
    """Fill in ports, kinds by their first bytes, and RTP headers."""
    # each a copy: what is asked often is read side by side
    first, second, kind = udp.header["first"].copy(), udp.header["second"].copy(), packets["kind"].copy()
    rtp_or_rtcp = (first >= 128) & (first < 192)
    rtcp = rtp_or_rtcp & (second >= 192) & (second < 224)
    rtp = rtp_or_rtcp & ~rtcp & (udp.payload >= _RTP_HEADER)
    kind[(first < 4) & (udp.header["cookie"] == _STUN_COOKIE) & (udp.payload >= 20)] = KIND_STUN
    kind[(first >= 20) & (first < 64) & (udp.payload >= 13)] = KIND_DTLS
    kind[rtcp & (udp.payload >= 8)] = KIND_RTCP
    kind[rtp] = KIND_RTP
    packets["kind"] = kind
    for name in ("sport", "dport"):
        np.copyto(packets[name], udp.header[name], where=udp.there)
    for name in ("seq", "ts", "ssrc"):
        np.copyto(packets[name], udp.header[name], where=rtp)
    np.copyto(packets["marker"], second >> 7, where=rtp)
    np.copyto(packets["pt"], second & 127, where=rtp)


def _extensions(packets: Packets, udp: _Datagrams, before: int) -> Extensions:
    """Return the header extensions; `before` so many packets of the capture come these."""
    first = udp.header["first"]
    rows = np.flatnonzero((packets["kind"] == KIND_RTP) & (first & 16 != 0))
    begin = udp.start[rows] + (_UDP_HEADER + _RTP_HEADER + 4 * (first[rows] & 15))
    return Extensions(packet=before + rows, sender=packets["src"][rows], begin=begin, end=udp.end[rows])


def _read_digests(packets: Packets, data: Octets, frame: Headers, udp: _Datagrams) -> None:
    """Fill in the digests, another for each plain IPv4 header whose checksum is not that of its words (RFC 1071)."""
    rows = np.flatnonzero(udp.there)
    found = np.zeros(packets.size, np.uint64)
    found[rows] = digests(data, udp.start[rows], udp.end[rows])
    total = sum(words.astype(np.uint64) for words in frame["ip"].T)
    wrong = total // _ONES * _ONES != total  # numpy divides by a constant faster than it takes a remainder
    packets["digest"] = found ^ (wrong & udp.there & (frame["version_ihl"] == _PLAIN))


def _misdirected(mac: NDArray[np.uint64], dst: NDArray[np.uint32], udp: Flags) -> Ints:
    """Return which of the `udp` frames have a station that is not the commonest of their IP address."""
    rows = np.flatnonzero(udp)
    found = [np.zeros(0, np.int64)]
    for _, mine in alike(dst[rows]):
        theirs = mac[rows[mine]]
        if (theirs == theirs[0]).all():
            continue  # as nearly always
        stations, counts = np.unique(theirs, return_counts=True)
        found.append(rows[mine][theirs != stations[counts.argmax()]])
    return np.concatenate(found)


def _read_tcp(packets: Packets, records: Records, frame: Headers, carried: _Carried) -> None:
    """Fill in which bytes of its stream each TCP segment carries, by its headers: its content may not be captured."""
    rows, start = np.flatnonzero((carried.proto == _TCP) & (carried.captured >= _SEGMENT.itemsize)), carried.start
    if not rows.size:
        return
    header = headers(records.data, start[rows], _SEGMENT)
    for name in ("sport", "dport", "tcp_seq"):
        packets[name][rows] = header[name]
    before = (start[rows] - records.start[rows] - _ETHERNET_HEADER) + 4 * (header["words"] >> 4).astype(np.int64)
    packets["tcp_bytes"][rows] = np.maximum(frame["size"][rows].astype(np.int64) - before, 0)
