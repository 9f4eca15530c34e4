"""Digests: equal for equal stretches wherever they lie, different for whatever differs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.evidence import digest
from lab.evidence.digest import LONGEST, digests

SIZES = (0, 1, 3, 4, 127, 128, 129, 255, 256, 257, 1_472)


def of(*stretches: bytes) -> list[int]:
    """Return the digests of `stretches`, laid one behind the other in one file."""
    ends = np.cumsum([len(each) for each in stretches])
    data = np.frombuffer(b"".join(stretches), np.uint8)
    return [int(each) for each in digests(data, ends - [len(each) for each in stretches], ends)]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_a_digest_is_the_sum_of_words_times_factors(stretches: list[bytes]) -> None:
    """As the law says it, one stretch at a time: whatever its neighbours are, and wherever in the file it lies."""
    length, rest, blocks = (
        [int(each) for each in some] for some in (digest._OF_LENGTH, digest._OF_REST, digest._OF_BLOCKS)
    )
    for stretch, found in zip(stretches, of(*stretches), strict=True):
        whole = len(stretch) // 128 * 128
        padded = stretch + bytes(-len(stretch) % 4)
        words = [int.from_bytes(padded[at : at + 4], "little") for at in range(0, len(padded), 4)]
        factors = blocks[: whole // 4] + rest
        assert found == (len(stretch) * length[0] + sum(w * f for w, f in zip(words, factors, strict=False))) % 2**64


@pytest.mark.parametrize("size", SIZES)
def test_every_bit_counts(size: int) -> None:
    """Each bit of a stretch, flipped, makes another digest; no two of them the same."""
    stretch = np.random.default_rng(size).bytes(size)
    number = int.from_bytes(stretch, "little")
    flipped = [(number ^ (1 << bit)).to_bytes(size, "little") for bit in range(8 * min(size, 300))]
    assert len(set(of(stretch, *flipped))) == 1 + len(flipped)


@pytest.mark.parametrize("part", [1, 3])
def test_it_does_not_matter_how_many_are_read_at_once(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of one block, of several and of none side by side."""
    stretches = [np.random.default_rng(size).bytes(size) for size in SIZES]
    whole = of(*stretches)
    monkeypatch.setattr(digest, "_PART", part)
    assert of(*stretches) == whole


def test_the_length_counts() -> None:
    """Zeros behind a stretch, and nothing but zeros."""
    assert len(set(of(*(bytes(size) for size in range(300))))) == 300


def test_no_two_words_may_be_exchanged() -> None:
    """Every factor is odd, and no two are alike in their lower 33 bits: what two words differ by has at most 31 zeros.

    So the factors' difference times the words' is never a multiple of 2^64. One changed bit is 2^31 at most, times odd.
    """
    factors = np.concatenate([digest._OF_LENGTH, digest._OF_REST, digest._OF_BLOCKS])
    assert np.all(factors & np.uint64(1) == 1)
    assert np.unique(factors & np.uint64(2**33 - 1)).size == factors.size
    words = [bytes([1, 0, 0, 0x80]), bytes([1, 0, 0, 0]), bytes(4)]
    assert len(set(of(*(a + bytes(128) + b for a in words for b in words)))) == 9


def test_the_longest_datagram_has_factors_for_all_its_words() -> None:
    """Its last octet counts like any other."""
    longest = bytes(LONGEST)
    assert len(set(of(longest, longest[:-1] + b"\1", longest[:-2] + b"\1\0"))) == 3


def test_nothing_has_no_digests() -> None:
    """A capture without datagrams."""
    none = np.zeros(0, np.int64)
    assert digests(np.zeros(0, np.uint8), none, none).size == 0


def test_a_digest_does_not_depend_on_alignment() -> None:
    """One stretch at every offset from a multiple of 8."""
    stretch = bytes(range(200))
    found = of(*(each for gap in range(9) for each in (bytes(gap), stretch)))[1::2]
    assert all(one == other for one, other in pairwise(found))
