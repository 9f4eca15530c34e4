"""Links that are slow for every packet alike: nothing need be lost, and still the audio comes late.

Law: a cause without damage has no share. It is told only of a link that nothing else is told of: a full queue and
jitter make audio late as well, and are the better word for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.analysis.measures.measures import Measures
from lab.analysis.measures.slowness import SLOW_MS
from lab.analysis.values import Cause, Owner
from lab.analysis.way.delay import PARTS

_LINKS = (("uplink", Owner.UPLINK), ("downlink", Owner.DOWNLINK))


def latency(measures: Measures, told: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return a cause for each link that was slow in the window's middle, of which `told` has none."""
    known = {cause.owner for cause in told}
    blamable = {hop: owner for hop, owner in _LINKS if measures.hop_owner.get(hop) == owner and owner not in known}
    slow = {hop: _usual_excess(measures, hop) for hop in blamable}
    return tuple(_cause(blamable[hop], hop, ms) for hop, ms in slow.items() if ms > SLOW_MS)


def _usual_excess(measures: Measures, hop: str) -> float:
    flow = measures.flow
    excess = flow.delays.excess_ms[flow.made.inside(flow.window), PARTS.index(hop)]
    known = excess[~np.isnan(excess)]
    return float(np.median(known)) if known.size else 0.0


def _cause(owner: Owner, hop: str, ms: float) -> Cause:
    note = f"half of the packets took at least {ms:.0f} ms longer than usual"
    return Cause(owner=owner, hop=hop, reason="latency", share=0.0, note=note)
