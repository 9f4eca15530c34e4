"""What a run tells while it runs, and what it may be answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

KEPT = "kept"
"""The phase whose detail says how to remove a lab that was left standing on purpose."""
FAILED = "failed"
"""The phase whose detail is an error, and is shown even to somebody who wants no progress."""

NOTE = "note"
"""The phase whose detail somebody must know who asked for something else than what is done."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """One hop so far: `offered` packets came to it, `dropped` of them did not leave it, by causes; frames at playout.

    `client` is whose link or ear it is, empty for the server.
    """

    hop: Literal["uplink", "server", "downlink", "playout"]
    client: str
    offered: int
    dropped: int
    causes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One moment of a run: a word of the story, what is new, and how long the phase lasts still.

    `run` says which of several runs it is, empty where there is one. `counts` reads what every hop has dropped since
    it was read first, for a watch that wants to know; it is valid in that moment only.
    """

    phase: str
    detail: str = ""
    left_s: float | None = None
    run: str = ""
    counts: Callable[[], tuple[Count, ...]] | None = None


Watch = Callable[[Progress], bool]
"""Receives each moment; True means "enough": end the media now and keep what there is."""


def silent(_: Progress) -> bool:
    """Watch nothing."""
    return False
