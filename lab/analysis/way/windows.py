"""Which frames are measured: the clean control, and the media after the change was confirmed.

Law: a window is a range of frame numbers. It starts with the first frame sent after the kernel's read-back confirmed
the change, dated by the tap; frames between the two windows are `transition`. What comes before or after is start-up
and tail, and counts nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis.containers.pushes import pushes
from lab.analysis.way.journey import Journey
from lab.analysis.way.naming import Floats, Naming, Pushed, Slots, named
from lab.analysis.way.seams import intervals
from lab.analysis.way.seams import sure as certain
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import FrameLine
from lab.pcm import BLOCK_MS, FRAME_MS

BLOCKS_PER_FRAME = FRAME_MS // BLOCK_MS
FRAMES_PER_BLOCK = BLOCK_MS / FRAME_MS


@dataclass(frozen=True, kw_only=True)
class Window:
    """Frames `first` … `end` - 1."""

    first: int
    end: int

    def holds(self, frame: Ints) -> Flags:
        """Mark the frames inside."""
        return (frame >= self.first) & (frame < self.end)


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """A row per 10 ms that the program made, however many it pushed at a time.

    `frame` is the 20 ms of content that it is half of, `level` its own (-dBov), `sure` whether its name is certain.
    `order` counts the pushed ones, -1 for those never pushed. `slot` is where it went on the wire, -1 when it never
    did, and `sent_ns` when, or else when it was due. `due_ns` is when it was to be spoken, `turn_ns` when it was pushed
    or was to be, and `taken_ns` when the SDK said that it had it. `kept_ms` is for how long the program had had late
    audio when it pushed it, infinite where all had come in time.
    """

    frame: Ints
    order: Ints
    slot: Ints
    sent_ns: Ints
    due_ns: Ints
    pushed_ns: Ints
    turn_ns: Ints
    taken_ns: Ints
    late_source: Flags
    kept_ms: Floats
    level: Floats
    sure: Flags

    @property
    def pushed(self) -> Flags:
        """Mark the blocks that the program handed to the SDK."""
        return self.order >= 0

    def inside(self, window: Window) -> Flags:
        """Mark the blocks of the window's frames."""
        return window.holds(self.frame)


def blocks(lines: Sequence[FrameLine], journey: Journey, quiet: Flags) -> tuple[Blocks, Naming]:
    """Lay out every block made, and name what the wire carries; `quiet` marks the slots that a mute silenced."""
    pushed_ns = _per_block(lines, [-1 if line.pushed_ns is None or line.error else line.pushed_ns for line in lines])
    push = pushes(lines)
    expected_ns = push.expected_ns.tolist()
    due_ns = _per_block(lines, [line.scheduled_ns for line in lines]) + _within(lines) * BLOCK_MS * 1_000_000
    level = np.array([level for line in lines for level in line.levels], np.float64)
    went = pushed_ns >= 0
    muted = _beside(quiet)
    slots = Slots(level=np.where(muted, ABSENT, journey.level), t_ns=journey.when())
    pushed = Pushed(dbov=level[went], t_ns=pushed_ns[went])
    naming = named(slots, pushed)
    slot = np.full(level.size, -1, np.int64)
    sure = np.zeros(level.size, np.bool_)
    slot[went], sure[went] = naming.slot, certain(naming, intervals(naming, slots, pushed))
    found = Blocks(
        frame=np.arange(level.size, dtype=np.int64) // BLOCKS_PER_FRAME,
        order=np.where(went, np.cumsum(went) - 1, -1),
        slot=slot,
        sent_ns=np.where(slot >= 0, slots.t_ns[slot], due_ns) if slots.t_ns.size else due_ns,
        due_ns=due_ns,
        pushed_ns=pushed_ns,
        turn_ns=np.where(went, pushed_ns, _per_block(lines, expected_ns)),
        taken_ns=_per_block(lines, [line.returned_ns or line.pushed_ns or 0 for line in lines]),
        late_source=_per_block(lines, [*map(_late_source, lines, expected_ns)]).astype(np.bool_),
        kept_ms=np.repeat(push.kept_ms, [len(line.levels) for line in lines]),
        level=level,
        sure=sure,
    )
    return found, _without_mutes(naming, muted)


def _without_mutes(naming: Naming, muted: Flags) -> Naming:
    """Return `naming` without the silence of a mute: nobody put that in."""
    kept = ~muted[naming.silence_slot] if muted.size else np.zeros(naming.silence_slot.size, np.bool_)
    return replace(naming, silence_before=naming.silence_before[kept], silence_slot=naming.silence_slot[kept])


def _beside(quiet: Flags) -> Flags:
    """Mark also the slots beside muted ones: a mute fades, and may begin in the middle of a packet."""
    wider = np.pad(quiet, 1)
    return np.asarray(wider[:-2] | wider[1:-1] | wider[2:], dtype=np.bool_)


def window(made: Blocks, from_ns: int, frames: int) -> Window:
    """Return the window of at most `frames` frames from the first one sent at or after `from_ns`."""
    begins = np.diff(made.frame, prepend=-1) != 0
    after = made.frame[begins & (made.sent_ns >= from_ns)]
    first = int(after.min()) if after.size else int(made.frame.max(initial=-1)) + 1
    last = int(made.frame.max(initial=-1))
    return Window(first=first, end=min(first + frames, last + 1))


def between(made: Blocks, from_ns: int, to_ns: int) -> Window:
    """Return the window of the frames sent from `from_ns` to before `to_ns`."""
    first, end = window(made, from_ns, 0).first, window(made, to_ns, 0).first
    return Window(first=first, end=max(first, end))


def carried_by(made: Blocks, media: Window, slots: int) -> Window:
    """Return `media` as far as the first `slots` slots carry it: up to the last block in one of them."""
    last = int(np.flatnonzero((made.slot >= 0) & (made.slot < slots)).max(initial=-1))
    behind = made.frame[last + 1 : last + 2]
    return replace(media, end=int(np.clip(behind.min(initial=media.end), media.first, media.end)))


def slots_of(made: Blocks, media: Window, size: int) -> Flags:
    """Mark, of `size` slots, those from the window's first block on the wire to its last."""
    carried = made.slot[made.inside(media) & (made.slot >= 0)]
    marked = np.zeros(size, np.bool_)
    if carried.size:
        marked[int(carried.min()) : int(carried.max()) + 1] = True
    return marked


def _per_block(lines: Sequence[FrameLine], values: Sequence[int]) -> Ints:
    return np.repeat(np.array(values, np.int64), [len(line.levels) for line in lines])


def _within(lines: Sequence[FrameLine]) -> Ints:
    """Return per block which one of its line it is."""
    return np.concatenate([np.arange(len(line.levels), dtype=np.int64) for line in lines] or [np.zeros(0, np.int64)])


def _late_source(line: FrameLine, expected_ns: int) -> bool:
    """Whether the program had not got the audio in time, and waited for it most of what its push was late.

    Then its backend was late. What is unknown is not late, and audio that came a moment late stopped nobody for long.
    """
    if line.available_ns is None or line.available_ns <= line.scheduled_ns:
        return False
    late_ns = (line.pushed_ns or line.available_ns) - expected_ns
    return 2 * (line.available_ns - expected_ns) >= late_ns
