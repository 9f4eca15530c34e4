"""When a run may end: what every publisher has made, and whether every listener has heard what came after it.

Law: a jitter buffer never goes back. A listener that heard a frame made after the window has played the window, or
never will. One that still hears what was made before is waited for, whatever made it so late. Where that cannot be seen
(a sound file, silence, a listener that keeps nothing, links slower than marks tell apart) nothing is concluded.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab.evidence import names
from lab.pcm import FRAME_MS
from lab.rig.layout.lifetime import BEHIND_S, DRAIN_S
from lab.rig.programs.clients import Running
from lab.scenario.model import Media

POLL_S = 0.02
_TAIL_BYTES = 4_096
"""More than the longest line of frames.jsonl."""
_LAST_BYTES = 2 * 48 * 120
"""The last 120 ms of sound: a listener writes it down each 100 ms."""
NAMES = 64
"""As in `lab.marks`, which needs numpy, for which nobody is to wait before media runs."""
ROUNDS = 3
"""So many times the names come again before what is heard may be taken for what is made now."""
_AGAIN_S = (ROUNDS * NAMES * FRAME_MS / 1000 - 0.28) / 2
"""What is longer on its way than this may be older than that when it is heard: a delay that came all at once is held as
long again in the jitter buffer, beside the 0.28 s that one may hold anyway."""
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
        self._on_the_way_s = on_the_way_s
        told = media.audio is None and on_the_way_s <= _AGAIN_S
        self._pairs = tuple(_Pair(*folders, self._frames(folders[0]) + 1) for folders in _pairs(joined) if told)

    def wait(self, tick: Callable[[float], bool]) -> bool:
        """Wait until every listener has heard what was made since, and say whether all have.

        That is waited for as long as anything may be on the way, and `DRAIN_S`; from when one still heard what is older
        `DRAIN_S` anew, but `BEHIND_S` more at most. At each look `tick` is told how many seconds are left, and says
        whether nothing is on the way any more; what it raises ends the wait.
        """
        until = time.monotonic() + DRAIN_S + self._on_the_way_s
        latest, behind_until = until + BEHIND_S, 0.0
        while (left_s := until - time.monotonic()) > 0:
            empty = tick(left_s)
            if self.have_heard():
                return True
            if any(pair.behind for pair in self._pairs):
                behind_until = time.monotonic() + DRAIN_S
                until = min(latest, max(until, behind_until))
            elif empty and time.monotonic() > behind_until:
                break
            time.sleep(POLL_S)
        return False

    def have_heard(self) -> bool:
        """Return whether every listener has heard frames of every publisher that were made since."""
        looked = [pair.has_heard(self._frames(pair.publisher)) for pair in self._pairs]  # at every one, each time
        return bool(looked) and all(looked)

    def _frames(self, publisher: Path) -> int:
        return made(publisher) * self._frame_ms // FRAME_MS


class _Pair:
    """A publisher's folder, the file of its sound at a listener, and the first of its frames that are new.

    `behind` says whether the listener had heard more when it was last looked at, all of it old.
    """

    def __init__(self, publisher: Path, sound: Path, first: int) -> None:
        self.publisher = publisher
        self.behind = False
        self._sound, self._first, self._size = sound, first, 0
        self._new: set[tuple[int, int]] = set()

    def has_heard(self, frames: int) -> bool:
        """Look at the last 120 ms of sound; say whether new frames have been heard, `frames` being made by now."""
        from lab.marks import marks_in  # numpy: see NAMES

        size, sound = _last(self._sound)
        heard, grew, self._size = marks_in(sound), size > self._size, size
        new = heard & set(_told_apart(range(self._first, frames)[:NAMES]))
        self.behind = grew and bool(heard) and not new
        self._new |= new
        return len(self._new) >= _ENOUGH


def _pairs(joined: Sequence[Running]) -> Iterator[tuple[Path, Path]]:
    """Yield every publisher's folder, with the file of its sound, for each who listens to it."""
    for listener in joined:
        for publisher in joined:
            if listener.client.role != "publisher" and publisher.client.role != "subscriber" and listener != publisher:
                name = names.CLIENT_HEARD.format(publisher=publisher.client.name)
                yield publisher.folder, listener.folder / name


def _last(sound: Path) -> tuple[int, bytes]:
    """Return how many bytes there are of whole samples, and the last 120 ms of them; nothing where there is no file."""
    try:
        with sound.open("rb") as file:
            size = file.seek(0, os.SEEK_END) // 2 * 2
            file.seek(max(0, size - _LAST_BYTES))
            return size, file.read(_LAST_BYTES)
    except FileNotFoundError:
        return 0, b""


def _told_apart(frames: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the marks of those `frames` that no frame has which is `ROUNDS` rounds of names older, or less."""
    from lab.marks import steps_down_db, symbol  # numpy: see NAMES

    for frame in frames:
        older = {steps_down_db(frame - NAMES * rounds) for rounds in range(1, ROUNDS + 1) if frame >= NAMES * rounds}
        if steps_down_db(frame) not in older:
            yield symbol(frame), steps_down_db(frame)
