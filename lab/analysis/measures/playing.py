"""What NetEQ says it did to the sound, 100 ms by 100 ms, and whose disturbance that followed.

Law: a statistic counts samples and names no culprit. A stretch of playing is laid at the owners of what was lost, put
in or slow within the two seconds before it, for as long a buffer goes on adapting; where nothing was, it is nobody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lab.analysis.ear.delivered import counted
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.measures.slowness import SLOW_MS
from lab.analysis.values import Owner
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import InboundSample

Floats = NDArray[np.float64]

_ADAPTS_NS = 2_000_000_000
_SAMPLES = 4800
"""Of 100 ms, at the 48 kHz that all is played at."""
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "concealed": ("concealed_samples",),
    "stretched": ("inserted_samples_for_deceleration", "removed_samples_for_acceleration"),
}


def shares(inbound: Sequence[InboundSample], name: str) -> Floats:
    """Return the share of the samples played that were `concealed` or `stretched`, per sample of the statistics."""
    changed = np.sum([np.diff(counted(inbound, count)) for count in _COUNTS[name]], axis=0)
    played = _played(inbound)
    return np.asarray(changed[played > 0] / played[played > 0], dtype=np.float64)


def overall(inbound: Sequence[InboundSample], each: Floats) -> float:
    """Return the share of all samples played that `shares` of `inbound` make together: some are of more samples."""
    played = _played(inbound)
    return float(np.average(each, weights=played[played > 0]))


def even(inbound: Sequence[InboundSample], each: Floats) -> Floats:
    """Return `shares` of `inbound` as one for each 100 ms of playing: statistics that came late are of several."""
    played = _played(inbound)
    return np.repeat(each, np.maximum(1, np.round(played[played > 0] / _SAMPLES)).astype(np.int64))


def innocent(flow: Flow, loss: Damage, slow: Mapping[Owner, Floats], without: frozenset[Owner]) -> Flags:
    """Mark those `shares` that would be there all the same, had `without` done nothing."""
    t_ns = np.array([sample.t_ns for sample in flow.inbound])
    spans = np.stack([t_ns[:-1] - _ADAPTS_NS, t_ns[1:]], axis=1)[_played(flow.inbound) > 0]
    by_owner = {owner: _within(spans, when) for owner, when in _disturbed(flow, loss, slow).items()}
    nothing = np.zeros(len(spans), np.bool_)
    theirs = np.logical_or.reduce([nothing, *(hit for owner, hit in by_owner.items() if owner in without)])
    others = np.logical_or.reduce([nothing, *(hit for owner, hit in by_owner.items() if owner not in without)])
    return np.asarray(~theirs | others, dtype=np.bool_)


def _played(inbound: Sequence[InboundSample]) -> Ints:
    return np.diff(counted(inbound, "total_samples_received"))


def _disturbed(flow: Flow, loss: Damage, slow: Mapping[Owner, Floats]) -> Mapping[Owner, Ints]:
    """Return per owner [n, 2]: from when to when what it lost, kept waiting or held up was spoken and then heard."""
    inside = flow.made.inside(flow.window)
    took, spoken_ns = flow.delays.total_ms[inside], flow.made.due_ns[inside]
    usual = float(np.nanmedian(took)) if not np.isnan(took).all() else 0.0
    heard_ns = spoken_ns + (np.where(np.isnan(took), usual, took) * 1e6).astype(np.int64)
    found = {}
    for i, owner in enumerate(OWNERS):
        hurt = (loss.lost_to == i) | (loss.silence.of(i) > 0) | (loss.made_up.of(i) > 0)
        hurt |= np.nan_to_num(slow[owner]) > SLOW_MS if owner in slow else False
        if hurt.any():
            found[owner] = np.stack([spoken_ns[hurt], heard_ns[hurt]], axis=1)
    return found


def _within(spans: Ints, events: Ints) -> Flags:
    """Mark the spans that any of `events` overlaps."""
    begun = np.searchsorted(np.sort(events[:, 0]), spans[:, 1], side="right")
    over = np.searchsorted(np.sort(events[:, 1]), spans[:, 0], side="left")
    return np.asarray(begun > over, dtype=np.bool_)
