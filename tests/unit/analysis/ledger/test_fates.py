"""What a jitter buffer leaves out behind a gap: as much as the gap was, and never what was read in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.ear.listen import Heard
from lab.analysis.flows.case import case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.ledger.fates import FATES, fates
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
    case = case_of(heard(Plan(down_lost=lost, red=False), Hearing(silent=lost)), ASKED)
    ((publisher, subscriber),) = case.scene.pairs
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    assert flow.ear is not None
    behind = 2 * (FIRST + GAP + gap) + np.arange(left_out)
    changed = {name: getattr(flow.ear, name).copy() for name in ("heard", "steps", "sample")}
    changed["heard"][behind], changed["steps"][behind] = Heard.NO, steps
    changed["sample"][behind] = -1 if not steps else flow.ear.sample[behind]
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
    flow = followed(30, 0)
    assert flow.ear is not None
    alone = 2 * (FIRST + GAP + 31) + np.arange(10)
    heard_of = flow.ear.heard.copy()
    heard_of[alone] = Heard.NO
    ear = replace(flow.ear, heard=heard_of, steps=np.where(np.isin(np.arange(heard_of.size), alone), 0, flow.ear.steps))
    assert lost(replace(flow, ear=ear)) == {"downlink": 60, "unexplained": 10}
