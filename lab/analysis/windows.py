"""Which frames are measured: the clean control, and the media after the change was confirmed.

Law: a window is a range of frame numbers. It starts with the first frame sent after the kernel's read-back confirmed
the change, dated by the tap; frames between the two windows are `transition`. What comes before or after is start-up
and tail, and counts nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.journey import Journey
from lab.analysis.naming import Naming, name
from lab.analysis.streams import Flags, Ints
from lab.evidence.values import FrameLine
from lab.marks import BLOCK_MS, FRAME_MS

BLOCKS_PER_FRAME = FRAME_MS // BLOCK_MS


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
    """A row per 10 ms that the program made.

    `order` counts the pushed ones, -1 for those never pushed. `slot` is where it went on the wire, -1 when it never
    did, and `sent_ns` when, or else when it was due. `due_ns` is when it was to be spoken, `taken_ns` when the SDK said
    that it had it.
    """

    frame: Ints
    order: Ints
    slot: Ints
    sent_ns: Ints
    due_ns: Ints
    pushed_ns: Ints
    taken_ns: Ints
    late_source: Flags

    @property
    def pushed(self) -> Flags:
        """Mark the blocks that the program handed to the SDK."""
        return self.order >= 0

    def inside(self, window: Window) -> Flags:
        """Mark the blocks of the window's frames."""
        return window.holds(self.frame)


def blocks(lines: Sequence[FrameLine], journey: Journey) -> tuple[Blocks, Naming]:
    """Lay out every block made, and name what the wire carries."""
    frame = _per_block(lines, [line.frame for line in lines])
    pushed_ns = _per_block(lines, [-1 if line.pushed_ns is None or line.error else line.pushed_ns for line in lines])
    due_ns = _per_block(lines, [line.scheduled_ns for line in lines]) + _within(lines) * BLOCK_MS * 1_000_000
    levels = np.array([level for line in lines for level in line.levels], np.float64)
    went = pushed_ns >= 0
    when = journey.when()
    naming = name(journey.level, when, levels[went], pushed_ns[went])
    slot = np.full(frame.size, -1, np.int64)
    slot[went] = naming.slot
    sent_ns = np.where(slot >= 0, when[slot], due_ns) if when.size else due_ns
    order = np.where(went, np.cumsum(went) - 1, -1)
    late = _per_block(lines, [int(_late_source(line)) for line in lines]).astype(np.bool_)
    taken_ns = _per_block(lines, [line.returned_ns or line.pushed_ns or 0 for line in lines])
    found = Blocks(
        frame=frame,
        order=order,
        slot=slot,
        sent_ns=sent_ns,
        due_ns=due_ns,
        pushed_ns=pushed_ns,
        taken_ns=taken_ns,
        late_source=late,
    )
    return found, naming


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


def _per_block(lines: Sequence[FrameLine], values: Sequence[int]) -> Ints:
    return np.repeat(np.array(values, np.int64), [len(line.levels) for line in lines])


def _within(lines: Sequence[FrameLine]) -> Ints:
    """Return per block which one of its line it is."""
    return np.concatenate([np.arange(len(line.levels), dtype=np.int64) for line in lines] or [np.zeros(0, np.int64)])


def _late_source(line: FrameLine) -> bool:
    """Whether the program did not have the audio in time: its backend was late. What is unknown is not late."""
    return line.available_ns is not None and line.available_ns > line.scheduled_ns
