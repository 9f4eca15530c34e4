"""A number for each stretch of octets, that tells equal ones from different ones.

Law: every bit counts, and so does the length. A stretch is taken in blocks, the last of which ends where it ends, so
that it may overlap the one before; a stretch shorter than a block is filled up with zeros. Each word of 32 bits is
multiplied by two odd numbers of 17 bits that belong to its place, the products of each are summed up, and the digest is
the first sum times a number of 64 bits, plus the second: as if each word had been multiplied by one odd number of 64
bits (multilinear hashing, https://arxiv.org/abs/1202.4961). One changed bit always changes it; any other difference
goes unseen with a chance of about 2^-32.

It is two sums because linear algebra is fast with doubles, and in those a block's are whole: 2^31 x 2^17 x 32 words at
most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lab.evidence.octets import Ints, Octets, octets

Digests = NDArray[np.uint64]

LONGEST = 65_535
"""Bytes; a UDP datagram is never longer (RFC 768)."""
_BLOCK = 128
"""Bytes that are read at once."""
_WORDS = _BLOCK // 4
_WITHIN = np.tril(np.full((_BLOCK, _BLOCK), 255, np.uint8), -1)
"""By the size of a stretch shorter than a block: the mask that leaves just so many octets."""


def _factors(count: int) -> Digests:
    """Return `count` odd numbers without a pattern: SplitMix64 (https://prng.di.unimi.it/splitmix64.c)."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31)) | np.uint64(1)


_OF_LENGTH, _OF_FIRST = _factors(2) << np.array([0, 16], np.uint64)  # so that what a word is multiplied by is odd
_ODD = (_factors(2 * _WORDS * (1 + LONGEST // _BLOCK)) & np.uint64(2**17 - 1)).astype(np.float64).reshape(-1, _WORDS, 2)
"""By block, word, and which of both sums."""
_OF_LAST, _OF_BLOCKS = _ODD[0], _ODD[1:]


def digests(data: Octets, start: Ints, end: Ints) -> Digests:
    """Return the digest of each stretch of `data` from `start` to `end`, none of which is longer than `LONGEST`.

    It is fastest for so many at once that a block of each stays in a CPU's cache.
    """
    size = end - start
    last = octets(data, np.maximum(start, end - _BLOCK), _BLOCK)
    short = np.flatnonzero(size < _BLOCK)
    last[short] &= _WITHIN.take(size[short], axis=0)
    total = size.astype(np.uint64) * _OF_LENGTH + _sums(last, _OF_LAST)
    before = (size - 1) // _BLOCK
    for block in range(int(before.max(initial=0))):
        rows = np.flatnonzero(before > block)
        total[rows] += _sums(octets(data, start[rows] + block * _BLOCK, _BLOCK), _OF_BLOCKS[block])
    return np.asarray(total)


def _sums(rows: Octets, odd: NDArray[np.float64]) -> Digests:
    """Return both sums of each row's words times these numbers, as one number modulo 2^64.

    As signed words: doubles are made of those several at once, of unsigned ones one by one.
    """
    first, second = (rows.view("<i4") @ odd).astype(np.int64).view(np.uint64).T
    return np.asarray(first * _OF_FIRST + second)
