"""Levels of many packets at once: the same as reading one extension after another (RFC 8285, RFC 6464)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence.levels import Elements, Extensions, elements, inferred, levels

SENDERS = (7, 9)
AUDIO, MID = b"\x10\x85", b"\x22mid"

Packet = tuple[int, int, bytes]
"""Its sender, the profile of its extension, and what that holds."""


def one_by_one(extension: bytes) -> Iterator[tuple[int, int]]:
    """Yield number and octet of each element of one octet of one packet."""
    at = 0
    while at < len(extension) and extension[at] >> 4 != 15 and not 0 < extension[at] < 16:
        reach = 2 + (extension[at] & 15) if extension[at] else 1
        if reach == 2 and at + reach <= len(extension):
            yield extension[at] >> 4, extension[at + 1]
        at += reach


def found(packets: list[Packet], *, missing: int = 0) -> list[Elements]:
    """Return the elements of `packets`, laid one behind the other in one file; each ends `missing` octets early."""
    parts = [struct.pack(">HH", profile, len(held) // 4) + held for _, profile, held in packets]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    begins = ends - np.array([len(part) for part in parts], np.int64)
    senders = np.array([sender for sender, _, _ in packets], np.uint32)
    where = Extensions(packet=np.arange(len(packets)), sender=senders, begin=begins, end=ends - missing)
    return list(elements(np.frombuffer(b"".join(parts), np.uint8), where))


def padded(extension: bytes) -> bytes:
    """Return it in whole words."""
    return extension + bytes(-len(extension) % 4)


layouts = st.binary(max_size=12) | st.lists(
    st.sampled_from([AUDIO, MID, b"\0", b"\x10\x07", b"\x31ab", b"\x03abcd", b"\xf0"]), max_size=5
).map(b"".join)
some_packets = st.lists(
    st.tuples(st.sampled_from(SENDERS), st.sampled_from([0xBEDE, 0xBEDE, 0x1000]), layouts.map(padded)), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(some_packets)
def test_elements_are_those_of_one_packet_after_another(packets: list[Packet]) -> None:
    """Layouts of every kind side by side: each packet has its own elements, in their order."""
    of_each: dict[int, list[tuple[int, int, int]]] = {row: [] for row in range(len(packets))}
    for each in found(packets):
        for row, value in zip(each.packet.tolist(), each.value.tolist(), strict=True):
            of_each[row].append((each.sender, each.number, value))
    assert of_each == {
        row: [(sender, *one) for one in one_by_one(held)] if profile == 0xBEDE else []
        for row, (sender, profile, held) in enumerate(packets)
    }


@settings(max_examples=300, deadline=None)
@given(some_packets, st.dictionaries(st.sampled_from(SENDERS), st.integers(0, 15)))
def test_a_level_is_its_senders_first_element_of_that_number(packets: list[Packet], described: dict[int, int]) -> None:
    """As described or, where it is not, as inferred from all that its sender sent."""
    all_of = found(packets)
    chosen = {s: described.get(s, inferred([each for each in all_of if each.sender == s])) for s in SENDERS}
    expected = [
        next((value & 127 for number, value in one_by_one(held) if number == chosen[sender]), -1)
        if profile == 0xBEDE
        else -1
        for sender, profile, held in packets
    ]
    assert levels(all_of, len(packets), described).tolist() == expected


def test_what_ends_behind_its_packet_or_holds_nothing_is_not_read() -> None:
    """An octet too few, and an extension without words at the very end of the file."""
    whole = (7, 0xBEDE, padded(AUDIO))
    assert not found([whole], missing=1)
    assert len(found([whole, (7, 0xBEDE, b"")])) == 1


def test_a_thousand_layouts_take_no_longer_than_their_longest() -> None:
    """Packets of different beginnings go on together: one read for each number of octets left and each first octet."""
    draw = np.random.default_rng(1)
    packets = [(7, 0xBEDE, padded(bytes(int(zeros)) + AUDIO * 20)) for zeros in draw.integers(0, 20, 1_000)]
    assert len(found(packets)) <= 60
