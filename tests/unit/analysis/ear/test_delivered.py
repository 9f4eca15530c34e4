"""Two counts of the same samples: what NetEQ delivered, and what the program read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.analysis.ear.delivered import counted, never_read, read_at
from lab.evidence.values import InboundSample, Read
from tests.unit.analysis.build import inbound_sample

TENTH = 100_000_000
"""ns"""
TOTAL = [100 * i for i in range(12)]
SHORT = [count - 50 * (i > 3) for i, count in enumerate(TOTAL)]
"""What NetEQ delivered, and what was read of it where 50 samples are dropped on the way."""


def told(totals: Sequence[int], ssrcs: Sequence[int] = ()) -> tuple[InboundSample, ...]:
    """Return statistics each 100 ms with these counts of samples delivered."""
    taken = (inbound_sample(i * TENTH, total, 0, 0) for i, total in enumerate(totals))
    return tuple(replace(one, ssrc=(ssrcs or [1] * len(totals))[i]) for i, one in enumerate(taken))


def noted(samples: Sequence[int]) -> tuple[Read, ...]:
    """Return notes each 100 ms of what had been read."""
    return tuple(Read(t_ns=i * TENTH, samples=count, lag_ms=0.0) for i, count in enumerate(samples))


def test_a_count_grows_from_the_first_sample_on() -> None:
    """What was delivered before anybody asked is nobody's; one that begins anew goes on."""
    assert counted(told([500, 600, 900]), "total_samples_received").tolist() == [0, 100, 400]
    assert counted(told([500, 600, 50, 80]), "total_samples_received").tolist() == [0, 100, 150, 180]


def test_each_stream_counts_for_itself() -> None:
    """Two of a track that came again are told in turn: neither one's count is the other's growth."""
    found = counted(told([500, 10, 600, 20, 700], [1, 2, 1, 2, 1]), "total_samples_received")
    assert found.tolist() == [0, 10, 110, 120, 220]


def test_what_waits_to_be_read_is_read_later() -> None:
    """The program is 300 samples behind for a moment, and has read all in the end: nothing was never read."""
    t_ns, never = never_read(told([0, 100, 200, 300]), noted([0, 100, -100, 300]))
    assert (t_ns.tolist(), never.tolist()) == ([0, TENTH, 2 * TENTH, 3 * TENTH], [0, 0, 0, 0])


def test_what_a_queue_dropped_is_never_read() -> None:
    """50 samples go between the fourth note and the fifth."""
    _, never = never_read(told(TOTAL), noted(SHORT))
    assert never.tolist() == [0] * 4 + [50] * 8


def test_a_note_that_is_stamped_late_proves_nothing() -> None:
    """One note or two, or the last, say that more had been read than delivered: all was read all the same."""
    for wrong in ({5: 50, 6: 30}, {1: 50}, {11: 40}):
        _, never = never_read(told(TOTAL), noted([count + wrong.get(i, 0) for i, count in enumerate(TOTAL)]))
        assert never.max() == never.min(), wrong


def test_statistics_are_taken_at_a_sample_of_what_was_read() -> None:
    """However far behind the program is; less what it never read."""
    assert read_at(told([0, 100, 200, 300]), noted([0, 100, -100, 300])).tolist() == [0, 100, 200, 300]
    assert read_at(told(TOTAL), noted(SHORT)).tolist() == SHORT
    assert read_at(told([0, 100]), noted([0])).tolist() == []
