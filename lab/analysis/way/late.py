"""Audio that arrived, but too late to be played, and who was slow.

Law: two witnesses. NetEQ says that it made up sound (`concealed_samples`) beyond what lost packets explain; the taps
say which packets came late just then. Late is the time a packet spent in a hop, less that hop's median in the clean
control, less what the kernel held as delay, jitter and queue beyond the delay that the control had already; it is
charged to the hop with the largest excess. Where only the configured network was slow, it is the network's.
Concealment without a late packet is nobody's: it is shown, what each loss explains taken from it once. Where there is
an ear, it says what was not heard, and how long the buffer made up sound instead; then nothing is late for two
witnesses only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lab.analysis.network.configured import Configured
from lab.analysis.way.journey import At, Journey
from lab.analysis.way.waits import HOPS, Floats, Waits
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import InboundSample
from lab.pcm import FRAME_MS, FRAME_SAMPLES

_MS = 1_000_000
_LATE_MS = 40.0  # two frames; a quiet lab's own noise is under ten
_CLEAR_EXCESS_MS = 20.0
_BUFFER_NS = 500 * _MS  # a packet is due at most this long before its samples are played
_DRIFT_SLOTS = 500


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """Which slots came too late, and what NetEQ made up.

    `hop` is per slot the index in HOPS of the hop that made it late, -1 when it was not. `unexplained_frames` is what
    neither drops nor lateness explain; None without the subscriber's statistics.
    `waits` tells how long any packet was waited for.
    """

    hop: Ints
    waits: Waits
    unexplained_frames: float | None


def lateness(
    journey: Journey,
    lost: Flags,
    inbound: Sequence[InboundSample],
    control: Flags,
    links: tuple[Configured, Configured],
    *,
    by_ear: bool,
) -> Lateness:
    """Find the late slots among those that `lost` does not mark, given which slots were sent in the clean control.

    With an ear (`by_ear`) none is marked: it says itself what was not heard, and what it found made up between frames
    is no part of the concealment of `inbound`.
    """
    none = np.full(journey.size, -1, np.int64)
    spent = _spent(journey)
    excess = spent - _usual(spent, control)
    waits = Waits(excess_ms=excess)
    if len(inbound) < 2:
        return Lateness(hop=none, waits=waits, unexplained_frames=None)
    allowed = np.array([0.0, links[0].delay_ms - links[0].usual_ms, 0.0, links[1].delay_ms - links[1].usual_ms])
    late_ms = np.nan_to_num((excess - allowed).sum(axis=1), nan=0.0)
    candidate = (late_ms > _LATE_MS) & ~lost & (not by_ear)
    due_ns = _due(journey, control) + int(allowed.sum() * _MS)
    hop, rest = none.copy(), []
    for from_ns, to_ns, frames in _episodes(inbound):
        near = (due_ns > from_ns - _BUFFER_NS) & (due_ns <= to_ns)
        more = frames - float((near & lost).sum())
        chosen = np.flatnonzero(near & candidate)
        chosen = chosen[np.argsort(-late_ms[chosen], kind="stable")[: round(max(0.0, more))]]
        hop[chosen] = _blame(excess[chosen], links)
        rest.append(more - chosen.size)
    return Lateness(hop=hop, waits=waits, unexplained_frames=_unexplained(np.array(rest)))


def _spent(journey: Journey) -> Floats:
    """Return [slots, HOPS]: milliseconds in each hop, NaN where it cannot be told.

    Sending is measured against the sender's own 20 ms clock.
    """
    t_ns = journey.t_ns
    seen = np.where(t_ns == ABSENT, np.nan, t_ns.astype(np.float64)) / _MS
    ends = ((At.SENT, At.UPLINKED), (At.SERVER_IN, At.SERVER_OUT), (At.ROUTED, At.RECEIVED))
    steady = seen[:, At.SENT] - np.arange(journey.size) * float(FRAME_MS)
    return np.stack([_undrifted(steady, journey.epoch), *(seen[:, b] - seen[:, a] for a, b in ends)], axis=1)


def _undrifted(steady: Floats, epoch: Ints) -> Floats:
    """Take the slow drift between two clocks out: the median of each ten seconds of an epoch."""
    result = steady.copy()
    for one in np.unique(epoch):
        rows = np.flatnonzero(epoch == one)
        for part in (rows[start : start + _DRIFT_SLOTS] for start in range(0, rows.size, _DRIFT_SLOTS)):
            known = steady[part][~np.isnan(steady[part])]
            result[part] -= np.median(known) if known.size else 0.0
    return result


def _usual(spent: Floats, control: Flags) -> Floats:
    """Return each hop's median in the control; in the whole run where there was no control."""
    measured = spent[control] if control.any() else spent
    columns = [column[~np.isnan(column)] for column in measured.T]
    return np.array([float(np.median(column)) if column.size else 0.0 for column in columns])


def _due(journey: Journey, control: Flags) -> Ints:
    """Return when each slot's packet would have arrived at the control's pace."""
    both = (journey.t_ns[:, At.SENT] != ABSENT) & (journey.t_ns[:, At.RECEIVED] != ABSENT)
    measured = both & control if (both & control).any() else both
    way = journey.t_ns[measured, At.RECEIVED] - journey.t_ns[measured, At.SENT]
    return np.asarray(journey.when() + (int(np.median(way)) if way.size else 0), dtype=np.int64)


def _episodes(inbound: Sequence[InboundSample]) -> list[tuple[int, int, float]]:
    """Return from when to when NetEQ concealed how many frames, spells that a packet may be due for taken together."""
    found: list[tuple[int, int, float]] = []
    for earlier, later in pairwise(inbound):
        frames = (later.concealed_samples - earlier.concealed_samples) / FRAME_SAMPLES
        if frames == 0 or later.ssrc != earlier.ssrc:
            continue
        if found and earlier.t_ns - found[-1][1] <= _BUFFER_NS:
            found[-1] = (found[-1][0], later.t_ns, found[-1][2] + frames)
        else:
            found.append((earlier.t_ns, later.t_ns, frames))
    return found


def _unexplained(rest: Floats) -> float:
    """Return how many frames are left of `rest`, what each episode has more (or less) than is known of it.

    Concealment ends by fading into what comes, some ms sooner or later, so that less than 10 ms evens out in the run;
    from 10 ms on each episode stands for itself, and hides nothing of another.
    """
    small = np.abs(rest) < FRAMES_PER_BLOCK
    return float(rest[~small].clip(min=0).sum() + max(0.0, rest[small].sum()))


def _blame(excess: Floats, links: tuple[Configured, Configured]) -> Ints:
    """Return per row the hop with the largest excess beyond what is configured; else the slower network hop."""
    if excess.size == 0:
        return np.zeros(0, np.int64)
    held = np.array([0.0, links[0].longest_ms - links[0].usual_ms, 0.0, links[1].longest_ms - links[1].usual_ms])
    beyond = np.nan_to_num(excess - held, nan=-np.inf)
    network = np.where(np.isin(np.arange(len(HOPS)), (1, 3)), np.nan_to_num(excess, nan=-np.inf), -np.inf)
    clear = beyond.max(axis=1) > _CLEAR_EXCESS_MS
    return np.asarray(np.where(clear, beyond.argmax(axis=1), network.argmax(axis=1)), dtype=np.int64)
