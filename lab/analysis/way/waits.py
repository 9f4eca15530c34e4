"""What a jitter buffer waited for: the hop that held a packet up beyond what the buffer was used to.

Law: a buffer is as long as packets of late made it, so a hop keeps it waiting by what it took more than in the second
before. A hop answers for what is beyond the delay, jitter and queue it is configured to have; where nothing is, the
slower network hop does. Less than 10 ms keeps nobody waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOPS = ("send", "uplink", "server", "downlink")
_NETWORK = (False, True, False, True)
_SECOND = 50  # slots
_LEAST_MS = 10.0


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How much longer than usual each packet took: [slots, HOPS] in ms, NaN where it cannot be told.

    `held_ms` is per hop what its configured delay, jitter and queue may add to the usual.
    """

    excess_ms: Floats
    held_ms: tuple[float, ...]

    def hop(self, slot: int) -> str:
        """Return the hop that kept the buffer waiting for the packet in `slot`; empty when none did."""
        grown = self._grown(slot)
        beyond = grown - np.array(self.held_ms)
        if beyond.max() > _LEAST_MS:
            return HOPS[int(beyond.argmax())]
        configured = np.where(_NETWORK, grown, 0.0)
        return HOPS[int(configured.argmax())] if configured.max() > _LEAST_MS else ""

    def _grown(self, slot: int) -> Floats:
        """Return how much more each hop took for `slot` than for half of the packets of the second before."""
        before = self.excess_ms[max(0, slot - _SECOND) : slot]
        known = (column[~np.isnan(column)] for column in before.T)
        usual = np.array([float(np.median(column)) if column.size else 0.0 for column in known])
        return np.asarray(np.nan_to_num(self.excess_ms[slot] - usual, nan=0.0), np.float64)
