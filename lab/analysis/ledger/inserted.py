"""Time that stands between blocks and is nobody's audio.

Law: a row per block of the window; what is inserted stands before its block, and is one owner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lab.analysis.ledger.owners import NOBODY, OWNERS
from lab.analysis.values import Owner
from lab.analysis.wire.streams import Ints
from lab.pcm import BLOCK_MS


@dataclass(frozen=True, kw_only=True)
class Inserted:
    """Per block of the window how many 10 ms stand before it, and whose they are (index in OWNERS, -1 nobody's)."""

    count: Ints
    owner: Ints

    def of(self, owner: int) -> Ints:
        """Return `count` where it is that owner's, else 0."""
        return np.where(self.owner == owner, self.count, 0)

    def without(self, owners: frozenset[Owner]) -> Ints:
        """Return `count` as if `owners` had done nothing."""
        gone = [OWNERS.index(owner) for owner in owners] + [NOBODY]
        return np.where(np.isin(self.owner, gone), 0, self.count)

    def ms(self) -> Mapping[Owner, float]:
        """Return how many ms are whose."""
        sums = {owner: float(self.of(i).sum()) for i, owner in enumerate(OWNERS)}
        return {owner: count * BLOCK_MS for owner, count in sums.items() if count > 0}
