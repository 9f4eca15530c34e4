"""What a publisher does wrong before which frame, computed from its orders before the first one is pushed.

Law: the frames of the media alone, numbered as pushed; what happens `times` times happens at (i + 0.5) / times of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lab.clients.config import Config
from lab.faults import (
    BackendBursts,
    BackendLate,
    BlockLoop,
    ClientFault,
    Mute,
    Overlap,
    Skip,
    Slow,
    Stall,
)

Kind = Literal[
    "stall", "backend_late", "backend_bursts", "arrived", "slow", "block_loop", "overlap", "mute", "unmute", "skip"
]


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing done wrong before a frame is pushed, for `length_ms` where it takes time."""

    kind: Kind
    length_ms: float = 0


def acts(config: Config) -> dict[int, list[Act]]:
    """Return what is done wrong before which frame; one at the same frame follows the other."""
    found: dict[int, list[Act]] = {}
    for fault in config.inject:
        for frame, act in _of(fault, config):
            found.setdefault(frame, []).append(act)
    return found


def _of(fault: ClientFault, config: Config) -> Iterator[tuple[int, Act]]:
    first, end = config.media_frame, config.media_frame + config.media_frames
    match fault:
        case Stall() | BackendLate() | BlockLoop() | Overlap():
            yield from ((at, _timed(fault)) for at in _spread(config, fault.times))
        case Mute():
            yield from _mutes(fault, config)
        case BackendBursts():
            yield from _bursts(fault, config)
        case Slow():
            yield from ((at, Act(kind="slow", length_ms=fault.per_frame_ms)) for at in range(first, end))
        case Skip():
            yield from ((at, Act(kind="skip")) for at in range(first + fault.every - 1, end, fault.every))


def _timed(fault: Stall | BackendLate | BlockLoop | Overlap) -> Act:
    kinds: dict[type, Kind] = {
        Stall: "stall",
        BackendLate: "backend_late",
        BlockLoop: "block_loop",
        Overlap: "overlap",
    }
    return Act(kind=kinds[type(fault)], length_ms=fault.length_ms)


def _spread(config: Config, times: int) -> Iterator[int]:
    return (config.media_frame + (2 * i + 1) * config.media_frames // (2 * times) for i in range(times))


def _mutes(fault: Mute, config: Config) -> Iterator[tuple[int, Act]]:
    for at in _spread(config, fault.times):
        if fault.pushing:
            yield at, Act(kind="mute")
            yield at + max(1, fault.length_ms // config.frame_ms), Act(kind="unmute")
        else:
            yield at, Act(kind="mute", length_ms=fault.length_ms)
            yield at, Act(kind="unmute")


def _bursts(fault: BackendBursts, config: Config) -> Iterator[tuple[int, Act]]:
    """Yield the wait before each burst; every other frame of it has arrived with the first."""
    size = fault.every_ms // config.frame_ms
    for i in range(config.media_frames):
        waits = i % size == 0
        act = Act(kind="backend_bursts", length_ms=fault.gap_ms) if waits else Act(kind="arrived")
        yield config.media_frame + i, act
