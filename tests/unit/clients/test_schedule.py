"""When frames are due, and where faults fall."""

from __future__ import annotations

from dataclasses import replace

from lab.clients.acts import Act, acts
from lab.clients.config import Config
from lab.clients.schedule import Schedule
from lab.faults import Skip, Stall

MS = 1_000_000
CONFIG = Config(
    role="publisher",
    audio=None,
    frame_ms=20,
    sample_rate=48_000,
    frames_total=700,
    media_frame=100,
    media_frames=500,
    bitrate_bps=48_000,
    red=True,
    dtx=False,
    queue_ms=200,
    ahead_ms=60,
    inject=(),
    peers=(),
    audible=(),
)


def test_frames_are_due_every_20_ms_and_there_60_ms_before() -> None:
    """The first ones are there at the start; frame 90 000 (half an hour later) has not drifted by a nanosecond."""
    schedule = Schedule(start_ns=1_000 * MS, ahead_ms=60, frame_ms=20)
    assert [schedule.available_ns(frame) // MS for frame in range(6)] == [1_000, 1_000, 1_000, 1_000, 1_020, 1_040]
    assert schedule.scheduled_ns(0) == 1_000 * MS
    assert schedule.scheduled_ns(90_000) == (1_000 + 1_800_000) * MS


def test_a_frame_is_what_is_pushed_at_a_time() -> None:
    """Of 50 ms each, frame 7 is due after 350 ms."""
    schedule = Schedule(start_ns=0, ahead_ms=60, frame_ms=50)
    assert (schedule.scheduled_ns(7), schedule.available_ns(7)) == (350 * MS, 290 * MS)


def test_after_a_stall_the_program_is_ahead_again() -> None:
    """400 ms of nothing before frame 10, of which 60 ms were queued: what follows moves by 340 ms."""
    schedule = Schedule(start_ns=0, ahead_ms=60, frame_ms=20)
    waited = schedule.available_ns(10)
    schedule.resume(10, waited + 400 * MS)
    assert schedule.scheduled_ns(10) == waited + 400 * MS
    assert schedule.scheduled_ns(11) == (11 * 20 + 340) * MS
    assert schedule.available_ns(13) == waited + 400 * MS


def test_a_stall_shorter_than_the_queue_moves_nothing() -> None:
    """40 ms late with 60 ms queued is heard by nobody."""
    schedule = Schedule(start_ns=0, ahead_ms=60, frame_ms=20)
    schedule.resume(10, schedule.available_ns(10) + 40 * MS)
    assert schedule.scheduled_ns(10) == 200 * MS


def test_stalls_are_spread_evenly_over_the_media() -> None:
    """At (i + 0.5) / times of the media; two that fall on one frame follow each other."""
    stall = Act(kind="stall", length_ms=400)
    assert acts(replace(CONFIG, inject=(Stall(client="publisher", length_ms=400, times=5),))) == {
        frame: [stall] for frame in (150, 250, 350, 450, 550)
    }
    twice = (Stall(client="publisher", length_ms=400, times=1), Stall(client="publisher", length_ms=100, times=1))
    assert acts(replace(CONFIG, inject=twice)) == {350: [stall, Act(kind="stall", length_ms=100)]}


def test_every_nth_media_frame_is_skipped() -> None:
    """Every 20th of 500 is 25, none outside the media."""
    found = acts(replace(CONFIG, inject=(Skip(client="publisher", every=20),)))
    assert (len(found), min(found), max(found)) == (25, 119, 599)
