"""What a jitter buffer leaves out behind a gap: as much as the gap was, and never what was read in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.ear.listen import Heard
from lab.analysis.flows.case import case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.ledger.fates import FATES, fates
from lab.analysis.wire.streams import Ints
from tests.unit.analysis.build import Plan, first_measured
from tests.unit.analysis.ear.test_ear import ASKED
from tests.unit.analysis.hearing import Hearing, heard

FIRST = first_measured(Plan())
GAP = 40
"""The packet with which the gap begins."""


def followed(gap: int, left_out: int, steps: int = 0) -> Flow:
    """Return a flow of which `gap` frames died on the downlink, and of what came behind so many 10 ms were not heard.

    Of each of these `steps` of four were read all the same.
    """
    lost = [FIRST + GAP + n for n in range(gap)]
    flow = of_recording(Plan(down_lost=lost, red=False), Hearing(silent=lost))
    return unheard(flow, 2 * (FIRST + GAP + gap) + np.arange(left_out), steps)


def of_recording(plan: Plan, hearing: Hearing) -> Flow:
    """Return the flow of a recording that `plan` and `hearing` leave."""
    case = case_of(heard(plan, hearing), ASKED)
    ((publisher, subscriber),) = case.scene.pairs
    return follow(case.scene, publisher, subscriber, case.times, case.links)


def unheard(flow: Flow, blocks: Ints, steps: int = 0) -> Flow:
    """Return `flow` with `blocks` that the ear did not hear; of each of them `steps` of four were read all the same."""
    assert flow.ear is not None
    changed = {name: getattr(flow.ear, name).copy() for name in ("heard", "steps", "sample")}
    changed["heard"][blocks], changed["steps"][blocks] = Heard.NO, steps
    changed["sample"][blocks] = -1 if not steps else flow.ear.sample[blocks]
    return replace(flow, ear=replace(flow.ear, **changed))


def lost(flow: Flow) -> dict[str, int]:
    """Return how many 10 ms of the window had which fate but to be decodable."""
    fate = fates(flow)[0][flow.made.inside(flow.window)]
    return {name: int((fate == i).sum()) for i, name in enumerate(FATES) if i and (fate == i).any()}


@pytest.mark.parametrize(
    ("gap", "left_out", "swallowed"),
    [
        (5, 20, True),  # as much as a buffer holds
        (5, 21, False),
        (10, 20, True),
        (10, 21, False),
        (11, 22, True),  # as much as the gap was
        (11, 23, False),
        (30, 60, True),
        (30, 61, False),
    ],
)
def test_behind_a_gap_as_much_may_be_left_out_as_the_gap_was(gap: int, left_out: int, *, swallowed: bool) -> None:
    """200 ms at least; what is more is nobody's, all of it."""
    told = {"downlink": 2 * gap + left_out} if swallowed else {"downlink": 2 * gap, "unexplained": left_out}
    assert lost(followed(gap, left_out)) == told


def test_what_was_read_in_full_and_is_silent_was_not_left_out() -> None:
    """Two such blocks are where concealment begins and ends; a third was put there by nobody."""
    assert lost(followed(10, 2, steps=4)) == {"downlink": 22}
    assert lost(followed(10, 3, steps=4)) == {"downlink": 20, "unexplained": 3}
    assert lost(followed(10, 3, steps=3)) == {"downlink": 23}


def test_only_what_stands_beside_a_gap_was_left_out_by_it() -> None:
    """The same hole one frame later has no gap beside it."""
    flow = unheard(followed(30, 0), 2 * (FIRST + GAP + 31) + np.arange(10))
    assert lost(flow) == {"downlink": 60, "unexplained": 10}


@pytest.mark.parametrize(
    ("slow", "hop"), [("up_delay_ms", "uplink"), ("server_delay_ms", "server"), ("down_delay_ms", "downlink")]
)
@pytest.mark.parametrize(("later_ms", "hopeless"), [(900.0, False), (999.5, False), (1000.5, True), (3000.0, True)])
def test_what_came_a_second_later_than_usual_was_late(slow: str, hop: str, later_ms: float, *, hopeless: bool) -> None:
    """It was not heard, and nothing was concealed for it: late at the hop that was slow, or else nobody's."""
    frame = FIRST + GAP
    of_late = of_recording(Plan(red=False, **{slow: {frame: later_ms}}), Hearing())
    flow = unheard(of_late, 2 * frame + np.arange(2))
    fate, late = (found[flow.made.inside(flow.window)] for found in fates(flow))
    assert lost(flow) == {hop if hopeless else "unexplained": 2}
    assert np.array_equal(late, fate == FATES.index(hop))
