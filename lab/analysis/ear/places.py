"""Where in what was read each block is, and what is heard there.

Law: a step of 2.5 ms belongs to the block that was playing then. Its sound speaks for that block, but where another
packet may have brought it: Opus looks ahead 6.5 ms, so the end of a slot is in the packet behind it, and is heard
although its own never came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.analysis.ear.align import STEP
from lab.analysis.ear.content import LOOKAHEAD, UNKNOWN, Content
from lab.analysis.ear.spectra import QUIET_DB, Floats, Spectra
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.pcm import BLOCK_SAMPLES

FINE = STEP // 2
"""Samples: 2.5 ms."""
_JUMP = 3  # steps; more at once is a hole and no stretch
_SILENT_DB = 18.0  # so much quieter than it should be


@dataclass(frozen=True, kw_only=True)
class Played:
    """Per 2.5 ms read the block that was playing, SILENCE or UNKNOWN, and whether the packet behind may have lent it.

    A jump is UNKNOWN.
    """

    block: Ints
    lent: Flags


@dataclass(frozen=True, kw_only=True)
class Places:
    """What the steps of what was read say of each block.

    How many there are, how many of them are silent, which is the first; how many are like its frame, in all and at
    best, and how many like the frame before.
    """

    steps: Ints
    silent: Ints
    first: Ints
    like: Floats
    most: Floats
    like_before: Floats


def playing(way: Ints, rows: int, halves: Ints, decodable: Flags) -> Played:
    """Return what was playing in each of `rows`; `halves` [slots, 2] is what the slots hold that are `decodable`."""
    position = np.full(rows, -1.0)
    centre = way * STEP + STEP / 2 - LOOKAHEAD
    position[1::2] = centre
    between = (centre[:-1] + centre[1:]) / 2
    between[np.diff(way) > _JUMP] = -1.0
    position[2::2][: between.size] = between
    half = np.floor(position / BLOCK_SAMPLES).astype(np.int64)
    flat = halves.reshape(-1)
    known = (half >= 0) & (half < flat.size)
    half = np.clip(half, 0, flat.size - 1)
    return Played(block=np.where(known, flat[half], UNKNOWN), lent=(half % 2 == 1) & ~decodable[half // 2])


def placed(fine: Spectra, played: Played, loud_db: Floats, content: Content) -> Places:
    """Return what each block is like in its place; `loud_db` is how loud each should be."""
    blocks = loud_db.size
    at = np.flatnonzero(played.block >= 0)
    block = played.block[at]
    sound = Spectra(shape=fine.shape[at], level_db=fine.level_db[at])
    quiet = sound.level_db < np.minimum(QUIET_DB, loud_db[block] - _SILENT_DB)
    first = np.full(blocks, ABSENT, np.int64)
    first[block[::-1]] = at[::-1] * FINE
    like, before = (np.where(quiet, 0, content.likeness(sound, one)) for one in (block, content.before(block)))
    like = np.where(played.lent[at], 0, like)
    most = np.zeros(blocks, np.float32)
    np.maximum.at(most, block, like.astype(np.float32))

    def per_block(weights: Floats) -> Floats:
        return np.bincount(block, weights=weights, minlength=blocks).astype(np.float32)

    return Places(
        steps=np.bincount(block, minlength=blocks),
        silent=np.bincount(block, weights=quiet, minlength=blocks).astype(np.int64),
        first=first,
        like=per_block(like),
        most=most,
        like_before=per_block(before),
    )
