"""Which pushed block each packet carries: exact against a make-believe SDK whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.way.naming import Naming, name
from lab.pcm import SILENT_LEVEL
from tests.unit.analysis.build import LEAD, MS, Plan, lines, wire


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Per pushed block its slot, and the slots of the inserted 10 ms of silence between first and last block."""

    slot: list[int]
    silent: list[int]


def truth(plan: Plan) -> Truth:
    """Replay the SDK: 10 ms of what waits at each tick, two ticks a packet."""
    pushed = [line.pushed_ns for line in lines(plan) if line.pushed_ns is not None for _ in line.levels]
    slots, silent, tick = [], [], 0
    start_ns = min(pushed) // MS - LEAD * 20 + plan.phase_ms
    while len(slots) < len(pushed):
        ready = pushed[len(slots)] // MS <= start_ns + tick * 10
        if ready or slots:
            (slots if ready else silent).append(tick // 2)
        tick += 1
    return Truth(slot=slots, silent=silent)


def named(plan: Plan, unseen: tuple[int, ...] = ()) -> Naming:
    """Name the wire of `plan`, the packets `unseen` missing at the tap."""
    pushed = [line for line in lines(plan) if line.pushed_ns is not None]
    sent = wire(plan, lines(plan))
    level = np.array(sent.level)
    level[list(unseen)] = -1
    blocks = np.array([one for line in pushed for one in line.levels])
    pushed_ns = np.array([line.pushed_ns for line in pushed for _ in line.levels])
    return name(level, np.array(sent.t_ns), blocks, pushed_ns)


PLANS = {
    "one packet a frame": Plan(),
    "frames split over two packets": Plan(phase_ms=10),
    "ticks between the pushes": Plan(phase_ms=7),
    "stalls": Plan(stalls={70: 400, 110: 405, 150: 90, 151: 400}),
    "stalls, split": Plan(phase_ms=10, stalls={70: 400, 110: 405, 200: 70}),
    "every 20th never pushed": Plan(skips=range(19, 300, 20)),
    "skips and stalls, split": Plan(phase_ms=10, skips=range(19, 300, 20), stalls={100: 400}),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_every_block_is_named_exactly(plan: Plan) -> None:
    """Every block's slot and every inserted 10 ms is the make-believe SDK's, in both push phases."""
    found, true = named(plan), truth(plan)
    assert found.slot.tolist() == true.slot
    inside = (found.silence_before > 0) & (found.silence_before < len(true.slot))
    assert found.silence_slot[inside].tolist() == true.silent


@settings(deadline=None, max_examples=30)
@given(unseen=st.sets(st.integers(0, 340), max_size=80), phase_ms=st.sampled_from([0, 10]))
def test_packets_that_nobody_saw_are_named_by_their_neighbours(unseen: set[int], phase_ms: int) -> None:
    """Whatever packets are missing at the tap: without inserted silence there is one way only."""
    plan = Plan(phase_ms=phase_ms)
    assert named(plan, tuple(unseen)).slot.tolist() == truth(plan).slot


def test_content_that_the_sdk_dropped_is_skipped() -> None:
    """Contiguous packets with blocks 100..139 missing from them: those blocks have no slot, all others their own."""
    plan = Plan()
    pushed = lines(plan)
    blocks = np.array([one for line in pushed for one in line.levels])
    pushed_ns = np.array([line.pushed_ns for line in pushed for _ in line.levels])
    sent = wire(plan, pushed)
    keep = np.r_[0 : LEAD + 50, LEAD + 70 : len(sent.level)]
    when = np.array(sent.t_ns)[: keep.size] + 20 * 20 * MS * (np.arange(keep.size) >= LEAD + 50)
    slot = name(np.array(sent.level)[keep], when, blocks, pushed_ns).slot
    gone = np.flatnonzero(slot < 0)
    assert gone.size == 40
    assert abs(int(gone[0]) - 100) <= 2, "a neighbour of the same level may stand for the one that was dropped"


def test_nothing_sent_and_nothing_pushed() -> None:
    """Without packets nothing has a slot; without blocks every packet is silence."""
    none = np.zeros(0, np.int64)
    assert name(none, none, np.array([30.0]), np.array([0])).slot.tolist() == [-1]
    silent = name(np.full(3, SILENT_LEVEL), np.arange(3) * 20 * MS, np.zeros(0), none)
    assert silent.silence_slot.tolist() == [0, 0, 1, 1, 2, 2]
