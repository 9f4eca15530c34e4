"""Makes captures by hand: the bytes that a test wants on the wire, in a pcap file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MAGICS = {"<u": 0xA1B2C3D4, "<n": 0xA1B23C4D, ">u": 0xA1B2C3D4, ">n": 0xA1B23C4D}
PUBLISHER, SERVER = 0xC612000A, 0xC6120114


@dataclass(frozen=True, kw_only=True)
class Record:
    """A frame in a capture file; `wire` is its length on the wire when less was captured."""

    data: bytes
    seconds: int = 1_000
    fraction: int = 5
    wire: int | None = None


def capture(records: list[Record], *, style: str = "<n", link: int = 1) -> bytes:
    """Return a pcap file: byte order and unit as `style` says (`<u` is little endian, microseconds)."""
    order = style[0]
    parts = [struct.pack(order + "IHHiIII", MAGICS[style], 2, 4, 0, 0, 262_144, link)]
    for record in records:
        wire = len(record.data) if record.wire is None else record.wire
        parts.append(struct.pack(order + "IIII", record.seconds, record.fraction, len(record.data), wire) + record.data)
    return b"".join(parts)


def saved(path: Path, data: bytes) -> Path:
    """Write `data` to `path` and return it."""
    path.write_bytes(data)
    return path


def ethernet(payload: bytes, ethertype: int = 0x0800) -> bytes:
    """Return an Ethernet frame."""
    return bytes(12) + struct.pack(">H", ethertype) + payload


def ipv4(payload: bytes, *, proto: int = 17, options: bytes = b"", fragment: int = 0) -> bytes:
    """Return an IPv4 packet from PUBLISHER to SERVER, its header checksum as in RFC 1071."""
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBB", 0x40 | words, 0, 4 * words + len(payload), 1, fragment, 64, proto)
    tail = struct.pack(">II", PUBLISHER, SERVER) + options
    total = sum(struct.unpack(f">{len(head + tail) // 2}H", head + tail))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return head + struct.pack(">H", total ^ 0xFFFF) + tail + payload


def udp(payload: bytes, *, size: int | None = None) -> bytes:
    """Return a UDP datagram from port 50000 to 7882; `size` is the length it claims."""
    return struct.pack(">HHHH", 50_000, 7882, 8 + len(payload) if size is None else size, 0) + payload


def rtp(*, extension: bytes = b"", csrcs: int = 0, profile: int = 0xBEDE, marker: int = 0) -> bytes:
    """Return an RTP packet (RFC 3550) of payload type 63, sequence number 65535, with a header extension if given."""
    first = 0x80 | (0x10 if extension else 0) | csrcs
    header = struct.pack(">BBHII", first, marker << 7 | 63, 65_535, 0xFFFFFFF0, 0x12345678) + bytes(4 * csrcs)
    if extension:
        padded = extension + bytes(-len(extension) % 4)
        header += struct.pack(">HH", profile, len(padded) // 4) + padded
    return header + b"\xaa" * 50


def frame(payload: bytes) -> bytes:
    """Return `payload` in UDP in IPv4 in Ethernet."""
    return ethernet(ipv4(udp(payload)))
