"""A wall clock that was set: before the media, by little and little, or before the pacer was there to see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Gate, Outcome, RunVerdict
from lab.evidence.accounts import HostSecond
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, Plan, recording

ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
FIRST_MS = -1000
"""When, after go, the pacer's first second ends; another ends each second, one at go."""
OFFSET_NS = 7
HOUR_MS = 3_600_000


def judged(set_by_ms: Callable[[float], float], *began_ms: float) -> RunVerdict:
    """Judge a clean run whose clock had been set by `set_by_ms` so many ms after go.

    The pacer's own times keep the clock it began with; `began_ms` are the clocks the listener's files began with.
    """
    run = recording(Plan())
    publisher, subscriber = run.clients

    def noted(second: HostSecond) -> HostSecond:
        by_ns = int(set_by_ms((second.t_ns - GO_NS) / MS) * MS)
        shifted_ns = by_ns - int(set_by_ms(FIRST_MS) * MS)
        return replace(second, t_ns=second.t_ns - shifted_ns, clock_offset_ns=OFFSET_NS + by_ns)

    behind = (replace(run.seconds[-1], t_ns=GO_NS + at_ms * MS) for at_ms in (8000, 9000))
    seconds = tuple(noted(second) for second in (*run.seconds, *behind))
    began = tuple(OFFSET_NS + int(ms * MS) for ms in began_ms)
    return judge(replace(run, seconds=seconds, clients=(publisher, replace(subscriber, clock_offsets_ns=began))), ASKED)


def clock(run: RunVerdict) -> Gate:
    """Return the gate of the clock."""
    return next(gate for gate in run.gates if gate.name == "clock")


@pytest.mark.parametrize("by_ms", [100, -100, HOUR_MS, -HOUR_MS])
def test_a_step_before_the_media_voids_the_run_and_says_when_and_how_much(by_ms: int) -> None:
    """Whatever began before it keeps the old clock in its times, and the captures have the new one."""
    run = judged(lambda at_ms: by_ms * (at_ms >= 0))
    assert run.outcome == Outcome.VOID
    assert clock(run).value == abs(by_ms)
    words = f"the machine's clock was set during the run, by {by_ms:+d} ms, 1.2 s before the media"
    assert run.void == (f"clock: {words}",)


def test_a_step_within_the_media_says_how_far_into_it() -> None:
    """The second that saw it ends 4 s after go, the media began 1.24 s after."""
    assert judged(lambda at_ms: 20 * (at_ms >= 4000)).void[0].endswith("by +20 ms, 2.8 s into the media")


def test_a_step_that_only_the_clients_saw_the_other_side_of_voids_the_run() -> None:
    """They begin their files before the pacer is started: all it saw is the new clock."""
    run = judged(lambda _: 0.0, 0.0, -100.0)
    assert (run.outcome, clock(run).value) == (Outcome.VOID, 100.0)
    assert run.void[0].endswith("by +100 ms, after subscriber had begun to write down its times")


@pytest.mark.parametrize(("by_ms", "void"), [(0.5, False), (1.0, False), (2.0, True)])
def test_steps_too_small_to_matter_add_up(by_ms: float, void: bool) -> None:
    """Each is below the limit, and 5 ms in all is what the judge bears."""
    run = judged(lambda at_ms: by_ms * min(5, (at_ms - FIRST_MS) // 1000))
    assert clock(run).value == 5 * by_ms
    assert (run.outcome == Outcome.VOID) == void


def test_a_step_behind_the_media_voids_nothing() -> None:
    """The media ends just before 7 s after go, and the second that is then under way is the last that counts."""
    assert judged(lambda at_ms: 100 * (at_ms >= 7000)).outcome == Outcome.VOID
    run = judged(lambda at_ms: 100 * (at_ms >= 8000))
    assert (run.outcome, clock(run).value) == (Outcome.PASS, 0.0)


def test_files_that_do_not_say_and_a_clock_that_nobody_watched_void_nothing() -> None:
    """Without the pacer there is nothing that a file's clock could be compared with."""
    run = recording(Plan())
    clients = tuple(replace(client, clock_offsets_ns=(0, 100 * MS)) for client in run.clients)
    assert clock(judge(replace(run, clients=clients, seconds=()), ASKED)).ok is None
    assert clock(judged(lambda _: 0.0)).ok
