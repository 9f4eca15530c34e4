"""How much longer a packet took in each hop than a jitter buffer was used to.

Law: a buffer is as long as packets of late made it, so a hop keeps it waiting by what it took more than it did for half
of the packets of the second before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOPS = ("send", "uplink", "server", "downlink")
_SECOND = 50  # slots


@dataclass(frozen=True, kw_only=True)
class Waits:
    """How much longer than usual each packet took: [slots, HOPS] in ms, NaN where it cannot be told."""

    excess_ms: Floats

    def grown_ms(self, slot: int) -> Floats:
        """Return per hop how much longer the packet in `slot` took than those before it; NaN where nobody knows."""
        before = self.excess_ms[max(0, slot - _SECOND) : slot]
        known = (column[~np.isnan(column)] for column in before.T)
        usual = np.array([float(np.median(column)) if column.size else 0.0 for column in known])
        return np.asarray(self.excess_ms[slot] - usual, np.float64)
