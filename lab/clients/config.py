"""`config.json`: what the lab tells a participant. Every key is required, unknown ones are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from lab.faults import ClientFault, read

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """One participant's orders.

    Frames are what is pushed at a time, `frame_ms` each, numbered from 0; `media_frames` of them from `media_frame` on
    are the measured media, over which faults are spread. `audio` is a sound file in its folder, None for the marks.
    `peers` must be heard before it is ready; only publishers named in `audible` are subscribed to.
    """

    role: Literal["publisher", "subscriber", "both"]
    audio: str | None
    frame_ms: int
    sample_rate: int
    frames_total: int
    media_frame: int
    media_frames: int
    bitrate_bps: int
    red: bool
    dtx: bool
    queue_ms: int
    ahead_ms: int
    inject: tuple[ClientFault, ...]
    peers: tuple[str, ...]
    audible: tuple[str, ...]

    @property
    def publishes(self) -> bool:
        """Say whether it pushes audio."""
        return self.role != "subscriber"


def load(path: Path) -> Config:
    """Read `path`; raise ValueError naming what is wrong with it."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    if raw.pop("format", None) != FORMAT:
        raise ValueError(f"{path}: format is not {FORMAT}; lab and client programs must be of the same version")
    expected = {field.name for field in fields(Config)}
    if set(raw) != expected:
        raise ValueError(f"{path}: missing {sorted(expected - set(raw))}, unknown {sorted(set(raw) - expected)}")
    inject = tuple(read(fault) for fault in raw.pop("inject"))
    return Config(inject=inject, peers=tuple(raw.pop("peers")), audible=tuple(raw.pop("audible")), **raw)
