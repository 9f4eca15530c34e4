"""Which 10 ms were heard, and when: each block looked up in its place in what was read.

Law: three answers. Heard: there is sound in its place, and in its frame it is its own (both tones once, or one of them
for most of it: decoders smear for some frames after a loss). Not heard: there is no place for it, or silence. Unknown:
there is sound, but not its own; where it is the sound of the frame before, it may be made up (`ghost`). What is silent
itself, beside silence that was put in, or not named beyond doubt, nobody can miss: it is unknown.
A block without a step of its own, alone between two that were heard, or at the edge of concealment, is heard: a jitter
buffer takes out a pitch period, and ends concealment, by fading one sound into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from lab.analysis.ear.align import STEP, align
from lab.analysis.ear.content import SILENCE, UNKNOWN, Content, as_sound, carried, on_wire
from lab.analysis.ear.places import FINE, Places, placed, playing
from lab.analysis.ear.spectra import QUIET_DB, Floats, Spectra, of_samples, spectra
from lab.analysis.way.journey import SLOT_TICKS, At, Journey
from lab.analysis.way.naming import Naming
from lab.analysis.way.prediction import Prediction
from lab.analysis.way.windows import Blocks
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import HeardAudio, Read
from lab.pcm import SAMPLE_RATE

_STEPS_PER_SLOT = SLOT_TICKS // STEP
_NOTED_NS = 20_000_000  # a note may be late by as much
_HELD_NS = 1_000_000_000  # NetEQ's own thread may have been held up so long, and make up for it at once
_OWN_SHARE, _GHOST_SHARE = 0.3, 0.5  # chance gives 0.12


class Heard(IntEnum):
    """What the ear says of 10 ms."""

    NO = 0
    YES = 1
    UNKNOWN = 2


@dataclass(frozen=True, kw_only=True)
class Ear:
    """A row per 10 ms made, as in `Blocks`.

    `heard` is what the ear says of what could be decoded, NO for the rest. `own` marks the blocks in whose frame their
    own sound is, whether they arrived or not; `ghost` those that could be decoded and sound like the frame before.
    `steps` are the 2.5 ms steps of what was read that are in its place: four when nothing was stretched.
    `sample` is where their place begins in what was read, `heard_ns` when that was read; ABSENT where there is none.
    `place_ns` is when it was read, or would have been by its neighbours; `last_ns` when reading ended.
    `wire` is which 10 ms of the wire it is; ABSENT for what never went out.
    """

    heard: Ints
    own: Flags
    ghost: Flags
    steps: Ints
    sample: Ints
    heard_ns: Ints
    place_ns: Ints
    wire: Ints
    last_ns: int


def listen(
    audio: HeardAudio, content: Content, journey: Journey, named: tuple[Blocks, Naming], prediction: Prediction
) -> Ear | None:
    """Return what the ear says of every block; None when nothing was read, or nothing is known to have been sent."""
    made, naming = named
    if not audio.samples.size or not audio.reads or not journey.size:
        return None
    reads = _until_it_stopped(audio.reads)
    halves = carried(journey, made, naming)
    fine = spectra(of_samples(audio.samples), 0, FINE, int(audio.samples.size) // FINE)
    way = _way((fine, reads), halves, content, journey, prediction)
    loud_db = content.level_db(np.arange(made.frame.size))
    places = placed(fine, playing(way, fine.size, halves, prediction.decodable), loud_db, content)
    clear = made.sure & (loud_db >= QUIET_DB) & ~_beside_silence(halves, made.frame.size)
    return _ear(reads, made, places, halves, prediction.decodable, clear)


def _until_it_stopped(reads: Sequence[Read]) -> tuple[Read, ...]:
    """Return `reads` with the last one, which is noted when the file is closed, moved to when reading had stopped."""
    if len(reads) < 2:
        return tuple(reads)
    before, last = reads[-2:]
    played_ns = (last.samples - before.samples) * 1_000_000_000 // SAMPLE_RATE
    return (*reads[:-1], replace(last, t_ns=min(last.t_ns, before.t_ns + played_ns + _NOTED_NS)))


def _way(
    heard: tuple[Spectra, Sequence[Read]], halves: Ints, content: Content, journey: Journey, prediction: Prediction
) -> Ints:
    """Return per 5 ms read the 5 ms of the wire that was playing."""
    fine, reads = heard
    read = fine.every_second()
    wire = spectra(as_sound(halves, content), STEP // 2, STEP, journey.size * _STEPS_PER_SLOT)
    clear = prediction.decodable & (halves != UNKNOWN).all(axis=1)
    ends = (np.arange(read.size) + 1) * STEP
    return align(read, wire, np.repeat(clear, _STEPS_PER_SLOT), _newest(journey, delivered_ns(reads, ends)))


def delivered_ns(reads: Sequence[Read], samples: Ints) -> Ints:
    """Return when, at the latest, NetEQ had delivered so many samples.

    They had been read by then, and it delivers 10 ms each 10 ms: what a program that was held up reads in one go came
    one after the other, and waited in the SDK's queue, which knows no end. No statistics are asked: the program that
    did not read took none either.
    """
    counted, t_ns = (np.array(column, np.int64) for column in zip(*((r.samples, r.t_ns) for r in reads), strict=True))
    began_ns = np.minimum.accumulate((t_ns - _played_ns(counted))[::-1])[::-1]
    note = np.minimum(np.searchsorted(counted, samples), t_ns.size - 1)
    return np.asarray(np.minimum(t_ns[note], began_ns[note] + _played_ns(samples) + _HELD_NS), np.int64)


def _played_ns(samples: Ints) -> Ints:
    return np.asarray(samples * 1_000_000 // (SAMPLE_RATE // 1000), np.int64)


def _newest(journey: Journey, t_ns: Ints) -> Ints:
    """Return for each time the last step of the wire of which a packet, or of a later one, had arrived by then."""
    arrived = journey.t_ns[:, At.RECEIVED]
    arrived = np.where(arrived == ABSENT, np.iinfo(np.int64).max, arrived)
    at_last = np.minimum.accumulate(arrived[::-1])[::-1]
    return np.searchsorted(at_last, t_ns, side="right") * _STEPS_PER_SLOT - 1


def _ear(reads: Sequence[Read], made: Blocks, places: Places, halves: Ints, decodable: Flags, clear: Flags) -> Ear:
    arrived = (made.slot >= 0) & decodable[np.maximum(made.slot, 0)]
    per_frame = _per_frame(made.frame, places.steps)
    own = (_per_frame(made.frame, places.like) >= _OWN_SHARE * np.maximum(per_frame, 1)) | _best(
        made.frame, places.most
    )
    has_place, edge = places.steps > 0, _on_wire(made, _beside, ~arrived)
    sounds = has_place & (places.silent < places.steps)
    heard = np.where(sounds & own, Heard.YES, np.where(sounds, Heard.UNKNOWN, Heard.NO))
    heard[~has_place & _on_wire(made, _between, heard == Heard.YES, ~arrived)] = Heard.YES
    heard[~clear & (heard == Heard.NO)] = Heard.UNKNOWN
    heard[~arrived] = Heard.NO
    ghost = (_per_frame(made.frame, places.like_before) >= _GHOST_SHARE * np.maximum(per_frame, 1)) & ~edge
    at_ns = _read_ns(reads, places.first)
    return Ear(
        heard=heard,
        own=own & has_place,
        ghost=ghost & (heard == Heard.UNKNOWN),
        steps=places.steps,
        sample=places.first,
        heard_ns=np.where(has_place & (heard != Heard.NO), at_ns, ABSENT),
        place_ns=_interpolated(at_ns, has_place),
        wire=on_wire(halves, made.frame.size),
        last_ns=reads[-1].t_ns,
    )


def _per_frame(frame: Ints, values: Ints | Floats | Flags) -> Floats:
    """Return per block the sum of `values` over its frame."""
    return np.asarray(np.bincount(frame, weights=values, minlength=1)[frame], np.float32)


def _best(frame: Ints, most: Floats) -> Flags:
    """Mark the blocks in whose frame a step has all of its sound."""
    return _per_frame(frame, most >= 1) > 0


def _read_ns(reads: Sequence[Read], samples: Ints) -> Ints:
    """Return when so many samples had been read, evenly between two notes."""
    return np.interp(samples, [read.samples for read in reads], [read.t_ns for read in reads]).astype(np.int64)


def _beside_silence(halves: Ints, blocks: int) -> Flags:
    """Mark the blocks beside silence that was put in: on which side of it they are the wire does not say."""
    flat, found = halves.reshape(-1), np.zeros(blocks, np.bool_)
    beside = _beside(flat == SILENCE) & (flat >= 0)
    found[flat[beside]] = True
    return found


def _on_wire(made: Blocks, beside: Callable[..., Flags], *marks: Flags) -> Flags:
    """Return what `beside` says of the blocks as they stand on the wire, those that never went out left aside."""
    found, went = np.zeros(made.slot.size, np.bool_), np.flatnonzero(made.slot >= 0)
    found[went] = beside(*(mark[went] for mark in marks))
    return found


def _beside(marked: Flags) -> Flags:
    """Mark the blocks with a marked one before or behind them."""
    return np.asarray(np.r_[False, marked[:-1]] | np.r_[marked[1:], False], np.bool_)


def _between(heard: Flags, made_up: Flags) -> Flags:
    """Mark the blocks between one that was heard and another, or concealment."""
    back, on = np.r_[False, heard[:-1]], np.r_[heard[1:], False]
    back_made_up, on_made_up = np.r_[False, made_up[:-1]], np.r_[made_up[1:], False]
    return np.asarray((back & on) | (back & on_made_up) | (back_made_up & on), np.bool_)


def _interpolated(at_ns: Ints, known: Flags) -> Ints:
    rows = np.flatnonzero(known)
    if not rows.size:
        return np.full(at_ns.size, ABSENT, np.int64)
    return np.interp(np.arange(at_ns.size), rows, at_ns[rows]).astype(np.int64)
