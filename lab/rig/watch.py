"""What a run tells while it runs, and what it may be answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

KEPT = "kept"
"""The phase whose detail says how to remove a lab that was left standing on purpose."""
FAILED = "failed"
"""The phase whose detail is an error, and is shown even to somebody who wants no progress."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One moment of a run: a word of the story, what is new, and how long the phase lasts still."""

    phase: str
    detail: str = ""
    left_s: float | None = None


Watch = Callable[[Progress], bool]
"""Receives each moment; True means "enough": end the media now and keep what there is."""


def silent(_: Progress) -> bool:
    """Watch nothing."""
    return False
