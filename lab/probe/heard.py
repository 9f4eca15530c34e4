"""What a program read from the SDK: the samples (`heard-<publisher>.pcm`), when how many had been read, and loop lag.

Law: read at once and always, whatever comes; the SDK's queue behind the reader stays empty. A loop that is blocked
reads nothing, so its worst lag stands beside each count.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from typing import Any

from lab.probe.lag import Lag
from lab.probe.lines import Lines

NOTE_EVERY_SAMPLES = 4_800  # 100 ms at 48 kHz


class Heard:
    """Records one publisher's audio as it is read; a second track of the same publisher is appended."""

    def __init__(self, pcm: Any, reads: Lines) -> None:
        """Write samples to the binary file `pcm` and counts to `reads`."""
        self._pcm = pcm
        self._reads = reads
        self._lag = Lag()
        self._samples = 0
        self._noted = 0

    @classmethod
    def create(cls, folder: str | os.PathLike[str], publisher: str) -> Heard:
        """Create both files of `publisher` in `folder`."""
        stem = os.path.join(folder, "heard-" + publisher)  # noqa: PTH118 - any path type
        return cls(open(stem + ".pcm", "xb"), Lines.create(stem + ".jsonl", "reads"))  # noqa: PTH123

    async def record(self, stream: AsyncIterator[Any]) -> None:
        """Read `stream` (the SDK's AudioStream) to its end."""
        try:
            with self._lag.watching():
                async for event in stream:
                    self.add(event.frame)
        finally:
            self._note_rest()

    def add(self, frame: Any) -> None:
        """Append one frame of the SDK; note the count each 100 ms."""
        self._pcm.write(frame.data)
        self._samples += frame.samples_per_channel
        if self._samples - self._noted >= NOTE_EVERY_SAMPLES:
            self._note()

    def _note(self) -> None:
        """Write how many samples are on disk now, and how late the loop has been since the last line."""
        self._pcm.flush()
        self._noted = self._samples
        self._reads.write({"t": time.monotonic_ns(), "samples": self._samples, "lag_ms": self._lag.take_ms()})

    def _note_rest(self) -> None:
        """Note what was read since the last line; nothing when that is nothing, so that the last line dates a read."""
        if self._samples != self._noted:
            self._note()

    def close(self) -> None:
        """Note what was read and close both files."""
        self._note_rest()
        self._pcm.close()
        self._reads.close()
