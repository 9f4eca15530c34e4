"""When a run may end: what was made, and what of it was heard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab.evidence import names
from lab.marks import FRAME_MS, marked_frame, symbol
from lab.rig.programs import ending
from lab.scenario.model import Client, Sound
from tests.unit.rig.layout.test_topology import scenario

MEDIA = scenario({"a": "publisher", "b": "subscriber"}, ()).media


def joined(folder: Path) -> tuple[Any, ...]:
    """Return a publisher `a` and a subscriber `b` with folders of their own."""
    found = []
    for name, role in (("a", "publisher"), ("b", "subscriber")):
        (folder / name).mkdir()
        found.append(SimpleNamespace(client=Client(name=name, role=role), folder=folder / name))  # type: ignore[arg-type]
    return tuple(found)


def make(folder: Path, pushes: int, torn: str = "") -> None:
    """Let publisher `a` have made `pushes`."""
    lines = [json.dumps({"format": 1}), *(json.dumps({"frame": number}) for number in range(pushes))]
    (folder / "a" / names.CLIENT_FRAMES).write_text("\n".join([*lines, torn]))


def hear(folder: Path, *frames: int) -> None:
    """Let subscriber `b` hear `frames` next, out of step with where it began to read."""
    sound = np.concatenate([np.zeros(333, np.int16), *map(marked_frame, frames)])
    with (folder / "b" / names.CLIENT_HEARD.format(publisher="a")).open("ab") as file:
        file.write(sound.astype("<i2").tobytes())


def test_marks_are_as_long_and_as_many_as_is_said_here() -> None:
    """What stands here again, so that numpy need not be loaded, is what `lab.marks` makes."""
    assert ending.FRAME_MS == FRAME_MS
    assert len({symbol(frame) for frame in range(ending.NAMES)}) == ending.NAMES
    assert all(symbol(frame + ending.NAMES) == symbol(frame) for frame in range(ending.NAMES))


@pytest.mark.parametrize(("pushes", "torn"), [(0, ""), (1, ""), (500, ""), (500, '{"frame": 50')])
def test_what_was_made_is_what_was_logged_whole(tmp_path: Path, pushes: int, torn: str) -> None:
    """However long the log; a line under way is not made yet."""
    joined(tmp_path)
    assert ending.made(tmp_path / "a") == 0
    make(tmp_path, pushes, torn)
    assert ending.made(tmp_path / "a") == pushes


def test_all_is_heard_when_something_later_is(tmp_path: Path) -> None:
    """Frames of the window are no sign, nor is one frame after it; two different ones are."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    ears = ending.Ears(everybody, MEDIA, 0.2)
    make(tmp_path, 110)
    assert not ears.have_heard()
    hear(tmp_path, *range(90, 100))
    assert not ears.have_heard()
    hear(tmp_path, 100, 101)
    assert not ears.have_heard()
    hear(tmp_path, 102, 103)
    assert ears.have_heard()


def test_old_frames_of_the_same_name_are_not_taken_for_later_ones(tmp_path: Path) -> None:
    """Marks repeat after 64: what is heard a second late, when nothing of that name was made yet, is old."""
    everybody = joined(tmp_path)
    make(tmp_path, 164)
    ears = ending.Ears(everybody, MEDIA, 0.2)
    make(tmp_path, 174)
    hear(tmp_path, *range(112, 118))  # 112 + 64 = 176, not made yet
    assert not ears.have_heard()


def test_longer_pushes_are_counted_in_frames(tmp_path: Path) -> None:
    """A push of 60 ms is three frames."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    ears = ending.Ears(everybody, replace(MEDIA, frame_ms=60), 0.2)
    make(tmp_path, 103)
    hear(tmp_path, 299, 300)
    assert not ears.have_heard()
    hear(tmp_path, 304, 305)
    assert ears.have_heard()


def test_a_sound_file_says_nothing_of_what_was_heard(tmp_path: Path) -> None:
    """It carries no marks, whatever it sounds like."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    speech = replace(MEDIA, audio=Sound(file="s.wav", sha256="0", path=None))
    ears = ending.Ears(everybody, speech, 0.2)
    make(tmp_path, 110)
    hear(tmp_path, 102, 103, 104)
    assert not ears.have_heard()


@pytest.mark.parametrize(("on_the_way_s", "concluded"), [(0.5, True), (0.51, False)])
def test_of_slow_links_nothing_is_concluded(tmp_path: Path, on_the_way_s: float, concluded: bool) -> None:
    """What is heard 1.3 s late has the name of what is made now; a sudden delay is in the jitter buffer once more."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    ears = ending.Ears(everybody, MEDIA, on_the_way_s)
    make(tmp_path, 110)
    hear(tmp_path, 102, 103, 104)
    assert ears.have_heard() is concluded
