"""Why audio that arrived in time was not heard: who else saw it go.

Law: the ear alone accuses nobody. Where NetEQ says that it was making up sound just then, more than the blocks that
never came explain, the audio was missed in playout: lost where its own packet died when only a repair came, late when
its packet was slow, the client host's when it was neither. Where fewer samples were read than NetEQ delivered, the
program lost it: as much as that, and where there is least of it. What had not come to its turn when the program, still
playing, left the room was under way, and nobody can say whether it would have been heard. Where nothing of that was
seen, it is unexplained. Sound in its place that is not its own, while nothing was made up, is what the decoder made of
it (distortion), and heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from lab.analysis.ear.delivered import never_read
from lab.analysis.ear.listen import Ear, Heard
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import InboundSample, Read
from lab.pcm import BLOCK_SAMPLES

_NEAR_NS = 100_000_000
_READ_NEAR_NS = 500_000_000  # a program's queue, and two notes
_LEAST_DROPPED = 2 * BLOCK_SAMPLES
"""Counts of what was delivered and read are taken at different times: less may be their noise."""
WHOLE = 4
"""Steps of 2.5 ms that 10 ms have when all of it was read."""


class Why(IntEnum):
    """Where a block went that arrived and was not heard."""

    HEARD = 0
    PLAYOUT = 1
    READ = 2
    UNDER_WAY = 3
    UNEXPLAINED = 4


@dataclass(frozen=True, kw_only=True)
class Witnesses:
    """What NetEQ counted (`inbound`), what the program had read when (`reads`), and when it left the room."""

    inbound: Sequence[InboundSample]
    reads: Sequence[Read]
    left_ns: int


def missing(ear: Ear, arrived: Flags, seen: Witnesses) -> Ints:
    """Return per block why (`Why`) it was not heard, of those that `arrived` in time; HEARD for all others."""
    gone = arrived & (ear.heard == Heard.NO)
    behind = gone & _behind_the_end(ear)
    went_on = _went_on(ear, seen)
    cut_off, under_way = behind & went_on, behind & (not went_on and _left_playing(ear, seen))
    inside = arrived & ~cut_off & ~under_way
    suspect = inside & (ear.ghost | gone)
    made_up = suspect & _made_up(ear.place_ns, ~arrived, suspect, seen.inbound)
    unread = cut_off | _unread(ear, inside & ~made_up, seen)
    found = {Why.PLAYOUT: made_up, Why.READ: unread, Why.UNDER_WAY: under_way, Why.UNEXPLAINED: gone}
    return np.select(list(found.values()), [int(why) for why in found], default=int(Why.HEARD))


def _made_up(place_ns: Ints, absent: Flags, suspect: Flags, inbound: Sequence[InboundSample]) -> Flags:
    """Mark the places around which NetEQ concealed enough for the blocks that are `absent` and those `suspect`."""
    if len(inbound) < 2:
        return np.zeros(place_ns.size, np.bool_)
    t_ns = np.array([sample.t_ns for sample in inbound])
    total = np.array([sample.concealed_samples for sample in inbound])
    before = np.clip(np.searchsorted(t_ns, place_ns - _NEAR_NS, side="right") - 1, 0, t_ns.size - 1)
    after = np.clip(np.searchsorted(t_ns, place_ns + _NEAR_NS), 0, t_ns.size - 1)
    wanted = np.sort(place_ns[absent | suspect])
    blocks = np.searchsorted(wanted, t_ns[after], side="right") - np.searchsorted(wanted, t_ns[before])
    return np.asarray(total[after] - total[before] >= blocks * BLOCK_SAMPLES, np.bool_)


def _unread(ear: Ear, candidate: Flags, seen: Witnesses) -> Flags:
    """Mark as many blocks as were delivered and never read by then: without a place first, then with the least."""
    t_ns, dropped = dropped_samples(seen)
    if not dropped.size or dropped[-1] < _LEAST_DROPPED:
        return np.zeros(candidate.size, np.bool_)
    until = np.append(np.arange(t_ns[0] + _READ_NEAR_NS, t_ns[-1], _READ_NEAR_NS), t_ns[-1])
    told = np.round(np.interp(until, t_ns, dropped) / BLOCK_SAMPLES).astype(np.int64)
    holes = candidate & (ear.heard == Heard.NO)
    found = _least(ear, holes, until, told + 1)
    placed = np.searchsorted(np.sort(ear.place_ns[found]), until, side="right")
    left = np.minimum.accumulate((told - placed)[::-1])[::-1]
    return found | _least(ear, candidate & ~holes & (ear.steps < WHOLE), until, left)


def _least(ear: Ear, candidate: Flags, until: Ints, count: Ints) -> Flags:
    """Mark at most `count` blocks up to each time, those first that have the least place in the half second there."""
    found, taken = np.zeros(candidate.size, np.bool_), 0
    for end, most in zip(until, count, strict=True):
        near = candidate & ~found & (ear.place_ns > end - 2 * _READ_NEAR_NS) & (ear.place_ns <= end)
        rows = np.flatnonzero(near)
        chosen = rows[np.argsort(ear.steps[rows], kind="stable")[: max(0, int(most) - taken)]]
        found[chosen] = True
        taken += chosen.size
    return found


def dropped_samples(seen: Witnesses) -> tuple[Ints, Ints]:
    """Return times, and how many samples NetEQ had delivered by then that the program never read.

    What is only waiting to be read is read later: of the difference, what remains to the end was dropped.
    """
    t_ns, never = never_read(seen.inbound, seen.reads)
    return t_ns, never - never[:1]


def _behind_the_end(ear: Ear) -> Flags:
    """Mark the blocks behind the last that has a place."""
    return np.asarray(np.arange(ear.sample.size) > _last(ear), np.bool_)


def _last(ear: Ear) -> int:
    return int(np.flatnonzero(ear.sample >= 0).max(initial=-1))


def _went_on(ear: Ear, seen: Witnesses) -> bool:
    """Say whether NetEQ went on when the program had stopped reading."""
    later = [sample for sample in seen.inbound if sample.t_ns > ear.last_ns]
    return len(later) > 1 and later[-1].total_samples_received > later[0].total_samples_received


def _left_playing(ear: Ear, seen: Witnesses) -> bool:
    """Say whether the program left, and NetEQ with it, while the last block with a place was read."""
    last = _last(ear)
    playing = last >= 0 and ear.last_ns - int(ear.place_ns[last]) <= _NEAR_NS
    return playing and abs(seen.left_ns - ear.last_ns) <= 2 * _NEAR_NS
