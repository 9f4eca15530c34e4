"""The clear audio level of RTP packets: header extension elements (RFC 8285), and which of them is RFC 6464's.

Law: the number of the element is what the session description of its sender says. Where none was kept it is inferred,
which is told: of the elements of one byte, the one that takes the most different values, as a level does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.evidence.octets import Ints, Octets, distinct, headers

_ONE_BYTE_PROFILE = 0xBEDE
_STOP_ID = 15
_EXTENSION = np.dtype([("profile", ">u2"), ("words", ">u2")])
_LEVEL_BITS = 127


_STEPS = np.array([1, *[2 + (head & 15) for head in range(1, _STOP_ID << 4)], *[1 << 32] * 16])
"""By its first octet how far an element reaches; padding is one octet, and nothing comes behind the number 15."""


@dataclass(frozen=True, kw_only=True)
class Elements:
    """Every element of one-byte header extensions: the packet it is in, its first octet, and that of its data."""

    packet: Ints
    head: Octets
    value: Octets

    def pick(self, chosen: NDArray[np.bool_]) -> Elements:
        """Return only the elements that `chosen` marks."""
        return Elements(packet=self.packet[chosen], head=self.head[chosen], value=self.value[chosen])


def joined(parts: Sequence[Elements]) -> Elements:
    """Return the elements of all `parts`, in their order."""
    return Elements(
        packet=np.concatenate([np.zeros(0, np.int64), *(part.packet for part in parts)]),
        head=np.concatenate([np.zeros(0, np.uint8), *(part.head for part in parts)]),
        value=np.concatenate([np.zeros(0, np.uint8), *(part.value for part in parts)]),
    )


def elements(data: Octets, packet: Ints, begin: Ints, end: Ints) -> Elements:
    """Return the elements of each `packet` whose extension header is at `begin` in `data`, and which ends at `end`.

    What does not lie within its packet is not read.
    """
    header = headers(data, begin, _EXTENSION)
    at = begin + _EXTENSION.itemsize
    stop = at + 4 * header["words"].astype(np.int64)
    more = (header["profile"] == _ONE_BYTE_PROFILE) & (at < stop) & (stop <= end)
    found = []
    while more.any():
        if not more.all():
            packet, at, stop = packet[more], at[more], stop[more]
        head = data[at]
        after = at + _STEPS[head]
        whole = np.flatnonzero((after <= stop) & (head != 0))
        found.append(Elements(packet=packet[whole], head=head[whole], value=data[at[whole] + 1]))
        at, more = after, after < stop
    return joined(found)


def levels(found: Elements, source: NDArray[np.uint32], described: Mapping[int, int]) -> NDArray[np.int16]:
    """Return per packet its level in -dBov, -1 where it has none.

    `source` is per packet the address of its sender, `described` by address the number of its level.
    """
    level = np.full(source.size, -1, np.int16)
    sender = source[found.packet]
    addresses = distinct(sender)
    for address in addresses.tolist():
        theirs = found.pick(sender == address) if addresses.size > 1 else found
        number = described[address] if address in described else inferred(theirs)
        chosen = np.flatnonzero(theirs.head >> 4 == number)[::-1]  # of several the first one is written last
        level[theirs.packet[chosen]] = theirs.value[chosen] & _LEVEL_BITS
    return level


def inferred(found: Elements) -> int:
    """Return the number of the element that behaves like a level, 0 when none does."""
    single = found.head & 15 == 0
    pairs = found.head[single].astype(np.intp) << 4 | found.value[single]
    table = np.bincount(pairs, minlength=16 * 256).reshape(16, 256)
    variety, count = (table > 0).sum(axis=1), table.sum(axis=1)
    return max(range(16), key=lambda number: (int(variety[number]), int(count[number])))
