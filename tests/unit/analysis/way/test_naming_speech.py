"""Names for real speech with pauses of digital silence: what is called certain is true, and every count is exact."""

from __future__ import annotations

import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.analysis.way.naming import Naming, Pushed, Slots, named
from lab.analysis.way.seams import Interval, intervals, sure
from lab.pcm import SILENT_LEVEL
from tests.fakes.levels import level_dbov
from tests.unit.analysis.build import MS

SPEECH = Path(__file__).parents[4] / "scenarios" / "audio" / "speech.wav"
PAUSE = range(299, 399)
"""The blocks of the second of silence between the two sentences."""


def speech() -> list[float]:
    """Return the levels of the file's 10 ms blocks."""
    with wave.open(str(SPEECH), "rb") as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return [level_dbov(block) for block in pcm[: pcm.size // 160 * 160].reshape(-1, 160)]


LEVELS = speech()[:720]
"""Two sentences and the pause between them; it ends in a word."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was pushed, what a make-believe SDK sent, and the truth: per block its slot, and the silent half slots."""

    pushed: Pushed
    slots: Slots
    slot: list[int]
    silent: list[int]

    def found(self) -> tuple[Naming, tuple[Interval, ...]]:
        """Name it."""
        naming = named(self.slots, self.pushed)
        return naming, intervals(naming, self.slots, self.pushed)


def run(frame_ms: int, stalls: Mapping[int, int], phase_ms: int = 0, unseen: Sequence[int] = ()) -> Run:
    """Push speech 60 ms ahead, `frame_ms` at a time, nothing for so many ms before some pushes; 10 ms per tick."""
    per_push, zero, pushed_ns = frame_ms // 10, 0, []
    for push in range(len(LEVELS) // per_push):
        due = zero + push * frame_ms
        at = max(0, due - 60)
        if push in stalls:
            at += stalls[push]
            zero += max(0, at - due)
        pushed_ns += [at * MS] * per_push
    power, slot, silent, tick, t_ns = [], [], [], 0, []
    while len(slot) < len(pushed_ns) or tick % 2:
        now = (phase_ms + 10 * tick) * MS
        ready = len(slot) < len(pushed_ns) and pushed_ns[len(slot)] <= now
        level = LEVELS[len(slot)] if ready else SILENT_LEVEL
        power.append(0.0 if level >= SILENT_LEVEL else 10 ** (-level / 10))
        if ready:
            slot.append(tick // 2)
        elif slot:
            silent.append(tick)
        if tick % 2:
            t_ns.append(now + MS)
        tick += 1
    with np.errstate(divide="ignore"):
        exact = -10 * np.log10(np.array(power).reshape(-1, 2).mean(axis=1))
    level = np.minimum(127, np.floor(exact + 0.5)).astype(np.int64)
    level[list(unseen)] = -1
    blocks = Pushed(dbov=np.array(LEVELS[: len(pushed_ns)]), t_ns=np.array(pushed_ns))
    last = 2 * slot[-1]
    return Run(
        pushed=blocks,
        slots=Slots(level=level, t_ns=np.array(t_ns)),
        slot=slot,
        silent=[half for half in silent if half < last],
    )


@pytest.mark.parametrize("phase_ms", [0, 10])
@pytest.mark.parametrize("frame_ms", [10, 20, 50, 100])
def test_speech_without_a_fault_is_named_beyond_doubt(frame_ms: int, phase_ms: int) -> None:
    """Whatever is pushed at a time, in both phases: every block, in the pause too."""
    made = run(frame_ms, {}, phase_ms)
    naming, doubts = made.found()
    assert naming.slot.tolist() == made.slot
    assert sure(naming, doubts)[:-4].all()


def test_silence_put_in_between_words_is_where_it_was() -> None:
    """Two stalls in the middle of speech: 34 blocks each, in their place, and no doubt."""
    made = run(20, {60: 400, 100: 400})
    naming, doubts = made.found()
    assert naming.slot.tolist() == made.slot
    assert len(made.silent) == 68
    assert sum(sure(naming, doubts)) >= len(made.slot) - 8


def test_silence_put_into_a_pause_is_an_interval_with_an_exact_count() -> None:
    """340 ms more in a second of silence: the wire has 134 silent blocks, and cannot say which are nobody's audio."""
    made = run(20, {170: 400})
    naming, doubts = made.found()
    inside = (naming.silence_before > 0) & (naming.silence_before < len(made.slot))
    assert int(inside.sum()) == len(made.silent) == 34
    doubt = doubts[0]
    assert doubt.inserted == 34
    assert doubt.first <= made.silent[0] // 2 <= made.silent[-1] // 2 < doubt.end
    unsure = np.flatnonzero(~sure(naming, doubts[:1]))
    assert unsure.size <= len(PAUSE) + 4
    assert set(unsure.tolist()) <= set(range(PAUSE.start - 4, PAUSE.stop + 4))


def test_where_levels_do_not_tell_silence_is_where_the_sdk_had_nothing() -> None:
    """In a pause the silence is booked while the program had pushed nothing, not where it was 60 ms ahead again."""
    made = run(20, {170: 400})
    naming, _ = made.found()
    assert np.abs(naming.silence_slot[-34:] - np.array(made.silent) // 2).max() <= 1


@settings(deadline=None, max_examples=60)
@given(
    frame_ms=st.sampled_from([10, 20, 50, 100]),
    phase_ms=st.sampled_from([0, 3, 10]),
    stalls=st.dictionaries(st.integers(2, 75), st.integers(0, 500), max_size=4),
    unseen=st.sets(st.integers(0, 350), max_size=60),
)
def test_what_is_called_certain_is_true(frame_ms: int, phase_ms: int, stalls: dict[int, int], unseen: set[int]) -> None:
    """Stalls anywhere, packets unseen: each certain block is in its slot, and as much silence is found as there was."""
    made = run(frame_ms, stalls, phase_ms, sorted(unseen))
    naming, doubts = made.found()
    certain = sure(naming, doubts)
    assert naming.slot[certain].tolist() == np.array(made.slot)[certain].tolist()
    inside = (naming.silence_before > 0) & (naming.silence_before < len(made.slot))
    assert abs(int(inside.sum()) - len(made.silent)) <= 1


def test_a_log_that_ends_in_a_pause_is_open_at_its_end() -> None:
    """Behind the last word nothing says how much silence there was: those blocks are named, but not for certain."""
    whole = run(20, {}, 0)
    cut = 390
    pushed = Pushed(dbov=whole.pushed.dbov[:cut], t_ns=whole.pushed.t_ns[:cut])
    slots = Slots(level=whole.slots.level[: cut // 2], t_ns=whole.slots.t_ns[: cut // 2])
    naming = named(slots, pushed)
    certain = sure(naming, intervals(naming, slots, pushed))
    assert certain[: PAUSE.start - 4].all()
    assert not certain[PAUSE.start + 4 :].any()
