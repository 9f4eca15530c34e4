"""The clear audio level of RTP packets: header extension elements (RFC 8285), and which of them is RFC 6464's.

Law: a level is an element of one octet (RFC 6464, section 3). Its number is what the session description of its sender
says. Where none was kept it is inferred, which is told: the one that takes the most different values, as a level does.

Senders lay their extensions out in the same few ways from packet to packet: what is alike in many is read at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.evidence.octets import Ints, Octets, alike, headers

_ONE_BYTE_PROFILE = 0xBEDE
_STOP_ID = 15
_EXTENSION = np.dtype([("profile", ">u2"), ("words", ">u2")])
_LEVEL_BITS = 127


@dataclass(frozen=True, kw_only=True)
class Elements:
    """Elements of one octet, of one number, in one sender's one-byte header extensions; at most one of a packet.

    Per element the packet it is in, and its octet.
    """

    sender: int
    number: int
    packet: Ints
    value: Octets


@dataclass(frozen=True, kw_only=True)
class Extensions:
    """Per extension the packet it is in, that packet's sender, where its header begins, and where the packet ends."""

    packet: Ints
    sender: NDArray[np.uint32]
    begin: Ints
    end: Ints


def elements(data: Octets, found: Extensions) -> Iterator[Elements]:
    """Yield the elements in `data`, those of one packet in their order. What is not within its packet is not read."""
    header = headers(data, found.begin, _EXTENSION)
    at, size = found.begin + _EXTENSION.itemsize, 4 * header["words"].astype(np.int64)
    size[(header["profile"] != _ONE_BYTE_PROFILE) | (at + size > found.end)] = 0
    for sender, theirs in alike(found.sender):
        packets, begins = found.packet[theirs], at[theirs]
        left = {count: [(packets[rows], begins[rows])] for count, rows in alike(size[theirs]) if count}
        yield from _elements(data, sender, left)


def _elements(data: Octets, sender: int, left: dict[int, list[tuple[Ints, Ints]]]) -> Iterator[Elements]:
    """Yield a sender's elements; `left` holds by number of octets that are left to read: packets, and where these are.

    The most octets first: so each packet's come in order, and packets of different beginnings may go on together.
    """
    while left:
        size = max(left)
        packet, at = _joined(left.pop(size))
        for head, rows in alike(data[at]):
            reach = _reach(head)
            if head and not head & 15 and reach <= size:
                yield Elements(sender=sender, number=head >> 4, packet=packet[rows], value=data[at[rows] + 1])
            if reach < size:
                left.setdefault(size - reach, []).append((packet[rows], at[rows] + reach))


def _joined(parts: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    """Return the packets and places of all `parts`; of a single one without copying."""
    if len(parts) == 1:
        return parts[0]
    packets, places = zip(*parts, strict=True)
    return np.concatenate(packets), np.concatenate(places)


def _reach(head: int) -> int:
    """Return how far an element reaches; padding is one octet.

    Nothing comes behind the number 15, nor behind a 0 that is no padding (RFC 8285, section 4.2).
    """
    if head >> 4 == _STOP_ID or 0 < head < 16:
        return 1 << 32
    return 2 + (head & 15) if head else 1


def levels(found: Sequence[Elements], count: int, described: Mapping[int, int]) -> NDArray[np.int16]:
    """Return of each of `count` packets its level in -dBov, -1 where it has none.

    `described` is by address of a sender the number of its level.
    """
    level = np.full(count, -1, np.int16)
    senders: dict[int, list[Elements]] = {}
    for each in found:
        senders.setdefault(each.sender, []).append(each)
    for address, theirs in senders.items():
        number = described[address] if address in described else inferred(theirs)
        for each in reversed(theirs):  # of several in a packet the first one is written last
            if each.number == number:
                level[each.packet] = each.value & _LEVEL_BITS
    return level


def inferred(found: Sequence[Elements]) -> int:
    """Return the number of the element that behaves like a level, 0 when none does."""
    table = np.zeros((16, 256), np.int64)
    for each in found:
        table[each.number] += np.bincount(each.value, minlength=256)
    variety, count = (table > 0).sum(axis=1), table.sum(axis=1)
    return max(range(16), key=lambda number: (int(variety[number]), int(count[number])))
