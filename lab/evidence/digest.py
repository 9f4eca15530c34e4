"""A number for each stretch of octets, that tells equal ones from different ones.

Law: every bit counts, and so does the length. The number is the sum of the stretch's words of 32 bits, each times an
odd number of 64 bits that belongs to its place (multilinear hashing, https://arxiv.org/abs/1202.4961). One changed bit
always changes it, and so do two exchanged words; any other difference goes unseen with a chance of about 2^-32.
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
_PART = 2_048
"""The blocks of so many stretches, and their masks, stay in a CPU's second cache."""
_WITHIN = np.tril(np.full((_BLOCK, _BLOCK), 255, np.uint8), -1).view("<u8")
"""By number of octets that a stretch has left: the mask that leaves just these of a block."""


def _factors(count: int) -> Digests:
    """Return `count` odd numbers without a pattern: SplitMix64 (https://prng.di.unimi.it/splitmix64.c)."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31)) | np.uint64(1)


_OF_LENGTH, _OF_REST, _OF_BLOCKS = np.split(_factors(1 + _WORDS + LONGEST // 4), [1, 1 + _WORDS])


def digests(data: Octets, start: Ints, end: Ints) -> Digests:
    """Return the digest of each stretch of `data` from `start` to `end`, none of which is longer than `LONGEST`."""
    found = np.empty(start.size, np.uint64)
    for begin in range(0, start.size, _PART):
        rows = slice(begin, begin + _PART)
        found[rows] = _digests(data, start[rows], end[rows])
    return found


def _digests(data: Octets, start: Ints, end: Ints) -> Digests:
    """Return the digests of as many stretches as are read at once."""
    size = end - start
    blocks, rest = size // _BLOCK, size & (_BLOCK - 1)
    last = octets(data, end - rest, _BLOCK).view("<u8")
    last &= _WITHIN.take(rest, axis=0)
    total = size.astype(np.uint64) * _OF_LENGTH + _sums(last, _OF_REST)
    for block in range(int(blocks.max(initial=0))):
        rows = np.flatnonzero(blocks > block)
        words = octets(data, start[rows] + block * _BLOCK, _BLOCK)
        total[rows] += _sums(words, _OF_BLOCKS[block * _WORDS : (block + 1) * _WORDS])
    return total


def _sums(rows: NDArray[np.unsignedinteger], factors: Digests) -> Digests:
    """Return the sum of each row's words, each times its factor, modulo 2^64."""
    return np.asarray(np.einsum("ij,j->i", rows.view("<u4"), factors))
