"""Which hop kept a jitter buffer waiting: the one that took more than it did in the second before."""

from __future__ import annotations

import numpy as np
import pytest

from lab.analysis.way.waits import HOPS, Waits

NOTHING = (0.0, 0.0, 0.0, 0.0)


def waits(*slots: tuple[float, float, float, float], held_ms: tuple[float, ...] = NOTHING) -> Waits:
    """Return the excess of each hop in a second of nothing and then `slots`."""
    return Waits(excess_ms=np.array([NOTHING] * 50 + list(slots)), held_ms=held_ms)


@pytest.mark.parametrize("hop", range(4))
def test_it_is_the_hop_that_grew(hop: int) -> None:
    """Each hop in turn by 11 ms; by 10 ms nobody keeps anybody waiting."""
    grown = tuple(11.0 * (i == hop) for i in range(4))
    assert waits(grown).hop(50) == HOPS[hop]  # type: ignore[arg-type]
    assert waits(tuple(10.0 * (i == hop) for i in range(4))).hop(50) == ""  # type: ignore[arg-type]


def test_a_buffer_is_used_to_what_a_hop_took_for_half_of_a_second() -> None:
    """300 ms more on the uplink keep it waiting at first, and not when they are usual: then 15 ms of the server do."""
    slow = [(0.0, 300.0, 0.0, 0.0)] * 40
    told = waits(*slow, (0.0, 300.0, 15.0, 0.0))
    assert [told.hop(slot) for slot in (50, 60, 89, 90)] == ["uplink", "uplink", "", "server"]


def test_a_link_answers_for_what_it_may_hold_only_where_nobody_else_was_slow() -> None:
    """50 ms of configured jitter beside 20 ms of the server: the server's; alone: the link's, though it may."""
    held = (0.0, 80.0, 0.0, 0.0)
    assert waits((0.0, 50.0, 20.0, 0.0), held_ms=held).hop(50) == "server"
    assert waits((0.0, 50.0, 5.0, 0.0), held_ms=held).hop(50) == "uplink"


def test_what_cannot_be_told_keeps_nobody_waiting() -> None:
    """A packet that never came has no times, and neither do a second of them."""
    unknown = (np.nan, np.nan, np.nan, np.nan)
    assert waits(unknown, (np.nan, np.nan, 30.0, np.nan)).hop(50) == ""
    assert waits(unknown, (np.nan, np.nan, 30.0, np.nan)).hop(51) == "server"
    assert Waits(excess_ms=np.array([[0.0, 0.0, 0.0, 25.0]]), held_ms=NOTHING).hop(0) == "downlink"
