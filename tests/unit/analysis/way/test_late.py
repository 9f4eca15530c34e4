"""What NetEQ concealed beyond what was lost and made up: the account of concealment closes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lab.pcm import FRAME_SAMPLES
from tests.unit.analysis.build import Plan, first_measured
from tests.unit.analysis.ear.test_ear import row, verdict
from tests.unit.analysis.hearing import Hearing, heard

FIRST = first_measured(Plan())


def told(lost: list[int], concealed: Mapping[int, int], made_up: Mapping[int, int] | None = None) -> str:
    """Return what is told of playout, `lost` packets having died and NetEQ `concealed` so many samples at some."""
    plan = Plan(up_lost=lost, red=False)
    return row(verdict(heard(plan, Hearing(repeated=lost, concealed=concealed, made_up=made_up or {}))), "playout").note


def test_concealment_that_ends_sooner_evens_out_what_ended_later() -> None:
    """Six lost frames, concealed for 28 and 12 ms in turns, and a hole of 150 ms in which 142 were concealed."""
    lost = [FIRST + 30 * n for n in range(6)]
    concealed = {packet: 1_344 if n % 2 else 576 for n, packet in enumerate(lost)}
    assert "more than" not in told(lost, concealed)
    hole = FIRST + 190
    assert "more than" not in told(lost, {**concealed, hole: 6_816}, {hole: 7_200})


def test_what_was_concealed_too_little_hides_nothing_of_another_second() -> None:
    """Five frames lost and one concealed for them; 60 ms concealed two seconds later, where nothing is missing."""
    lost = list(range(FIRST + 20, FIRST + 25))
    assert "60 ms more than drops and lateness explain" in told(lost, {FIRST + 20: 960, FIRST + 120: 2_880})


@pytest.mark.parametrize("behind", [20, 24, 60])
def test_a_lost_frame_explains_concealment_once(behind: int) -> None:
    """One frame is lost and concealed; 40 ms more are concealed 0.4 to 1.2 s behind it: all of them are more."""
    concealed = {FIRST + 20: FRAME_SAMPLES, FIRST + 20 + behind: 2 * FRAME_SAMPLES}
    assert "40 ms more than drops and lateness explain" in told([FIRST + 20], concealed)
