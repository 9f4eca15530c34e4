"""When each frame is due: drift-free, and moved only by what held the program up beyond what it is ahead.

Frame *k*, `frame_ms` of audio, is scheduled (to begin playing) at start + k * `frame_ms` and available `ahead_ms`
before that, but for the first frames, which are there at the start. A frame that comes later than scheduled keeps its
time, so that its lateness shows; the ones after it follow on the moment it was pushed, `ahead_ms` ahead again.
"""

from __future__ import annotations


class Schedule:
    """The times of frames in CLOCK_MONOTONIC ns."""

    def __init__(self, *, start_ns: int, ahead_ms: int, frame_ms: int) -> None:
        """Begin with frame 0 scheduled at `start_ns`."""
        self._start_ns = start_ns
        self._zero_ns = start_ns
        self._ahead_ns = ahead_ms * 1_000_000
        self._frame_ns = frame_ms * 1_000_000

    def scheduled_ns(self, frame: int) -> int:
        """Return when `frame` is meant to begin playing."""
        return self._zero_ns + frame * self._frame_ns

    def available_ns(self, frame: int) -> int:
        """Return when the program has `frame`, which is when it pushes it."""
        return max(self._start_ns, self.scheduled_ns(frame) - self._ahead_ns)

    def resume(self, frame: int, now_ns: int) -> None:
        """Move the schedule so that `frame` begins at `now_ns`, unless it is still in the future."""
        self._zero_ns += max(0, now_ns - self.scheduled_ns(frame))
