"""How a listener reads what it is given: at once and always, unless it was told to be slow or to stop too early.

Law: what it does wrong is written to `injected.jsonl`, which the judge never reads; the event loop stays free.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

from lab.clients.config import Config
from lab.clients.go import sleep_until, wait_start_ns
from lab.faults import READ_MS, ClientFault, CutEnd, SlowReader
from lab.probe.lines import Lines

_MS = 1_000_000
F = TypeVar("F", bound=ClientFault)


def ordered(config: Config, kind: type[F]) -> F | None:
    """Return the fault of `kind` that is ordered, None when there is none."""
    return next((fault for fault in config.inject if isinstance(fault, kind)), None)


def capacity(config: Config) -> int:
    """Return how many frames of 10 ms the SDK's queue holds; 0 is as many as come."""
    slow = ordered(config, SlowReader)
    return slow.capacity_ms // READ_MS if slow else 0


async def media_ns(config: Config, folder: Path) -> tuple[int, int]:
    """Wait for the start signal and return when the media begins and ends by everybody's plan (CLOCK_MONOTONIC)."""
    start_ns = await wait_start_ns(folder)
    frames = (config.media_frame, config.media_frame + config.media_frames)
    from_ns, to_ns = (start_ns + frame * config.frame_ms * _MS for frame in frames)
    return from_ns, to_ns


class Reader:
    """Hands on what an SDK stream gives, as slowly and for as long as ordered."""

    def __init__(self, config: Config, folder: Path, injected: Lines) -> None:
        """Read as `config` says; `folder` gets the start signal."""
        self._config = config
        self._folder = folder
        self._injected = injected

    async def read(self, stream: Any) -> AsyncIterator[Any]:
        """Yield every event of `stream` until it ends or reading is to stop; the stream is closed then."""
        slow, cut = ordered(self._config, SlowReader), ordered(self._config, CutEnd)
        slowed: tuple[int, int] | None = None
        planned = asyncio.create_task(media_ns(self._config, self._folder))
        async for event in stream:
            from_ns, to_ns = planned.result() if planned.done() else (None, None)
            now = time.monotonic_ns()
            if cut and to_ns is not None and now >= to_ns - cut.by_ms * _MS:
                self._injected.write({"kind": "cut_end", "from": now, "to": to_ns})
                break
            yield event
            if slow and from_ns is not None and to_ns is not None and from_ns <= now < to_ns:
                await sleep_until(now + int(slow.per_frame_ms * _MS))
                slowed = (slowed[0] if slowed else now, time.monotonic_ns())
            elif slowed:
                self._injected.write({"kind": "slow_reader", "from": slowed[0], "to": slowed[1]})
                slowed = None
        planned.cancel()
        await stream.aclose()
