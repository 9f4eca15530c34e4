"""How evidence gets small enough for the repository without another answer: what is cut, and how sound is packed.

Law: nothing that decides is touched. Behind its headers a media packet is encrypted noise; its checksum stands for it,
so that equal packets stay equal, and altered ones altered. Sound is silenced outside of the measured media and packed
as FLAC, which gives back the very same samples. `keep` stores a run only when its verdict is the same byte for byte.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from lab.evidence.values import HeardAudio
from lab.pcm import SAMPLE_RATE

_RECORD, _SUM = struct.Struct("<IIII"), struct.Struct("<I")
_FILE_HEADER, _TO_RTP, _RTP, _EXTENSION = 24, 14 + 20 + 8, 12, 4
_KEPT = 62
"""Of packets that are no media: Ethernet, IPv4, UDP or TCP, and as much as tells what they are."""


def cut(capture: bytes) -> bytes:
    """Return the little-endian pcap `capture` with a checksum for each packet's payload; lengths on the wire stay."""
    pieces = [capture[:_FILE_HEADER]]
    for seconds, fraction, original, packet in _packets(capture):
        head = min(_head(packet), len(packet))
        less = packet[:head] + (
            struct.pack("<I", zlib.crc32(packet[head:])) if len(packet) - head > 4 else packet[head:]
        )
        pieces += [_RECORD.pack(seconds, fraction, len(less), original), less]
    return b"".join(pieces)


def _packets(capture: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield seconds, fraction, length on the wire and bytes of each packet."""
    at = _FILE_HEADER
    while at < len(capture):
        seconds, fraction, captured, original = _RECORD.unpack_from(capture, at)
        begin, at = at + _RECORD.size, at + _RECORD.size + captured
        yield seconds, fraction, original, capture[begin : begin + captured]


def _head(packet: bytes) -> int:
    """Return how many bytes in front say something: of RTP (RFC 3550, payload type not RTCP's) its whole header."""
    media = len(packet) > _TO_RTP + _RTP + _EXTENSION and packet[12:14] == b"\x08\x00" and packet[23] == 17
    if not media or packet[_TO_RTP] >> 6 != 2 or 64 <= packet[_TO_RTP + 1] & 0x7F < 96:
        return _KEPT
    sources, extended = packet[_TO_RTP] & 0x0F, packet[_TO_RTP] & 0x10
    head = _TO_RTP + _RTP + 4 * sources
    return head + (_EXTENSION + 4 * struct.unpack_from(">H", packet, head + 2)[0] if extended else 0)


def silence(pcm: Path, heard: HeardAudio, from_ns: int, to_ns: int) -> None:
    """Silence the samples in `pcm` that were read before `from_ns` or after `to_ns`."""
    t_ns, counts = [read.t_ns for read in heard.reads], [read.samples for read in heard.reads]
    first, last = (int(np.interp(at, t_ns, counts)) for at in (from_ns, to_ns))
    samples = np.fromfile(pcm, "<i2")
    samples[:first] = 0
    samples[last:] = 0
    samples.tofile(pcm)


def pack(pcm: Path) -> None:
    """Put `<name>.flac` in the place of `<name>.pcm`, unless that is empty."""
    samples = np.fromfile(pcm, "<i2")
    if not samples.size:
        return  # libsndfile writes such a file and cannot read it
    soundfile.write(pcm.with_suffix(".flac"), samples, SAMPLE_RATE, subtype="PCM_16", compression_level=1.0)
    pcm.unlink()


def unpack(flac: Path) -> None:
    """Put `<name>.pcm` in the place of `<name>.flac`: the very same samples."""
    samples, _ = soundfile.read(flac, dtype="int16")
    samples.astype("<i2").tofile(flac.with_suffix(".pcm"))
    flac.unlink()
