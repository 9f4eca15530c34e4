"""What a sweep remembers of its workers."""

from __future__ import annotations

from lab.batch.remote.roster import Roster


def test_a_worker_that_was_put_out_stays_out_when_it_comes_back() -> None:
    """It was silent for a while: its address is the same, and so is its trouble; what it made is another's now."""
    roster = Roster()
    roster.see({"a": 1, "b": 1})
    roster.take(roster.usable[0], "host")
    assert [roster.blame("a", "torn") for _ in range(2)] == [False, True]
    roster.see({"b": 1})
    roster.see({"a": 1, "b": 1})
    assert [worker.address for worker in roster.usable] == ["b"]
    assert roster.here == 2


def test_a_worker_is_blamed_for_being_silent_while_it_is() -> None:
    """Twice in a row, and it is given nothing more; a run that it made in between is forgiveness."""
    roster = Roster()
    for _ in range(2):
        roster.see({"a": 1, "b": 1})
        roster.see({"b": 1})
        roster.blame("a", "it is silent")
        roster.see({"a": 1, "b": 1})
        assert {worker.address for worker in roster.usable} == {"a", "b"}
        roster.praise("a")
    for usable in (["a", "b"], ["b"]):
        roster.see({"b": 1})
        roster.blame("a", "it is silent")
        roster.see({"a": 1, "b": 1})
        assert [worker.address for worker in roster.usable] == usable
