"""Sequence numbers and timestamps that wrap, copies, order, and joining what the SFU renumbered (RFC 3550)."""

from __future__ import annotations

import numpy as np
import pytest

from lab.analysis.streams import Stream, place, shift, stream, unwrap
from lab.evidence.values import KIND_RTP, PACKET, Packets


def rtp(numbers: list[int], *, t_ns: list[int] | None = None) -> Packets:
    """Return RTP packets with these (not yet wrapped) sequence numbers, 20 ms apart in number and time."""
    rows = np.zeros(len(numbers), PACKET)
    rows["kind"] = KIND_RTP
    rows["seq"] = np.array(numbers, np.int64) % 2**16
    rows["ts"] = np.array(numbers, np.int64) * 960 % 2**32
    rows["t_ns"] = t_ns if t_ns is not None else [n * 20_000_000 for n in range(len(numbers))]
    return rows


def test_unwrapping_starts_near_a_known_number() -> None:
    """A stream that begins on the far side of the wrap is put on the line of the stream it belongs to."""
    assert unwrap(np.array([2], np.uint16), 16, near=65_530).tolist() == [65_538]
    assert unwrap(np.array([65_530], np.uint16), 16, near=65_538).tolist() == [65_530]


def test_copies_and_disorder_are_counted_and_the_first_sighting_stays() -> None:
    """Numbers 1 3 2 3 4: one copy, one out of order, each number once, the first time."""
    found = stream(rtp([1, 3, 2, 3, 4]))
    assert (found.copies, found.reordered) == (1, 1)
    assert found.seq.tolist() == [1, 2, 3, 4]
    assert found.t_ns.tolist() == [0, 40_000_000, 20_000_000, 80_000_000]


def test_a_place_is_found_or_minus_one() -> None:
    """Each wanted number gives its row, an absent one -1, and an empty stream nothing but -1."""
    found = stream(rtp([10, 11, 13]))
    assert place(np.array([11, 12, 13]), found).tolist() == [1, -1, 2]
    assert place(np.array([11]), stream(rtp([]))).tolist() == [-1]


@pytest.mark.parametrize("offset", [0, 1, 500])
def test_the_sfus_offset_is_found(offset: int) -> None:
    """0, where it starts, is tried first; else it is the commonest distance to what had just come in."""
    numbers = [n for n in range(1000, 1400) if n % 7]
    entered = stream(rtp(numbers))
    left = rtp([n + offset for n in numbers], t_ns=[n * 20_000_000 + 400_000 for n in range(len(numbers))])
    assert shift(entered, stream(left, near=entered)) == offset


def test_no_offset_fits_nothing() -> None:
    """Without packets on either side there is no offset, rather than a guessed 0."""
    some: Stream = stream(rtp([1, 2]))
    assert shift(stream(rtp([])), some) is None
    assert shift(some, stream(rtp([]))) is None
