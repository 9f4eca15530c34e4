"""When a run may end: what every publisher has made, and whether every listener has heard what came after it.

Law: a jitter buffer never goes back. A listener that heard a frame made after the window has played the window, or
never will. Where that cannot be seen (a sound file, silence, a listener that keeps nothing, links so slow that one
name of a mark may mean two frames) nothing is concluded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lab.evidence import names
from lab.rig.programs.clients import Running
from lab.scenario.model import Media

_TAIL_BYTES = 4_096
"""More than the longest line of frames.jsonl."""
_LAST_BYTES = 2 * 48 * 120
"""The last 120 ms of sound: a listener writes it down each 100 ms."""
NAMES = 64
"""After so many frames, 1.28 s, the names of marks come again: who is later than that is not heard in time."""
FRAME_MS = 20
"""As in `lab.marks`, like NAMES; that needs numpy, for which nobody is to wait before media runs."""
_AGAIN_S = (NAMES * FRAME_MS / 1000 - 0.28) / 2
"""What is longer on its way than this may have the name of a later frame when it is heard: a delay that came all at
once is held as long again in the jitter buffer, beside the 0.28 s that one may hold anyway."""
_ENOUGH = 2
"""Different frames that must be heard: one might be made of pieces of others."""


def made(publisher: Path) -> int:
    """Return how many pushes the program in `publisher` has made so far, skipped ones included."""
    try:
        with (publisher / names.CLIENT_FRAMES).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            *lines, _unfinished = file.read().split(b"\n")
    except FileNotFoundError:
        return 0
    return int(json.loads(lines[-1]).get("frame", -1)) + 1 if lines else 0


class Ears:
    """Looks whether all that was made until its creation has been heard."""

    def __init__(self, joined: Sequence[Running], media: Media, on_the_way_s: float) -> None:
        """Take what was made until now as what is to be heard, which may be `on_the_way_s` through the links."""
        self._frame_ms = media.frame_ms
        told = media.audio is None and on_the_way_s <= _AGAIN_S
        self._pairs = tuple(_pairs(joined)) if told else ()
        self._first = {publisher: self._frames(publisher) + 1 for publisher, _ in self._pairs}

    def have_heard(self) -> bool:
        """Return whether every listener has heard frames of every publisher that were made since."""
        return bool(self._pairs) and all(self._has_heard(publisher, sound) for publisher, sound in self._pairs)

    def _has_heard(self, publisher: Path, sound: Path) -> bool:
        since = range(self._first[publisher], self._frames(publisher))[:NAMES]
        return len(since) >= _ENOUGH and _heard(sound, since)

    def _frames(self, publisher: Path) -> int:
        return made(publisher) * self._frame_ms // FRAME_MS


def _pairs(joined: Sequence[Running]) -> Iterator[tuple[Path, Path]]:
    """Yield every publisher's folder, with the file of its sound, for each who listens to it."""
    for listener in joined:
        for publisher in joined:
            if listener.client.role != "publisher" and publisher.client.role != "subscriber" and listener != publisher:
                name = names.CLIENT_HEARD.format(publisher=publisher.client.name)
                yield publisher.folder, listener.folder / name


def _heard(file: Path, frames: Iterable[int]) -> bool:
    from lab.marks import symbol, symbols_in  # numpy: see FRAME_MS

    try:
        with file.open("rb") as sound:
            size = sound.seek(0, os.SEEK_END) // 2 * 2
            sound.seek(max(0, size - _LAST_BYTES))
            return len(symbols_in(sound.read(_LAST_BYTES)) & set(map(symbol, frames))) >= _ENOUGH
    except FileNotFoundError:
        return False
