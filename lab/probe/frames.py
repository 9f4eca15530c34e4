"""`frames.jsonl`: one line for each frame a program made, with when it was meant, pushed and accepted.

Law: what the SDK gets is exactly what the program gave; an error of the SDK is written down and not raised again,
because a lost frame is the thing being measured.
"""

from __future__ import annotations

import math
import os
import time
from functools import lru_cache
from operator import mul
from typing import Any

from lab.probe.lag import Lag
from lab.probe.lines import Lines

BLOCKS_PER_SECOND = 100
_SILENT_LEVEL = 127.0  # RFC 6464; lab.marks has it too, but needs numpy, which other people's clients may lack
_FULL_SCALE = 32767.0


@lru_cache(maxsize=512)  # of the marks there are 256, played over and over
def levels_dbov(sound: bytes, block: int) -> tuple[float, ...]:
    """Return the level of each whole `block` of int16 mono samples: -dBov, 0 (loudest) to 127 (silence), unrounded.

    RFC 6464 section 3, full scale 32767 as in WebRTC's rms_level.cc.
    """
    samples = memoryview(sound).cast("h")
    return tuple(_level(samples[i : i + block]) for i in range(0, len(samples) - block + 1, block))


def _level(samples: memoryview) -> float:
    """Return the -dBov of one block."""
    mean_square = sum(map(mul, samples, samples)) / len(samples) / _FULL_SCALE**2
    return _SILENT_LEVEL if mean_square <= 0 else round(min(_SILENT_LEVEL, -10 * math.log10(mean_square)), 3)


def _bytes(samples: memoryview) -> bytes:
    """Return what `samples` shows: the very object where it is one, which knows its hash and cannot have changed."""
    behind = samples.obj
    return behind if isinstance(behind, bytes) and len(behind) == samples.nbytes else samples.tobytes()


class Frames:
    """Pushes frames into an SDK audio source and logs each one."""

    def __init__(self, lines: Lines, lag: Lag) -> None:
        """Log to `lines`, with the loop lag that `lag` sees."""
        self._lines = lines
        self._lag = lag

    @classmethod
    def create(cls, path: str | os.PathLike[str], lag: Lag) -> Frames:
        """Create the log file at `path`."""
        return cls(Lines.create(path, "frames"), lag)

    async def push(self, source: Any, frame: Any, *, number: int, available_ns: int, scheduled_ns: int) -> None:
        """Push the SDK's `frame` into `source` and log it; an SDK error becomes the line's `error`."""
        error = None
        pushed: int = time.monotonic_ns()
        returned: int | None = None
        try:
            await source.capture_frame(frame)
            returned = time.monotonic_ns()
        except Exception as failure:  # noqa: BLE001 - whatever the SDK raises is evidence about this frame
            error = f"{type(failure).__name__}: {failure}"
        times = {"available": available_ns, "scheduled": scheduled_ns, "pushed": pushed, "returned": returned}
        self._log(frame, number, times, error)

    def skipped(self, frame: Any, *, number: int, available_ns: int, scheduled_ns: int) -> None:
        """Log a frame that was made and that the program never pushed."""
        times = {"available": available_ns, "scheduled": scheduled_ns, "pushed": None, "returned": None}
        self._log(frame, number, times, None)

    def close(self) -> None:
        """Close the log; idempotent."""
        self._lines.close()

    def _log(self, frame: Any, number: int, times: dict[str, int | None], error: str | None) -> None:
        """Write the line of one frame."""
        block = frame.sample_rate // BLOCKS_PER_SECOND * frame.num_channels
        self._lines.write(
            {
                "frame": number,
                **times,
                "samples": frame.samples_per_channel,
                "levels": levels_dbov(_bytes(frame.data), block),
                "lag_ms": self._lag.take_ms(),
                "error": error,
            }
        )
