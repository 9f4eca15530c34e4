"""Capture files: classic pcap in both byte orders, micro- and nanoseconds, Ethernet only.

Law: a file is read whole or refused with the byte at which it is wrong. The one exception is asked for by name: a
capture whose writer was killed may end in the middle of a record, and says so.
Format: https://www.tcpdump.org/manpages/pcap-savefile.5.html
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lab.errors import EvidenceError

FILE_HEADER = 24
RECORD_HEADER = 16
_CAPTURED = 8  # where in it the captured length stands
WINDOW = 64
"""Bytes that may be read from any packet's start on, although the file may end before."""
LONGEST_RECORD = 262_144
"""Bytes; libpcap's MAXIMUM_SNAPLEN. A longer record is not one."""

_ORDERS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_ETHERNET = 1


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records of one file, in its order.

    `data` is the file and `WINDOW` zero bytes. Per record: its time, where its frame starts in `data`, how many bytes
    of it were captured, and how many there were on the wire. `torn` says how the file ends early, or is empty.
    """

    data: NDArray[np.uint8]
    t_ns: NDArray[np.int64]
    start: NDArray[np.int64]
    captured: NDArray[np.int64]
    length: NDArray[np.int64]
    torn: str


def read_records(path: Path, *, allow_torn_tail: bool = False) -> Records:
    """Find every record of `path`. EvidenceError when it is no Ethernet pcap, or is cut and that was not allowed."""
    data, size = _read(path)
    order, unit_ns = _file_header(path, bytes(data[: min(size, FILE_HEADER)]))
    at, torn = _walk(data, size, order)
    if torn and not allow_torn_tail:
        raise EvidenceError(f"{path}: {torn}", fix="the capture was cut; record again")
    octets = np.frombuffer(data, np.uint8)
    fields = _record_headers(octets, at, order)
    _check(path, at, fields)
    seconds, fraction, captured, length = fields.T
    return Records(
        data=octets,
        t_ns=seconds * 1_000_000_000 + fraction * unit_ns,
        start=at + RECORD_HEADER,
        captured=captured,
        length=length,
        torn=torn,
    )


def _read(path: Path) -> tuple[bytearray, int]:
    """Return the file's bytes with `WINDOW` zeros behind, and its size."""
    try:
        with path.open("rb") as file:
            data = bytearray(os.fstat(file.fileno()).st_size + WINDOW)
            size = file.readinto(memoryview(data)[:-WINDOW])
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}", fix="the capture is missing; record again") from error
    return data, size


def _file_header(path: Path, data: bytes) -> tuple[str, int]:
    """Return byte order and ns per unit of time."""
    magic = data[:4]
    if magic == _PCAPNG:
        raise EvidenceError(f"{path}: pcapng, not pcap", fix=f"convert it: tcpdump -r {path.name} -w out.pcap")
    if magic not in _ORDERS:
        raise EvidenceError(f"{path}: not a pcap file: it begins with {magic.hex() or 'nothing'}", fix="record again")
    if len(data) < FILE_HEADER:
        raise EvidenceError(f"{path}: ends at byte {len(data)}, within the file header", fix="record again")
    order, unit_ns = _ORDERS[magic]
    (link,) = struct.unpack_from(order + "I", data, 20)
    if link & 0xFFFF != _ETHERNET:
        raise EvidenceError(f"{path}: link type {link & 0xFFFF}, not Ethernet", fix="capture on an Ethernet interface")
    return order, unit_ns


def _walk(data: bytearray, size: int, order: str) -> tuple[NDArray[np.int64], str]:
    """Return where each whole record begins in the first `size` bytes, and how the file is torn (empty: it is not)."""
    captured = struct.Struct(order + "I").unpack_from
    found: list[int] = []
    note = found.append
    at = FILE_HEADER + _CAPTURED
    last = size - RECORD_HEADER + _CAPTURED
    while at <= last:  # the one loop over packets in Python: kept to what a chain of lengths needs
        note(at)
        at += RECORD_HEADER + captured(data, at)[0]
    begins, torn = np.array(found, np.int64) - _CAPTURED, ""
    at -= _CAPTURED
    if at > size:
        at, begins = int(begins[-1]), begins[:-1]
    if at != size:
        torn = f"ends at byte {size}, within the record that begins at byte {at}"
    return begins, torn


def _record_headers(data: NDArray[np.uint8], at: NDArray[np.int64], order: str) -> NDArray[np.int64]:
    """Return seconds, fraction, captured and original length of each record, a row each."""
    rows = np.lib.stride_tricks.sliding_window_view(data, RECORD_HEADER)[at]
    return rows.view(order + "u4").astype(np.int64)


def _check(path: Path, at: NDArray[np.int64], fields: NDArray[np.int64]) -> None:
    """Refuse records whose lengths cannot be: what follows a damaged one is noise."""
    captured, length = fields[:, 2], fields[:, 3]
    wrong = np.flatnonzero((captured > LONGEST_RECORD) | (captured > length))
    if wrong.size:
        first = wrong[0]
        said = f"{captured[first]} of {length[first]} bytes captured"
        raise EvidenceError(
            f"{path}: the record at byte {at[first]} says {said}", fix="the capture is damaged; record again"
        )
