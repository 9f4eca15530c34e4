"""A listener's program that was held up reads in one go what NetEQ had delivered one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.ear.listen import delivered_ns
from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import FlowVerdict, Outcome
from lab.evidence.recording import Recording
from lab.evidence.values import Read
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import Plan, first_measured
from tests.unit.analysis.hearing import START_NS, Hearing, heard

S = 1_000_000_000
PLAN = Plan(frames=600, media=500)
ASKED = Asked(media=Media(duration_ms=10_000), expect=tuple(expectations(DEFAULT)))
FROM_NS = START_NS + 4 * S
BEHIND = first_measured(PLAN) + 150
"""A packet that is played while the program is held up."""


def verdict(run: Recording) -> FlowVerdict:
    """Judge the only flow."""
    (flow,) = judge(run, ASKED).flows
    return flow


def held_up(run: Recording, for_ns: int, *, statistics: bool = True) -> Recording:
    """Return `run` with all that was to be read for so long from FROM_NS on read at its end, in one go."""
    publisher, subscriber = run.clients
    (audio,) = subscriber.heard
    until = FROM_NS + for_ns
    reads = tuple(replace(one, t_ns=until) if FROM_NS <= one.t_ns < until else one for one in audio.reads)
    inbound = tuple(one for one in subscriber.inbound if statistics or not FROM_NS <= one.t_ns < until)
    changed = replace(subscriber, heard=(replace(audio, reads=reads),), inbound=inbound)
    return replace(run, clients=(publisher, changed))


@pytest.mark.parametrize("statistics", [True, False])
def test_what_waited_longer_than_neteq_keeps_anything_was_heard(statistics: bool) -> None:
    """Six seconds, with or without statistics meanwhile: all was read, later."""
    flow = verdict(held_up(heard(PLAN, Hearing()), 6 * S, statistics=statistics))
    assert (flow.outcome, flow.frames.heard, flow.frames.unexplained) == (Outcome.PASS, 500, 0)


def test_silence_among_it_is_still_not_what_was_sent() -> None:
    """Ten packets that were read as silence are missed, as they are where nobody is held up."""
    gone = Hearing(silent=range(BEHIND, BEHIND + 10))
    at_once, late = verdict(heard(PLAN, gone)), verdict(held_up(heard(PLAN, gone), 6 * S))
    assert late.frames.unexplained == at_once.frames.unexplained == pytest.approx(10, abs=1)


def noted(*notes: tuple[float, float]) -> Sequence[Read]:
    """Return notes of (seconds, seconds of sound read by then)."""
    return tuple(Read(t_ns=int(at * S), samples=int(read * 48_000)) for at, read in notes)


def dated(reads: Sequence[Read], *sound_s: float) -> list[float]:
    """Return when (s) so many seconds of sound had been delivered at the latest."""
    return (delivered_ns(reads, np.array([int(each * 48_000) for each in sound_s])) / S).tolist()


def test_what_is_read_in_time_is_dated_by_its_note() -> None:
    """Also where the notes are uneven, begin late, or what was read is less than what was noted."""
    assert dated(noted((10.0, 0.0), (10.1, 0.1), (10.3, 0.2), (10.35, 0.3)), 0.05, 0.15, 0.3, 0.4) == [
        10.1, 10.3, 10.35, 10.35,
    ]  # fmt: skip


def test_what_is_read_in_one_go_came_one_after_the_other() -> None:
    """Seven seconds at once: each is dated a second behind its own time at the latest, and never behind its reading."""
    reads = noted((10.0, 0.0), (17.0, 0.1), (17.0, 7.0), (18.0, 8.0))
    assert dated(reads, 0.1, 3.0, 5.9, 6.5, 8.0) == [11.1, 14.0, 16.9, 17.0, 18.0]


def test_a_pause_of_the_stream_is_no_hold_up() -> None:
    """Nothing is delivered between two subscriptions, and a queue that dropped holds less: both go by their notes."""
    assert dated(noted((10.0, 0.0), (11.0, 1.0), (20.0, 1.1), (21.0, 2.1)), 0.5, 1.05, 2.0) == [11.0, 20.0, 21.0]
    assert dated(noted((10.0, 0.0), (14.0, 1.0), (18.0, 2.0)), 0.5, 1.5) == [14.0, 18.0]
