"""Which copy saves which slot, and where the last one died: drop patterns are lists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.way.journey import At, Journey
from lab.analysis.way.prediction import Copy, fec_times, replay
from lab.analysis.wire.streams import Flags, Ints
from tests.unit.analysis.build import inbound_sample

SLOTS = 8


def travelled(*, up: tuple[int, ...] = (), down: tuple[int, ...] = (), red: bool = True, cut: int = SLOTS) -> Journey:
    """Return eight slots of which `up` died on the uplink and `down` on the downlink; a new epoch begins at `cut`."""
    t_ns = np.tile(np.arange(6), (SLOTS, 1)) + np.arange(SLOTS)[:, None] * 20
    t_ns[list(up), At.UPLINKED :] = -1
    t_ns[list(down), At.RECEIVED :] = -1
    slots = np.arange(SLOTS)
    return unharmed((slots >= cut).astype(np.int64), slots + 100, np.full(SLOTS, red), t_ns)


def unharmed(epoch: Ints, number: Ints, red: Flags, t_ns: Ints) -> Journey:
    """Return slots of which no packet was altered, copied or overtaken, wherever it died."""
    no = np.zeros(number.size, np.bool_)
    return Journey(
        epoch=epoch,
        number=number,
        level=number,
        red=red,
        t_ns=t_ns,
        altered_up=no,
        altered_down=no,
        copies_up=0,
        copies_down=0,
        reordered_up=0,
        reordered_down=0,
    )


ALWAYS, NEVER = np.ones(SLOTS, bool), np.zeros(SLOTS, bool)


@pytest.mark.parametrize(
    ("up", "red", "fec", "lost"),
    [
        ((2,), True, False, []),
        ((2, 3), True, False, [2]),
        ((2, 3), True, True, []),
        ((2, 3, 4), True, True, [2]),
        ((2, 3, 4, 5), True, True, [2, 3]),
        ((2,), False, False, [2]),
        ((2,), False, True, []),
        ((2, 3), False, True, [2]),
        ((7,), True, True, [7]),
    ],
)
def test_the_copies_that_a_mechanism_makes(up: tuple[int, ...], red: bool, fec: bool, lost: list[int]) -> None:
    """RED repairs from n+1, in-band FEC inside it from n+2; without RED, FEC repairs from n+1 (measured)."""
    found = replay(travelled(up=up, red=red), ALWAYS if fec else NEVER)
    assert np.flatnonzero(~found.decodable).tolist() == lost


def test_the_copy_that_got_furthest_decides_where_it_was_lost() -> None:
    """Own packet dead on the uplink, RED copy on the downlink: lost on the downlink; the other way round as well."""
    assert replay(travelled(up=(2,), down=(3,)), NEVER).reached[2] == At.ROUTED
    assert replay(travelled(up=(3,), down=(2,)), NEVER).reached[2] == At.ROUTED
    assert replay(travelled(up=(2, 3)), NEVER).reached[2] == At.SENT


def test_each_repair_is_credited_to_its_mechanism() -> None:
    """Through the own packet, through RED, through FEC, through nothing."""
    found = replay(travelled(up=(1, 3, 4)), ALWAYS)
    assert found.through[[0, 1, 3]].tolist() == [Copy.OWN, Copy.RED, Copy.FEC]
    assert replay(travelled(up=(3, 4, 5)), ALWAYS).through[3] == Copy.NONE
    assert replay(travelled(up=(3,), red=False), ALWAYS).through[3] == Copy.FEC


def test_copies_do_not_cross_epochs() -> None:
    """The first packet of a new SSRC holds no copy of the last one of the old."""
    found = replay(travelled(up=(3,), cut=4), ALWAYS)
    assert not found.decodable[3]


@pytest.mark.parametrize(("slots", "copied"), [(16, True), (17, False)])
def test_no_copy_is_older_than_red_can_say(slots: int, copied: bool) -> None:
    """Behind 16 slots that DTX left out a packet may copy the one before, behind 17 it cannot: 14 bits of 48 kHz."""
    short = travelled(up=(2,))

    def wider(values: np.ndarray, fill: int) -> np.ndarray:
        return np.insert(values, 3, np.broadcast_to(fill, (slots, *values.shape[1:])), axis=0)

    names = ("epoch", "number", "level", "red", "t_ns", "altered_up", "altered_down")
    fills = (0, -1, -1, 0, -1, 0, 0)
    long = replace(short, **{name: wider(getattr(short, name), fill) for name, fill in zip(names, fills, strict=True)})
    found = replay(long, np.zeros(long.size, bool))
    assert bool(found.decodable[2]) == copied
    assert not found.decodable[3 : 3 + slots].any()


def test_fec_is_there_while_what_arrives_brings_it_however_long_that_took() -> None:
    """The count grows from 400 to 500 ms and from 600 ms on; packets 20 ms apart arrive 300 ms after they were sent.

    One that never arrived counts as its neighbours.
    """
    sent_ms = np.arange(30) * 20
    t_ns = (sent_ms[:, None] + np.array([0, 290, 291, 292, 293, 300])) * 1_000_000
    t_ns[6, At.UPLINKED :] = -1
    journey = unharmed(np.zeros(30, np.int64), np.arange(30), np.ones(30, np.bool_), t_ns)
    counted = [0, 0, 0, 0, 0, 8, 8, 16, 24, 32]
    stats = [inbound_sample(100_000_000 * row, 0, 0, count) for row, count in enumerate(counted)]
    assert sent_ms[fec_times(journey, stats)].tolist() == [*range(100, 200, 20), *range(300, 600, 20)]
