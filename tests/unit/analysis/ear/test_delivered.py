"""Two counts of the same samples: what NetEQ delivered, and what the program read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lab.analysis.ear.delivered import counted, never_read, read_at
from lab.evidence.values import InboundSample, Read
from tests.unit.analysis.build import inbound_sample

TENTH = 100_000_000
"""ns"""


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
    """50 samples go between the second note and the third."""
    _, never = never_read(told([0, 100, 200, 300]), noted([0, 100, 150, 250]))
    assert never.tolist() == [0, 0, 50, 50]


def test_statistics_are_taken_at_a_sample_of_what_was_read() -> None:
    """However far behind the program is; less what it never read."""
    assert read_at(told([0, 100, 200, 300]), noted([0, 100, -100, 300])).tolist() == [0, 100, 200, 300]
    assert read_at(told([0, 100, 200, 300]), noted([0, 100, 150, 250])).tolist() == [0, 100, 150, 250]
    assert read_at(told([0, 100]), noted([0])).tolist() == []
