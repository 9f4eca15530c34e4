"""The way through what was read: monotone, along what is alike, and no further than what had arrived."""

from __future__ import annotations

import numpy as np

from lab.analysis.ear.align import align
from lab.analysis.ear.spectra import Floats, Spectra
from lab.analysis.wire.streams import Flags, Ints

SLOTS, STEPS, BINS = 100, 4, 40
LOUD_DB = 110.0
SOUNDS = np.eye(BINS, dtype=np.float32)[np.arange(SLOTS) % BINS].repeat(STEPS, axis=0)
"""Each slot sounds like none of its neighbours, 5 ms by 5 ms."""


def sound(steps: Ints, level_db: Floats | float = LOUD_DB) -> Spectra:
    """Return what these steps of the wire sound like."""
    return Spectra(shape=SOUNDS[steps], level_db=np.broadcast_to(np.float32(level_db), steps.shape).copy())


def played(first: int, end: int) -> Ints:
    """Return the steps of the slots from `first` to before `end`."""
    return np.arange(first * STEPS, end * STEPS)


def arrived(*lost: range) -> Flags:
    """Mark the steps of all slots but those that were lost."""
    gone = [slot for one in lost for slot in one]
    return ~np.isin(np.arange(SLOTS), gone).repeat(STEPS)


def fading(slot: int, steps: int) -> Spectra:
    """Return concealment: the same sound over and over, half a decibel quieter each time."""
    return sound(np.full(steps, slot * STEPS), LOUD_DB - 0.5 * np.arange(steps, dtype=np.float32))


def together(*parts: Spectra) -> Spectra:
    """Return one behind the other."""
    shape = np.concatenate([part.shape for part in parts])
    return Spectra(shape=shape, level_db=np.concatenate([part.level_db for part in parts]))


def test_what_came_between_two_long_gaps_is_found_in_its_place() -> None:
    """Six frames between gaps of 420 ms, each waited for: heard there, and not walked through the gap before."""
    wire, there = sound(played(0, SLOTS)), arrived(range(10, 31), range(37, 58))
    read = together(
        sound(played(0, 10)), fading(9, 76), sound(played(31, 37)), fading(36, 76), sound(played(58, SLOTS))
    )
    newest = np.concatenate(
        [np.full(40 + 76, 39), np.full(24 + 76, 37 * STEPS - 1), np.full(42 * STEPS, SLOTS * STEPS - 1)]
    )
    way = align(read, wire, there, newest)
    assert (np.diff(way) >= 0).all()
    assert way[40 + 76 :][:24].tolist() == played(31, 37).tolist()
    assert way[-42 * STEPS :].tolist() == played(58, SLOTS).tolist()


def test_a_gap_that_nobody_waited_for_is_walked_through() -> None:
    """Three lost slots, concealed in their time: what comes behind is where it should be."""
    wire, there = sound(played(0, SLOTS)), arrived(range(20, 23))
    read = together(sound(played(0, 20)), fading(19, 12), sound(played(23, SLOTS)))
    way = align(read, wire, there, np.minimum(np.arange(read.size) + 12, SLOTS * STEPS - 1))
    assert way[: 20 * STEPS].tolist() == played(0, 20).tolist()
    assert way[23 * STEPS :].tolist() == played(23, SLOTS).tolist()


def test_what_is_far_too_loud_to_be_anything_sent_was_played_in_its_time() -> None:
    """A decoder that goes astray for 240 ms behind a loss sounds like nothing; nothing jumped, and nothing waited."""
    wire, there = sound(played(0, SLOTS)), arrived()
    astray = sound(np.full(12 * STEPS, 90 * STEPS), LOUD_DB + 20)
    read = together(sound(played(0, 20)), astray, sound(played(32, SLOTS)))
    way = align(read, wire, there, np.minimum(np.arange(read.size) + 12 * STEPS, SLOTS * STEPS - 1))
    assert way.tolist() == played(0, SLOTS).tolist()
