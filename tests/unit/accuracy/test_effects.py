"""What a fault cost at least and at most, worked out by hand from lines of the injector's log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lab.evidence import names
from lab.scenario.load import loads
from tests.accuracy.effects import (
    Measure,
    dragged,
    felt,
    frozen,
    muted,
    overflowed,
    paused,
    swallowed,
    unbuffered,
    unheard,
    unpushed,
)
from tests.accuracy.log import PUBLISHER, SUBSCRIBER, Log
from tests.unit.analysis.build import MS, Plan, recording

FRAMES = 500
"""Of 10 s."""


def log(folder: Path, more: str = "") -> Log:
    """Return the log of 10 s of media, pushed 60 ms ahead; `more` stands in its scenario."""
    scenario = loads(f"version: 1\nmedia: {{duration: {FRAMES * 20}ms}}\n{more}")
    return Log(path=folder, recording=recording(Plan()), scenario=scenario)


def wrote(folder: Path, file: str, lines: Iterable[dict[str, Any]]) -> None:
    """Leave `lines` in a file of the run."""
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))


def lasting(kind: str, *lengths_ms: int) -> list[dict[str, Any]]:
    """Return a line of `kind` for each length, a second apart, and one of another kind."""
    since = [n * 1000 * MS for n in range(len(lengths_ms))]
    lines = [{"kind": kind, "from": t, "to": t + ms * MS} for t, ms in zip(since, lengths_ms, strict=True)]
    return [*lines, {"kind": "something else", "from": 0, "to": 900 * MS}]


@pytest.mark.parametrize(
    ("measure", "kind", "lengths_ms", "low", "high"),
    [
        (paused("stall"), "stall", (400, 400), 32, 36),  # each less the 60 ms ahead, give or take a frame
        (paused("stall"), "stall", (50,), 0, 0.5),
        (paused("stall"), "stall", (), 0, 0),
        (unbuffered, "stall", (30, 30), 1.2, 4),
        (unpushed("skip"), "skip", (0,) * 10, 9, 10),
        (dragged, "slow", (30, 30), 43.5, 52.5),  # two frames took 1 030 ms: 990 too many, 120 of them ahead at most
        (dragged, "slow", (), 0, 3),
    ],
)
def test_a_senders_fault(
    measure: Measure, kind: str, lengths_ms: tuple[int, ...], low: float, high: float, tmp_path: Path
) -> None:
    """In frames."""
    wrote(tmp_path, f"clients/{PUBLISHER}/injected.jsonl", lasting(kind, *lengths_ms))
    found = measure(log(tmp_path))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(("pushing", "low", "high"), [("true", 12, 18), ("false", 2, 4)])
def test_a_mute(pushing: str, low: float, high: float, tmp_path: Path) -> None:
    """300 ms, all of it give or take the 60 ms ahead; of a pause in pushing what was on its way when it began."""
    lines = [{"kind": "mute", "from": 0, "to": 0}, {"kind": "unmute", "from": 300 * MS, "to": 300 * MS}]
    wrote(tmp_path, f"clients/{PUBLISHER}/injected.jsonl", lines)
    found = muted(log(tmp_path, f"inject: [{{mute: {{client: publisher, length: 300ms, pushing: {pushing}}}}}]"))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(low), pytest.approx(high))


def test_a_container_that_stood_still(tmp_path: Path) -> None:
    """500 ms, 120 less or 80 more; what another one did is not its own."""
    paused_ns = {"kind": "pause", "from_ns": 0, "to_ns": 500 * MS}
    wrote(tmp_path, names.INJECTED, [paused_ns | {"container": name} for name in (PUBLISHER, SUBSCRIBER, SUBSCRIBER)])
    found = frozen(PUBLISHER)(log(tmp_path))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(19), pytest.approx(29))


def test_a_listener_that_does_not_listen(tmp_path: Path) -> None:
    """A second of ten, give or take 100 ms."""
    wrote(tmp_path, f"clients/{SUBSCRIBER}/injected.jsonl", lasting("subscribe_late", 1000))
    found = unheard("subscribe_late", 100)(log(tmp_path))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(45), pytest.approx(55))


def test_a_listener_that_is_too_slow(tmp_path: Path) -> None:
    """12.5 ms for each 10: a fifth of 10 s, give or take the 50 ms that its queue holds and a tenth."""
    slow = "inject: [{slow_reader: {client: subscriber, per_frame: 12.5ms, capacity: 50ms}}]"
    found = overflowed(log(tmp_path, slow))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(87.5), pytest.approx(112.5))


@pytest.mark.parametrize(("way", "low"), [("up", 0), ("down", 1)])
def test_in_band_fec_may_save_what_the_uplink_lost(
    way: str, low: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three packets in a row are two frames behind RED, one behind FEC too, give or take one at an edge."""
    monkeypatch.setattr(Log, "lost_in_a_row", lambda _, lost: [1, 3] if lost == way else [])
    found = swallowed(way)(log(tmp_path))
    assert (found.low * FRAMES, found.high * FRAMES) == (pytest.approx(low), pytest.approx(3))


def test_what_was_felt_is_taken_by_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth made up: between 4.7 and 15.3 points; nothing made up is never less than nothing."""
    monkeypatch.setattr(Log, "concealed", lambda _: 0.1)
    assert (felt(log(tmp_path)).low, felt(log(tmp_path)).high) == (pytest.approx(0.047), pytest.approx(0.153))
    monkeypatch.setattr(Log, "concealed", lambda _: 0.0)
    assert (felt(log(tmp_path)).low, felt(log(tmp_path)).high) == (0.0, pytest.approx(0.003))
