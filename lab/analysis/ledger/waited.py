"""What a jitter buffer waited for while it made up sound, and lost nothing.

Law: for a frame that came in another's packet it waited because its own had died; for one that came late it waited for
the hop that had grown slower. What is made up right beside a loss is how its concealment begins or ends, and so that
loss's. Where everything had come in time, it is the listener's machine that did not get round to playing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.fates import FATES, first_died
from lab.analysis.way.prediction import Copy
from lab.analysis.way.waits import HOPS
from lab.analysis.wire.streams import Flags, Ints

_BEHIND, _BEFORE = 10, 3
"""Blocks: as long as NetEQ goes on adapting to a loss; and where its concealment sounds like the last frame before."""
_NONE = -1


@dataclass(frozen=True, kw_only=True)
class Waited:
    """Per block what was waited for before it: `fate` is an index in FATES, -1 where nothing was.

    `lost` is the block whose packet had died, as its place among all that were made, -1 where it only came late.
    """

    fate: Ints
    lost: Ints

    def of(self, blocks: Flags) -> Waited:
        """Return the rows of the blocks marked."""
        return Waited(fate=self.fate[blocks], lost=self.lost[blocks])


def waited(flow: Flow, fate: Ints) -> Waited:
    """Return for each of the blocks made what it was waited for, `fate` being theirs."""
    found = Waited(fate=np.full(fate.size, _NONE, np.int64), lost=np.full(fate.size, _NONE, np.int64))
    died = first_died(flow)
    for block in np.flatnonzero(flow.made_up).tolist():
        found.fate[block], found.lost[block] = _for(flow, fate, died, block)
    return found


def _for(flow: Flow, fate: Ints, died: Ints, block: int) -> tuple[int, int]:
    """Return the fate whose hop was waited for before `block`, and the block whose packet died there."""
    slot = int(flow.made.slot[block])
    if flow.prediction.through[slot] in (Copy.RED, Copy.FEC):
        return int(died[slot]), block
    if hop := flow.lateness.waits.hop(slot):
        return FATES.index(hop), _NONE
    beside = np.arange(max(0, block - _BEHIND), min(fate.size, block + _BEFORE + 1))
    lost = beside[np.isin(fate[beside], [FATES.index(one) for one in HOPS])]
    if not lost.size:
        return FATES.index("playout"), _NONE
    nearest = int(lost[np.abs(lost - block).argmin()])
    return int(fate[nearest]), nearest
