"""How much longer a hop took than a jitter buffer was used to: than in the second before."""

from __future__ import annotations

import numpy as np
import pytest

from lab.analysis.way.waits import HOPS, Waits

NOTHING = (0.0, 0.0, 0.0, 0.0)
UNKNOWN = (np.nan, np.nan, np.nan, np.nan)


def grown(*slots: tuple[float, float, float, float], at: int = -1) -> list[float]:
    """Return what `grown_ms` says of one of `slots`, which come after a second of nothing."""
    excess_ms = np.array([NOTHING] * 50 + list(slots))
    return Waits(excess_ms=excess_ms).grown_ms((len(slots) + at) % len(slots) + 50).tolist()


@pytest.mark.parametrize("hop", range(len(HOPS)))
def test_it_is_what_the_hop_took_more(hop: int) -> None:
    """Each hop in turn, by 11 ms."""
    slot = tuple(11.0 * (i == hop) for i in range(4))
    assert grown(slot) == list(slot)  # type: ignore[arg-type]


def test_a_buffer_is_used_to_what_a_hop_took_for_half_of_a_second() -> None:
    """300 ms more on the uplink are more at first, and nothing when they are usual."""
    slow = [(0.0, 300.0, 0.0, 0.0)] * 40
    assert grown(*slow, at=0)[1] == 300
    assert grown(*slow, at=24)[1] == 300
    assert grown(*slow, (0.0, 300.0, 15.0, 0.0)) == [0, 0, 15, 0]


def test_what_cannot_be_told_is_not_nothing() -> None:
    """A packet that was not seen somewhere has no time there; those before it are left out of what is usual."""
    assert np.isnan(grown(UNKNOWN)).all()
    assert grown(*[UNKNOWN] * 60, (0.0, 0.0, 30.0, 0.0)) == [0, 0, 30, 0]
    assert Waits(excess_ms=np.array([[0.0, 0.0, 0.0, 25.0]])).grown_ms(0).tolist() == [0, 0, 0, 25]
