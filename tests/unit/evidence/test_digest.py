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
@given(st.lists(st.binary(max_size=300) | st.binary(min_size=500, max_size=700), min_size=1, max_size=6))
def test_a_digest_is_two_sums_of_words_times_numbers(stretches: list[bytes]) -> None:
    """As the law says it, one stretch at a time: whatever its neighbours are, and wherever in the file it lies."""
    for stretch, found in zip(stretches, of(*stretches), strict=True):
        whole = [stretch[at : at + 128] for at in range(0, len(stretch) - 128, 128)]
        sums = [by_hand(stretch[-128:].ljust(128, b"\0"), digest._OF_LAST)]
        sums += [by_hand(*each) for each in zip(whole, digest._OF_BLOCKS, strict=False)]
        first, second = (sum(some) for some in zip(*sums, strict=True))
        assert found == (len(stretch) * int(digest._OF_LENGTH) + first * int(digest._OF_FIRST) + second) % 2**64


def by_hand(block: bytes, odd: np.ndarray) -> list[int]:
    """Return both sums of a block, in whole numbers of any size."""
    words = [int.from_bytes(block[at : at + 4], "little", signed=True) for at in range(0, 128, 4)]
    return [sum(word * int(number) for word, number in zip(words, row, strict=True)) for row in odd.T]


@pytest.mark.parametrize("size", SIZES)
def test_every_bit_counts(size: int) -> None:
    """Each bit of a stretch, flipped, makes another digest; no two of them the same."""
    stretch = np.random.default_rng(size).bytes(size)
    number = int.from_bytes(stretch, "little")
    flipped = [(number ^ (1 << bit)).to_bytes(size, "little") for bit in range(8 * min(size, 300))]
    assert len(set(of(stretch, *flipped))) == 1 + len(flipped)


def test_the_length_counts() -> None:
    """Zeros behind a stretch, and nothing but zeros."""
    assert len(set(of(*(bytes(size) for size in range(300))))) == 300


def test_every_sum_is_exact() -> None:
    """Doubles hold all whole numbers to 2^53; the least and the greatest words are the worst that can be."""
    assert digest._ODD.max() * 2**31 * 32 < 2**53
    for block in (b"\0\0\0\x80" * 32, b"\xff\xff\xff\x7f" * 32):
        first, second = by_hand(block, digest._OF_LAST)
        assert of(block) == [(128 * int(digest._OF_LENGTH) + first * int(digest._OF_FIRST) + second) % 2**64]


def test_one_changed_bit_is_always_seen() -> None:
    """What a word is multiplied by is odd, so 2^i times it, i up to 31, is no multiple of 2^64.

    Where blocks overlap, a bit is in two words. At different places in them its two changes have different powers of
    two, and do not cancel; at the same place they have the same sign, and cancel only if 2^33 divides their sum.
    """
    factors = factor_of_each_word()
    assert np.all(factors & np.uint64(1) == 1)
    of_last, of_blocks = factors[:32], factors[32:]
    assert not ((of_last[:, None] + of_blocks) & np.uint64(2**33 - 1) == 0).any()


def test_no_two_words_may_be_exchanged() -> None:
    """No two words are multiplied by what is alike in its lower 33 bits, and they differ by less than 2^32."""
    factors = factor_of_each_word()
    assert np.unique(factors & np.uint64(2**33 - 1)).size == factors.size
    words = [bytes([1, 0, 0, 0x80]), bytes([1, 0, 0, 0]), bytes(4)]
    assert len(set(of(*(a + bytes(gap) + b for a in words for b in words for gap in (0, 124, 128))))) == 27


def factor_of_each_word() -> np.ndarray:
    """Return by block and word what both sums together multiply it by, modulo 2^64."""
    first, second = digest._ODD.reshape(-1, 2).astype(np.uint64).T
    return np.asarray(first * digest._OF_FIRST + second)


def test_the_longest_datagram_has_numbers_for_all_its_blocks() -> None:
    """Octets of its last blocks count like any other."""
    longest = bytes(LONGEST)
    changed = [longest[:at] + b"\1" + longest[at + 1 :] for at in (LONGEST - 1, LONGEST - 2, 65_406, 65_280, 65_279)]
    assert len(set(of(longest, *changed))) == 6


def test_nothing_has_no_digests() -> None:
    """A capture without datagrams."""
    none = np.zeros(0, np.int64)
    assert digests(np.zeros(0, np.uint8), none, none).size == 0


def test_a_digest_does_not_depend_on_alignment() -> None:
    """One stretch at every offset from a multiple of 8."""
    stretch = bytes(range(200))
    found = of(*(each for gap in range(9) for each in (bytes(gap), stretch)))[1::2]
    assert all(one == other for one, other in pairwise(found))
