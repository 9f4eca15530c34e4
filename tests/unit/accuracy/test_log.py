"""The injector's log and the naive rule, read off stored recordings of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.evidence.reading import read
from tests.accuracy.blind import blindfold, seen_through
from tests.accuracy.effects import felt, paused, swallowed, unpushed
from tests.accuracy.examine import examine
from tests.accuracy.log import ContradictionError, Log, log_of
from tests.accuracy.naive import naive
from tests.replay.keep import unpacked


@pytest.fixture
def twenty(tmp_path: Path) -> Log:
    """Return the log of a run that lost every fifth packet of its uplink."""
    return log_of(read(unpacked("twenty-percent", tmp_path)))


@pytest.fixture
def stalled(tmp_path: Path) -> Log:
    """Return the log of a run whose publisher stalled."""
    return log_of(read(unpacked("sender-stalls", tmp_path)))


def test_lost_packets_are_counted_at_both_ends_of_the_link(twenty: Log) -> None:
    """About a fifth of 400 on the uplink (5 sigma), none on the downlink; the kernel's counter holds them all."""
    runs = twenty.lost_in_a_row("up")
    assert abs(sum(runs) - 80) < 40
    assert sum(runs) <= twenty.counted("publisher", "up")
    assert twenty.lost_in_a_row("down") == []
    cost = swallowed("up")(twenty)
    assert 0 <= cost.low < cost.high < 0.1


def test_drops_that_no_counter_holds_are_a_contradiction(twenty: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody knows what was injected."""
    monkeypatch.setattr(Log, "counted", lambda *_: 3)
    with pytest.raises(ContradictionError, match="the kernel dropped 3"):
        twenty.lost_in_a_row("up")


def test_stalls_cost_what_had_not_been_pushed_ahead(stalled: Log) -> None:
    """The lines of the program itself: bounds 40 ms apart for each stall; nothing was skipped."""
    lines = stalled.injected("publisher", "stall")
    cost = paused("stall")(stalled)
    held_s = sum(line["to"] - line["from"] for line in lines) / 1e9
    assert lines
    assert cost.high - cost.low == pytest.approx(len(lines) * 0.04 / (stalled.frames * 0.02))
    assert cost.low < (held_s - len(lines) * 0.06) / (stalled.frames * 0.02) < cost.high
    assert unpushed("skip")(stalled).high == 0


def test_what_was_felt_bounds_itself(stalled: Log) -> None:
    """Around the share that NetEQ made up, never below nothing."""
    cost = felt(stalled)
    assert cost.low <= stalled.concealed() <= cost.high


def test_the_naive_rule_reads_statistics_alone(twenty: Log, stalled: Log) -> None:
    """It finds loss; that audio was pushed late shows in no statistic of a network, and there it errs."""
    assert naive(twenty.recording) == "NETWORK/uplink"
    assert naive(stalled.recording) in ("NONE", "CODE")


def test_a_recording_is_examined_as_a_whole(tmp_path: Path) -> None:
    """Right answer, judge's answer and naive answer of the same run, as the journal keeps them."""
    found = examine(unpacked("clean", tmp_path), ())
    assert (found["truth_owner"], found["owner"], found["naive_owner"]) == ("NONE", "NONE", "NONE")
    assert found["right_owner"] is found["right_hop"] is found["right_reason"] is True


def test_a_recording_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    """Nobody is right about it, and nothing breaks."""
    found = examine(tmp_path, ())
    assert found["owner"] == "UNKNOWN"
    assert found["right_owner"] is None


def test_the_blindfold_leaves_the_verdict_and_hides_the_fault(tmp_path: Path) -> None:
    """Nothing of the loss is left in the scenario or the commands."""
    run = unpacked("twenty-percent", tmp_path)
    assert not seen_through(run)
    assert any(direction.argv for step in read(run).steps for direction in step.directions)
    blindfold(run)
    assert read(run).steps
    assert "links" not in (run / "scenario.yaml").read_text()
    assert all(direction.argv == () for step in read(run).steps for direction in step.directions)
