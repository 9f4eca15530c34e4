"""What a participant is told to do wrong: one closed union, read from the entries of `inject` in `config.json`.

Law: times are milliseconds; what happens several times is spread evenly over the media.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Stall:
    """Stop pushing for `length_ms`, `times` times; the event loop stays free."""

    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Make every `every`-th media frame and never push it."""

    every: int


@dataclass(frozen=True, kw_only=True)
class BackendLate:
    """Get the audio `length_ms` late, `times` times."""

    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class BackendBursts:
    """Get the audio `every_ms` of it at once, each such burst `gap_ms` after it was needed."""

    every_ms: int
    gap_ms: int


@dataclass(frozen=True, kw_only=True)
class Slow:
    """Take `per_frame_ms` (more than it lasts) to bring out each media frame; the event loop stays free."""

    per_frame_ms: float


@dataclass(frozen=True, kw_only=True)
class BlockLoop:
    """Block the event loop for `length_ms`, `times` times."""

    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Push `length_ms` of audio without waiting for the SDK to take one frame before the next, `times` times."""

    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Mute:
    """Mute the track for `length_ms`, `times` times, right after a push; meanwhile go on `pushing`, or pause."""

    length_ms: int
    times: int
    pushing: bool


@dataclass(frozen=True, kw_only=True)
class SubscribeLate:
    """Unsubscribe when the media begins, and subscribe again `by_ms` later."""

    by_ms: int


@dataclass(frozen=True, kw_only=True)
class SlowReader:
    """During the media work `per_frame_ms` on each 10 ms read, with a queue that holds `capacity_ms`."""

    per_frame_ms: float
    capacity_ms: int


@dataclass(frozen=True, kw_only=True)
class CutEnd:
    """Stop reading `by_ms` before the end of the media."""

    by_ms: int


Fault = (
    Stall | Skip | BackendLate | BackendBursts | Slow | BlockLoop | Overlap | Mute | SubscribeLate | SlowReader | CutEnd
)
_KINDS: Mapping[str, type[Fault]] = {
    "stall": Stall,
    "skip": Skip,
    "backend_late": BackendLate,
    "backend_bursts": BackendBursts,
    "slow": Slow,
    "block_loop": BlockLoop,
    "overlap": Overlap,
    "mute": Mute,
    "subscribe_late": SubscribeLate,
    "slow_reader": SlowReader,
    "cut_end": CutEnd,
}


def parse(raw: Mapping[str, Any]) -> Fault:
    """Return one entry of `inject`; ValueError for a kind or a parameter that is not known, or missing."""
    told = {name: value for name, value in raw.items() if name not in ("kind", "client")}
    kind = _KINDS.get(raw.get("kind", ""))
    if kind is None or set(told) != {field.name for field in fields(kind)}:
        raise ValueError(f"inject: {dict(raw)} is no fault that this program knows ({', '.join(_KINDS)})")
    return kind(**told)
