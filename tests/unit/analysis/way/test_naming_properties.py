"""Naming finds every block on the wire for any marked levels, against a make-believe SDK that writes down the truth."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.way.naming import name
from lab.pcm import SILENT_LEVEL
from tests.unit.analysis.chance import drawn

MS = 1_000_000
FRAMES = 150
BESIDE = 3
_LOUDEST = 18.0
_STEPS = (0.0, 4.0, 8.0, 12.0)


@dataclass(frozen=True, kw_only=True)
class Wire:
    """Per packet its level and time, and the pushed blocks in it by number, None for 10 ms of silence."""

    level: list[int]
    t_ns: list[int]
    holds: list[list[int | None]]


def pushes(stalls: dict[int, int], phase_ms: int) -> list[int]:
    """Return per block when it was pushed: 60 ms ahead of its time, a stall making everything behind it later."""
    found, behind, now = [], 0, 0
    for frame in range(FRAMES):
        due = frame * 20 + behind
        now = max(now, due - 60) + stalls.get(frame, 0)
        behind += max(0, now - due)
        found += [1000 * MS + (now + phase_ms) * MS] * 2
    return found


def sdk(blocks: list[float], pushed_ns: list[int]) -> Wire:
    """Take 10 ms each 10 ms, what was pushed or silence; two make a packet, and its level is their power's."""
    waiting = deque(enumerate(pushed_ns))
    wire, holds, now = Wire(level=[], t_ns=[], holds=[]), [], 500 * MS
    while waiting or len(holds) % 2:
        ready = waiting and waiting[0][1] <= now
        holds.append(waiting.popleft()[0] if ready else None)
        now += 10 * MS
        if len(holds) % 2 == 0:
            power = sum(0.0 if block is None else 10 ** (-blocks[block] / 10) for block in holds[-2:]) / 2
            wire.level.append(min(SILENT_LEVEL, int(np.floor(-10 * np.log10(power) + 0.5))) if power else SILENT_LEVEL)
            wire.t_ns.append(now + MS)
            wire.holds.append(holds[-2:])
    return wire


def truth(wire: Wire, blocks: int) -> list[int]:
    """Return per block the packet that holds it."""
    where = {block: slot for slot, held in enumerate(wire.holds) for block in held if block is not None}
    return [where[block] for block in range(blocks)]


MARKED = st.integers(0, 2**32 - 1).map(
    lambda seed: [
        float(_LOUDEST + step + wobble)
        for step, wobbles in zip(
            np.random.default_rng(seed).choice(_STEPS, FRAMES),
            np.random.default_rng(seed + 1).uniform(-0.3, 0.3, (FRAMES, 2)),
            strict=True,
        )
        for wobble in wobbles
    ]
)
"""Levels of the blocks of marked frames: one of four steps per frame, its two halves a little apart."""


@drawn(30)
@given(blocks=MARKED, phase_ms=st.sampled_from([0, 3, 10, 17]), unseen=st.sets(st.integers(27, 200), max_size=60))
def test_every_packet_is_named_whatever_the_marks_are(blocks: list[float], phase_ms: int, unseen: set[int]) -> None:
    """Any marks and push phase, any packets but the first unseen: each block is where the SDK put it."""
    pushed_ns = pushes({}, phase_ms)
    wire = sdk(blocks, pushed_ns)
    level = np.array([-1 if slot in unseen else one for slot, one in enumerate(wire.level)])
    found = name(level, np.array(wire.t_ns), np.array(blocks), np.array(pushed_ns))
    assert found.slot.tolist() == truth(wire, len(blocks))


@drawn(30)
@given(
    blocks=MARKED,
    phase_ms=st.sampled_from([0, 3, 10, 17]),
    stalls=st.dictionaries(st.integers(5, FRAMES - 5), st.integers(10, 500), max_size=4),
)
def test_inserted_silence_is_counted_and_moves_nobodys_name(
    blocks: list[float], phase_ms: int, stalls: dict[int, int]
) -> None:
    """Whenever the program hung: as much silence as there was, and each block in its packet.

    Beside the silence a half-silent packet may look like one whose other half is quiet: there, one packet off.
    """
    pushed_ns = pushes(stalls, phase_ms)
    wire = sdk(blocks, pushed_ns)
    found = name(np.array(wire.level), np.array(wire.t_ns), np.array(blocks), np.array(pushed_ns))
    true = np.array(truth(wire, len(blocks)))
    off = np.abs(found.slot - true)
    assert off.max() <= 1
    assert all(any(abs(block // 2 - stalled) <= BESIDE for stalled in stalls) for block in np.flatnonzero(off))
    assert found.silence_slot.size == sum(held.count(None) for held in wire.holds)
