"""Capture files: classic pcap in both byte orders, micro- and nanoseconds, Ethernet only.

Law: a file is read whole or refused with the byte at which it is wrong. The one exception is asked for by name: a
capture whose writer was killed may end in the middle of a record, and says so.
Format: https://www.tcpdump.org/manpages/pcap-savefile.5.html
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.errors import EvidenceError
from lab.evidence.chain import LONGEST_RECORD, RECORD_HEADER, follow
from lab.evidence.octets import Headers, Ints, Octets

FILE_HEADER = 24

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

    `data` is the file. Per record: its time, where its frame starts in `data`, how many bytes of it were captured, and
    how many there were on the wire. `torn` says how the file ends early, or is empty.
    """

    data: Octets
    t_ns: Ints
    start: Ints
    captured: Ints
    length: Ints
    torn: str

    def parts(self, size: int) -> Iterator[tuple[slice, Records]]:
        """Yield `size` records after the other, the last time perhaps fewer: which, and those."""
        for begin in range(0, self.t_ns.size, size):
            rows = slice(begin, begin + size)
            arrays = {name: getattr(self, name)[rows] for name in ("t_ns", "start", "captured", "length")}
            yield rows, Records(data=self.data, **arrays, torn=self.torn)


def read_records(path: Path, *, allow_torn_tail: bool = False) -> Records:
    """Find every record of `path`. EvidenceError when it is no Ethernet pcap, or is cut and that was not allowed."""
    data = _read(path)
    order, unit_ns = _file_header(path, data[:FILE_HEADER].tobytes())
    columns, torn = _whole(_columns(follow(data, FILE_HEADER, order), unit_ns), data.size)
    if torn and not allow_torn_tail:
        raise EvidenceError(f"{path}: {torn}", fix="the capture was cut; record again")
    t_ns, start, captured, length = columns
    _check(path, start, captured, length)
    return Records(data=data, t_ns=t_ns, start=start, captured=captured, length=length, torn=torn)


def _read(path: Path) -> Octets:
    """Map the file, for nobody writes a capture that is read; all at once where that is to be had, which is faster."""
    try:
        with path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                return np.zeros(0, np.uint8)
            flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)
            return np.frombuffer(mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ), np.uint8)
    except OSError as error:
        raise EvidenceError(f"{path}: {error.strerror}", fix="the capture is missing; record again") from error


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


def _columns(found: Headers, unit_ns: int) -> Ints:
    """Return what `Records` has per record, a row of each: times, starts, captured and original lengths."""
    columns = np.empty((4, found.size), np.int64)  # one large piece of memory is had sooner than four
    t_ns, start, captured, length = columns
    np.multiply(found["seconds"], np.int64(1_000_000_000), out=t_ns)
    t_ns += found["fraction"] * np.int64(unit_ns)
    captured[:], length[:] = found["captured"], found["length"]
    np.cumsum(captured + RECORD_HEADER, out=start)
    start += FILE_HEADER - captured
    return columns


def _whole(columns: Ints, size: int) -> tuple[Ints, str]:
    """Return the records that a file of this size holds whole, and how it is torn (empty: it is not)."""
    _, start, captured, _ = columns
    end = int(start[-1] + captured[-1]) if start.size else FILE_HEADER
    if end > size:
        columns, end = columns[:, :-1], int(start[-1]) - RECORD_HEADER
    return columns, f"ends at byte {size}, within the record that begins at byte {end}" if end < size else ""


def _check(path: Path, start: Ints, captured: Ints, length: Ints) -> None:
    """Refuse records whose lengths cannot be: what follows a damaged one is noise."""
    wrong = np.flatnonzero((captured > LONGEST_RECORD) | (captured > length))
    if wrong.size:
        first = wrong[0]
        at, said = start[first] - RECORD_HEADER, f"{captured[first]} of {length[first]} bytes captured"
        raise EvidenceError(
            f"{path}: the record at byte {at} says {said}",
            fix="the capture is damaged; record again",
        )
