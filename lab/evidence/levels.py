"""The clear audio level of RTP packets: header extension elements (RFC 8285), and which of them is RFC 6464's.

Law: the number of the element is what the session description of its sender says. Where none was kept it is inferred,
which is told: of the elements of one byte, the one that takes the most different values, as a level does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ONE_BYTE_PROFILE = 0xBEDE
_STOP_ID = 15
_EXTENSION = np.dtype([("profile", ">u2"), ("words", ">u2")])
_LEVEL_BITS = 127

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Elements:
    """Every element of one-byte header extensions: the packet it is in, its number, its size and its first byte."""

    packet: Ints
    number: Ints
    size: Ints
    value: Ints

    def pick(self, chosen: NDArray[np.bool_]) -> Elements:
        """Return only the elements that `chosen` marks."""
        return Elements(**{name: getattr(self, name)[chosen] for name in ("packet", "number", "size", "value")})


def elements(data: NDArray[np.uint8], begin: Ints, end: Ints) -> Elements:
    """Return the elements of the packets whose extension header is at `begin` in `data`, and which end at `end`.

    `begin` is -1 for a packet without an extension. What does not lie within its packet is not read.
    """
    left = np.flatnonzero((begin >= 0) & (begin + _EXTENSION.itemsize <= end))
    windows = np.lib.stride_tricks.sliding_window_view(data, _EXTENSION.itemsize)
    header = windows[begin[left]].view(_EXTENSION)[:, 0]
    at = begin[left] + _EXTENSION.itemsize
    stop = at + 4 * header["words"].astype(np.int64)
    whole = (header["profile"] == _ONE_BYTE_PROFILE) & (stop <= end[left])
    left, at, stop = left[whole], at[whole], stop[whole]
    found = []
    while left.size:
        head = data[at].astype(np.int64)
        number, size = head >> 4, (head & 15) + 1
        is_one = (head != 0) & (number != _STOP_ID) & (at + size < stop)
        found.append((left[is_one], number[is_one], size[is_one], data[at[is_one] + 1].astype(np.int64)))
        at = at + np.where(head == 0, 1, size + 1)
        more = (number != _STOP_ID) & (at < stop)
        left, at, stop = left[more], at[more], stop[more]
    packet, number, size, value = (np.concatenate(parts) for parts in zip(*found, strict=True)) if found else _NOTHING
    return Elements(packet=packet, number=number, size=size, value=value)


_NOTHING = tuple(np.zeros(0, np.int64) for _ in range(4))


def levels(found: Elements, source: Ints, described: Mapping[int, int]) -> NDArray[np.int16]:
    """Return per packet its level in -dBov, -1 where it has none.

    `source` is per packet the address of its sender, `described` by address the number of its level.
    """
    level = np.full(source.size, -1, np.int16)
    sender = source[found.packet]
    for address in np.unique(sender).tolist():
        theirs = found.pick(sender == address)
        number = described.get(address, inferred(theirs))
        chosen = theirs.pick(theirs.number == number)
        level[chosen.packet[::-1]] = chosen.value[::-1] & _LEVEL_BITS
    return level


def inferred(found: Elements) -> int:
    """Return the number of the element that behaves like a level, 0 when none does."""
    single = found.pick(found.size == 1)
    numbers = np.unique(single.number).tolist()

    def variety(number: int) -> tuple[int, int]:
        values = single.value[single.number == number]
        return int(np.unique(values).size), int(values.size)

    return max(numbers, key=variety, default=0)
