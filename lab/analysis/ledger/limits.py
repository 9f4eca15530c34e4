"""What a followed flow must be for its figures to answer anything; beyond these limits the answer is UNKNOWN.

Law: a limit says that the measurement does not reach, never whose fault something is. Each one is a sentence that names
what is wrong with the measurement.
"""

from __future__ import annotations

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.kinds import MOST_EDGES_MS
from lab.analysis.values import Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.pcm import FRAME_MS

MOST_TRANSITION_FRAMES = 50
"""One second between the clean control and the window: more, and what was measured is not what was asked for."""


def beyond(flow: Flow, loss: Damage, wanted_frames: int) -> tuple[str, ...]:
    """Say which limits the flow is beyond, `wanted_frames` being the media that was asked for; empty within all."""
    found = (_short(flow, loss, wanted_frames), _overfull(flow, loss), _transition(flow), _cut(flow, loss))
    return tuple(words for words in found if words)


def _short(flow: Flow, loss: Damage, wanted_frames: int) -> str:
    """Say that the media moved to TCP, or that the publisher's log ends before the media does."""
    if loss.made_frames >= wanted_frames:
        return ""
    if flow.move:
        seen = f"no frame is seen there, only {loss.made_frames:g} of {wanted_frames} were"
        return f"{flow.move.words}: {seen}"
    made = f"only {loss.made_frames:g} of {wanted_frames} frames were made, or logged"
    return f"frames of {flow.publisher.name}: {made}; the rest would have to be measured"


def _overfull(flow: Flow, loss: Damage) -> str:
    """Say that more is missing than was made, and than the wire had time for: the packets were named wrongly.

    What is put in makes the call longer, so that more than the intended time can be missing from it.
    """
    share = sum(loss.by_owner().values())
    room = max(loss.made_frames, float(flow.slots.sum())) + FRAMES_PER_BLOCK * float(loss.made_up.count.sum())
    if share * loss.made_frames <= room:
        return ""
    return f"{100 * share:.1f} % of the intended time is missing: more than there was"


def _transition(flow: Flow) -> str:
    frames = flow.transition_frames
    if frames <= MOST_TRANSITION_FRAMES:
        return ""
    return f"{frames} frames passed between the clean control and the window, more than {MOST_TRANSITION_FRAMES}"


def _cut(flow: Flow, loss: Damage) -> str:
    """Say that the call ended while more was under way than an end may cost, and than one owner cost for certain."""
    tail = loss.frames(loss.fate == FATES.index("tail"))
    tail_ms, costs = FRAME_MS * tail, loss.by_owner()
    proven = max((share for owner, share in costs.items() if owner != Owner.UNDECIDED), default=0.0)
    if tail_ms <= MOST_EDGES_MS or proven * loss.made_frames > tail:
        return ""
    words = f"the last {tail_ms / 1000:.2f} s of the media were still under way when the call ended"
    return f"{words}: whether {flow.subscriber.name} would have heard them is not known"
