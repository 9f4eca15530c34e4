"""When a run may end: what was made, and what of it was heard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab.errors import Interrupted
from lab.evidence import names
from lab.marks import NAMES, marked_frame, steps_down_db, symbol
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


def test_marks_are_as_many_as_is_said_here() -> None:
    """What stands here again, so that numpy need not be loaded, is what `lab.marks` makes."""
    assert ending.NAMES == NAMES
    assert len({symbol(frame) for frame in range(NAMES)}) == NAMES
    assert all(symbol(frame + NAMES) == symbol(frame) for frame in range(NAMES))


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


def apart(frames: range) -> list[int]:
    """Return those of `frames` whose level no frame of the same tones had in the three rounds before."""
    rounds = range(1, ending.ROUNDS + 1)
    older = {k: [k - n * ending.NAMES for n in rounds] for k in frames}
    return [k for k in frames if all(steps_down_db(k) != steps_down_db(old) for old in older[k] if old >= 0)]


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_old_frames_with_the_tones_of_new_ones_are_not_taken_for_them(tmp_path: Path, rounds: int) -> None:
    """Tones come again after 1.28 s, levels do not: who is late by that, or two or three times, hears what is old."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.2)
    make(tmp_path, 350)
    for first in range(301, 350, 7):
        hear(tmp_path, *(frame - rounds * ending.NAMES for frame in range(first, min(first + 7, 350))))
        assert not ears.have_heard()
    hear(tmp_path, *apart(range(301, 350))[:3])
    assert ears.have_heard()


def test_only_the_first_round_of_new_names_is_a_sign(tmp_path: Path) -> None:
    """Of later ones the fourth round before is old as well, and is not looked at: the same tones, the same levels."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.2)
    make(tmp_path, 428)
    fourth = (ending.ROUNDS + 1) * ending.NAMES
    later = apart(range(301 + ending.NAMES, 428))
    alike = [frame - fourth for frame in later if steps_down_db(frame) == steps_down_db(frame - fourth)]
    assert len(alike) >= 2
    hear(tmp_path, *alike[:5])
    assert not ears.have_heard()
    hear(tmp_path, *apart(range(301, 301 + ending.NAMES))[-3:])
    assert ears.have_heard()


def test_new_frames_may_be_heard_one_after_another(tmp_path: Path) -> None:
    """Two that are told apart need not stand in the same 120 ms."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.2)
    make(tmp_path, 350)
    first, second = apart(range(301, 350))[:2]
    for frame, heard in ((first, False), (first, False), (second, True)):
        hear(tmp_path, *[290] * 8, frame)
        assert ears.have_heard() is heard


class Playing:
    """CLOCK_MONOTONIC that sleeping alone advances; each 100 ms the listener hears the next of `rows`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, rows: list[list[int]]) -> None:
        self.now_s = 0.0
        self._folder, self._rows = folder, rows
        monkeypatch.setattr("time.monotonic", lambda: self.now_s)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        """Pass the time, and play what is due."""
        before, self.now_s = self.now_s, self.now_s + seconds
        if self._rows and int(before * 10) != int(self.now_s * 10):
            hear(self._folder, *self._rows.pop(0))


def never(_: float) -> bool:
    """Say that something is still on the way."""
    return False


def behind(frames: range) -> list[list[int]]:
    """Return what a listener hears each 100 ms who is to hear `frames`."""
    return [list(frames[i : i + 5]) for i in range(0, len(frames), 5)]


def test_who_still_hears_what_is_old_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server short of CPU, and the jitter buffer behind it, hold 2 s of sound: all of it is heard before the end."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.0)
    make(tmp_path, 350)
    time = Playing(monkeypatch, tmp_path, behind(range(200, 350)))
    assert ears.wait(never)
    assert 2.0 < time.now_s < 2.6


def test_a_listener_that_hears_nothing_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its link is cut: what it heard last is no sign that it will hear more."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    hear(tmp_path, *range(240, 260))
    ears = ending.Ears(everybody, MEDIA, 0.5)
    make(tmp_path, 350)
    time = Playing(monkeypatch, tmp_path, [])
    assert not ears.wait(never)
    assert time.now_s == pytest.approx(ending.DRAIN_S + 0.5, abs=2 * ending.POLL_S)


def test_no_listener_is_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hears the same over and over ends the patience."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.0)
    make(tmp_path, 350)
    time = Playing(monkeypatch, tmp_path, [list(range(250, 255))] * 100)
    assert not ears.wait(never)
    assert time.now_s == pytest.approx(ending.DRAIN_S + ending.BEHIND_S, abs=2 * ending.POLL_S)


def test_what_is_told_at_each_look_may_end_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing on the way any more it ends long before a queue that might have been full is empty."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 500.0)
    time, left = Playing(monkeypatch, tmp_path, []), list[float]()
    assert not ears.wait(lambda left_s: left.append(left_s) or time.now_s > 7)
    assert time.now_s == pytest.approx(7, abs=2 * ending.POLL_S)
    assert (left[0], len(left)) == (ending.DRAIN_S + 500, pytest.approx(7 / ending.POLL_S, abs=2))

    def signalled(_: float) -> bool:
        raise Interrupted(15)

    with pytest.raises(Interrupted):
        ears.wait(signalled)


def test_empty_links_do_not_hurry_a_listener_that_is_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it still hears is in the server, or in its jitter buffer."""
    everybody = joined(tmp_path)
    make(tmp_path, 300)
    ears = ending.Ears(everybody, MEDIA, 0.0)
    make(tmp_path, 350)
    time = Playing(monkeypatch, tmp_path, behind(range(200, 350)))
    assert ears.wait(lambda _: time.now_s > 0.5)
    assert time.now_s > 2.0


def test_longer_pushes_are_counted_in_frames(tmp_path: Path) -> None:
    """A push of 60 ms is three frames."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    ears = ending.Ears(everybody, replace(MEDIA, frame_ms=60), 0.2)
    make(tmp_path, 108)
    hear(tmp_path, 299, 300)
    assert not ears.have_heard()
    hear(tmp_path, *apart(range(303, 320))[:3])
    assert ears.have_heard()


def test_a_sound_file_says_nothing_of_what_was_heard(tmp_path: Path) -> None:
    """It carries no marks, whatever it sounds like."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    speech = replace(MEDIA, audio=Sound(file="s.wav", sha256="0", path=None))
    ears = ending.Ears(everybody, speech, 0.2)
    make(tmp_path, 150)
    hear(tmp_path, *apart(range(102, 150))[:3])
    assert not ears.have_heard()


@pytest.mark.parametrize(("on_the_way_s", "concluded"), [(1.77, True), (1.79, False)])
def test_of_slow_links_nothing_is_concluded(tmp_path: Path, on_the_way_s: float, concluded: bool) -> None:
    """What is heard 5 s late may look like what is made now; a sudden delay is in the jitter buffer once more."""
    everybody = joined(tmp_path)
    make(tmp_path, 100)
    ears = ending.Ears(everybody, MEDIA, on_the_way_s)
    make(tmp_path, 150)
    hear(tmp_path, *apart(range(102, 150))[:3])
    assert ears.have_heard() is concluded
