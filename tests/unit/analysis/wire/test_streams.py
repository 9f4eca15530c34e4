"""Sequence numbers and timestamps that wrap, copies, order, and joining what the SFU renumbered (RFC 3550)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.wire import streams
from lab.analysis.wire.streams import Stream, behind, place, shift, stream, unwrap
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


@settings(deadline=None)
@given(st.sampled_from([16, 32]), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20), st.booleans())
def test_each_number_is_the_closest_to_the_one_before(bits: int, numbers: list[int], wider: bool) -> None:
    """Half of the circle away is behind; it does not matter whether the numbers' own type could hold more."""
    full, half = 1 << bits, 1 << (bits - 1)
    wrapped = [number % full for number in numbers]
    line = [wrapped[0]]
    for number in wrapped[1:]:
        line.append(line[-1] + (number - line[-1] + half) % full - half)
    assert unwrap(np.array(wrapped, np.uint64 if wider else f"u{bits // 8}"), bits).tolist() == line


@pytest.mark.parametrize("part", [1, 2, 3])
def test_it_does_not_matter_how_many_are_read_at_once(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of packets in order and of such that are not: each field is that of its packet."""
    monkeypatch.setattr(streams, "_PART", part)
    for numbers in ([1, 2, 3, 4, 5], [1, 3, 2, 3, 4]):
        packets = rtp(numbers)
        packets["length"] = packets["digest"] = packets["seq"]
        found = stream(packets)
        assert found.length.tolist() == found.digest.tolist() == found.seq.tolist()
        assert found.t_ns.size == len(set(numbers))


def test_copies_and_disorder_are_counted_and_the_first_sighting_stays() -> None:
    """Numbers 1 3 2 3 4: one copy, one out of order, each number once, the first time."""
    found = stream(rtp([1, 3, 2, 3, 4]))
    assert (found.copies, found.reordered) == (1, 1)
    assert found.seq.tolist() == [1, 2, 3, 4]
    assert found.t_ns.tolist() == [0, 40_000_000, 20_000_000, 80_000_000]


def marked(numbers: list[int], *, digests: list[int] | None = None) -> Packets:
    """Return packets of which each has a digest of its own, that of its number unless `digests` says so."""
    packets = rtp(numbers)
    packets["digest"] = digests or numbers
    return packets


def altered(packets: Packets, row: int, **fields: int) -> Packets:
    """Return `packets` of which one has other numbers and another digest."""
    changed = packets.copy()
    for name, value in {**fields, "digest": 999}.items():
        changed[name][row] = value
    return changed


def test_a_number_that_a_link_altered_moves_no_other() -> None:
    """The highest bit of one sequence number flipped: it is still that packet by its timestamp, altered."""
    sent = stream(marked(list(range(100, 110))))
    came = behind(altered(marked(list(range(100, 110))), 4, seq=104 ^ 0x8000), sent)
    assert came.seq.tolist() == sent.seq.tolist()
    assert (came.digest != sent.digest).nonzero()[0].tolist() == [4]
    assert (came.copies, came.reordered) == (0, 0)


def test_a_timestamp_that_a_link_altered_leaves_the_number() -> None:
    """One timestamp jumps by hours: the packet is its number's, and its time is that of what went in."""
    sent = stream(marked(list(range(100, 110))))
    came = behind(altered(marked(list(range(100, 110))), 4, ts=2**31 + 5), sent)
    assert (came.seq.tolist(), came.ts.tolist()) == (sent.seq.tolist(), sent.ts.tolist())


def test_an_altered_packet_takes_nobodys_place() -> None:
    """103 comes with the number of 107, before 107 itself: 107 is the unaltered one, and later."""
    packets = marked(list(range(100, 110)))
    came = behind(altered(packets, 3, seq=107), stream(packets))
    assert came.seq.tolist() == list(range(100, 110))
    assert came.t_ns[7] == packets["t_ns"][7]
    assert (came.digest != packets["digest"]).nonzero()[0].tolist() == [3]


def test_what_never_went_in_is_nobodys() -> None:
    """Number and timestamp of one are unknown: it is left out, and it is no copy."""
    packets = marked(list(range(100, 110)))
    came = behind(altered(packets, 3, seq=900, ts=2**31 + 5), stream(packets))
    assert came.seq.tolist() == [100, 101, 102, *range(104, 110)]
    assert behind(packets, stream(packets[:0])).size == 0


def test_copies_and_disorder_behind_a_link_are_those_of_unaltered_packets() -> None:
    """Two swapped, one twice; an altered third copy counts as neither."""
    sent = stream(marked(list(range(100, 106))))
    packets = rtp(
        [100, 102, 101, 103, 103, 103, 104], t_ns=[n * 20_000_000 for n in (100, 102, 102, 103, 103, 103, 104)]
    )
    packets["digest"] = [100, 102, 101, 103, 103, 999, 104]
    came = behind(packets, sent)
    assert (came.copies, came.reordered) == (1, 1)
    assert came.seq.tolist() == [100, 101, 102, 103, 104]


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
