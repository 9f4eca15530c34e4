"""Time that stands between blocks and is nobody's audio.

Law: a row per block of the window; what is inserted stands before its block, and each 10 ms of it is one owner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lab.analysis.ledger.owners import OWNERS
from lab.analysis.values import Owner
from lab.analysis.wire.streams import Ints
from lab.pcm import BLOCK_MS


@dataclass(frozen=True, kw_only=True)
class Inserted:
    """How many 10 ms of whom stand before each block: `by` is [OWNERS, blocks of the window]."""

    by: Ints

    @classmethod
    def of_one(cls, count: Ints, owner: Ints) -> Inserted:
        """Return that `count` stands before each block, all of it of one `owner` (index in OWNERS, -1 nobody's)."""
        return cls(by=np.where(owner == np.arange(len(OWNERS))[:, None], count, 0))

    @property
    def count(self) -> Ints:
        """How many 10 ms stand before each block."""
        return np.asarray(self.by.sum(axis=0), np.int64)

    @property
    def most(self) -> Ints:
        """Whose most of it is (index in OWNERS)."""
        return np.asarray(self.by.argmax(axis=0), np.int64)

    def of(self, owner: int) -> Ints:
        """Return how much of it is that owner's."""
        return np.asarray(self.by[owner], np.int64)

    def without(self, owners: frozenset[Owner]) -> Ints:
        """Return `count` as if `owners` had done nothing."""
        left = [owner not in owners for owner in OWNERS]
        return np.asarray(self.by[left].sum(axis=0), np.int64)

    def moved(self, wrong: Owner, right: Owner, count: Ints | None = None) -> Inserted:
        """Return it with `count` of what is the `wrong` owner's at each block, by default all, as the `right` one's."""
        there, here = OWNERS.index(wrong), OWNERS.index(right)
        by, much = self.by.copy(), self.by[there] if count is None else np.minimum(count, self.by[there])
        by[there] -= much
        by[here] += much
        return Inserted(by=by)

    def ms(self) -> Mapping[Owner, float]:
        """Return how many ms are whose."""
        sums = {owner: float(self.of(i).sum()) for i, owner in enumerate(OWNERS)}
        return {owner: count * BLOCK_MS for owner, count in sums.items() if count > 0}
