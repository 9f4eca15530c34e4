"""What a jitter buffer waited for while it made up sound, and lost nothing.

Law: it waited for the hop that had become slower, for another packet with the audio of one that had died, or because of
the loss right beside, with which concealment begins or ends: whichever was the longest, if it lasted at least half as
long as the sound that was made up. A loss that was shorter is unsure: a buffer may fill up again before it plays on, by
100 ms at most. Where no packet came a frame later than usual, it is the listener's machine that did not get round to
playing. All else is unexplained: something was slow, and not for so long; a packet was not seen on its way; or no
statistics tell whether sound was made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.ear.listen import Ear, Heard
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.fates import FATES, first_died
from lab.analysis.way.prediction import carriers
from lab.analysis.way.waits import HOPS, Floats
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.pcm import BLOCK_MS, FRAME_MS

_BEHIND, _BEFORE = 10, 3
"""Blocks: as long as NetEQ goes on adapting to a loss; and where its concealment sounds like the last frame before."""
_HALF = 0.5
_REFILLS_MS = 100
_NONE = -1
_UNEXPLAINED, _PLAYOUT = FATES.index("unexplained"), FATES.index("playout")


@dataclass(frozen=True, kw_only=True)
class Waited:
    """Per block what was waited for before it: `fate` is an index in FATES, -1 where nothing was.

    `lost` is the block whose packet had died, as its place among all that were made, -1 where it only came late;
    `unsure` marks where that was too short to explain the hole, were the listener's machine held back.
    """

    fate: Ints
    lost: Ints
    unsure: Flags

    def of(self, blocks: Flags) -> Waited:
        """Return the rows of the blocks marked."""
        return Waited(fate=self.fate[blocks], lost=self.lost[blocks], unsure=self.unsure[blocks])


@dataclass(frozen=True, kw_only=True, order=True)
class _Wait:
    """How long something was waited for, and what, as in `Waited`."""

    ms: float
    fate: int
    lost: int = _NONE
    unsure: bool = False


def waited(flow: Flow, fate: Ints, late: Flags) -> Waited:
    """Return for each of the blocks made what it was waited for, `fate` being theirs, and `late` those too late."""
    none = np.full(fate.size, _NONE, np.int64)
    found = Waited(fate=none, lost=none.copy(), unsure=np.zeros(fate.size, np.bool_))
    if flow.ear is None or not flow.made_up.count.any():
        return found
    brought_by, died = carriers(flow.journey, flow.prediction), first_died(flow)
    for block in np.flatnonzero(flow.made_up.count).tolist():
        if flow.made_up.untold[block]:
            found.fate[block] = _UNEXPLAINED
            continue
        slots = _slots(flow, flow.ear, block)
        late_ms = [flow.lateness.waits.grown_ms(packet) for packet in brought_by[slots].tolist()]
        losses = [*_copies(flow, brought_by, died, slots), *_beside(fate, late, block)]
        longest = _fitting(BLOCK_MS * int(flow.made_up.count[block]), np.array(late_ms), losses)
        found.fate[block], found.lost[block], found.unsure[block] = longest.fate, longest.lost, longest.unsure
    return found


def _fitting(hole_ms: int, late_ms: Floats, losses: Sequence[_Wait]) -> _Wait:
    """Return what the hole was waited for, [packets, HOPS] having come so late, and all that `losses` was lost."""
    slow = np.nan_to_num(late_ms, nan=0.0)
    hops = [_Wait(ms=float(ms), fate=FATES.index(hop)) for hop, ms in zip(HOPS, slow.max(axis=0), strict=True)]
    longest = max((*hops, *losses))
    if longest.ms >= _HALF * hole_ms:
        return longest
    if losses and max(losses).ms >= hole_ms - _REFILLS_MS:
        return replace(max(losses), unsure=True)
    in_time = not losses and not np.isnan(late_ms).any() and slow.clip(min=0).sum(axis=1).max() < FRAME_MS
    return _Wait(ms=0.0, fate=_PLAYOUT if in_time else _UNEXPLAINED)


def _slots(flow: Flow, ear: Ear, block: int) -> Ints:
    """Return the slots between the block that was heard before and this one, its own included, of which audio came."""
    known = (ear.heard[:block] == Heard.YES) & (ear.sample[:block] != ABSENT)
    before = int(flow.made.slot[np.flatnonzero(known).max(initial=0)])
    own = int(flow.made.slot[block])
    slots = np.arange(min(before + 1, own), own + 1)
    return slots[flow.prediction.decodable[slots]]


def _copies(flow: Flow, brought_by: Ints, died: Ints, slots: Ints) -> Iterator[_Wait]:
    """Yield how long was waited for the packets that brought what others had lost."""
    for slot in slots[brought_by[slots] != slots].tolist():
        lost = int(np.flatnonzero(flow.made.slot == slot).max(initial=_NONE))
        yield _Wait(ms=float(FRAME_MS * (brought_by[slot] - slot)), fate=int(died[slot]), lost=lost)


def _beside(fate: Ints, late: Flags, block: int) -> Iterator[_Wait]:
    """Yield how long the loss lasts that is right beside."""
    beside = np.arange(max(0, block - _BEHIND), min(fate.size, block + _BEFORE + 1))
    lost = beside[np.isin(fate[beside], [FATES.index(hop) for hop in HOPS])]
    if lost.size:
        nearest = int(lost[np.abs(lost - block).argmin()])
        ms = float(BLOCK_MS * (fate[lost] == fate[nearest]).sum())
        yield _Wait(ms=ms, fate=int(fate[nearest]), lost=_NONE if late[nearest] else nearest)
