"""Judging beside the runs: the verdict that `lab judge` gives, from a program of its own that may die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.batch.crews import judging
from lab.batch.crews.judging import COMMAND, Judge, attempt_of
from lab.evidence import names
from tests.replay.keep import unpacked

STALLS = Path(__file__).parents[3] / "replay" / "recordings" / "sender-stalls.json"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored recording."""
    return unpacked("sender-stalls", tmp_path_factory.mktemp("runs"))


def test_it_is_the_verdict_of_the_recording_and_stays_beside_it(run: Path) -> None:
    """Outcome, owner and reason as stored; gates and load as the machine was."""
    found = attempt_of(run)
    stored = json.loads(STALLS.read_text())["runs"][0]
    assert (found.outcome, found.owner) == (stored["outcome"], stored["owner"])
    assert found.why == "; ".join(stored["reasons"])
    assert found.failed == ()
    assert found.bump_ms == next(gate["value"] for gate in stored["gates"] if gate["name"] == "bump slow")
    assert found.busy is not None
    assert 0 < found.busy < 1
    assert (run / names.VERDICT).read_text() == STALLS.read_text()


def test_what_gives_way_takes_no_room(tmp_path: Path) -> None:
    """A machine that is full, mostly of what is nice; in a recording that does not tell all of it counts."""
    run = unpacked("sender-stalls", tmp_path)
    header, *lines = (run / names.HOST_SECONDS).read_text().splitlines()
    second = json.loads(lines[0])
    for nice, busy in ((0.7, 0.3), (None, 1.0)):
        told = {**second, "busy": 1.0, "nice": nice}
        (run / names.HOST_SECONDS).write_text("".join(f"{line}\n" for line in (header, json.dumps(told))))
        assert judging._busy(run) == pytest.approx(busy)


def test_what_is_no_recording_is_an_answer(tmp_path: Path) -> None:
    """With exit code 5, and its name."""
    found = attempt_of(tmp_path)
    assert (found.outcome, found.exit_code) == ("ERROR", 5)
    assert "manifest.json" in found.why


def test_an_internal_error_is_an_answer_too(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One recording that nobody foresaw costs no other its verdict."""

    def broken(_: Path) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(judging, "judged", broken)
    found = attempt_of(run)
    assert (found.outcome, found.exit_code) == ("ERROR", 5)
    assert "internal error: ZeroDivisionError: oops" in found.why


def test_another_process_says_the_same_more_than_once(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process for all recordings, whatever the first of them was; it ends of itself, if it is given the time."""
    monkeypatch.setattr(judging, "_GRACE_S", 60.0)  # it gives way to whatever else this machine does
    with Judge() as judge:
        assert judge(tmp_path).outcome == "ERROR"
        process = judge._process
        assert judge(run) == attempt_of(run)
        assert judge._process is process
    assert process is not None
    assert process.poll() == 0


@pytest.mark.parametrize("program", ["import sys; sys.stdin.readline(); sys.exit(9)", "print('no'); input(); input()"])
def test_whoever_judges_may_die_or_talk_nonsense(program: str, tmp_path: Path) -> None:
    """The attempt is an error; the next recording gets a new process."""
    with Judge((sys.executable, "-c", program)) as judge:
        found = judge(tmp_path)
        assert (found.outcome, found.exit_code) == ("ERROR", 5)
        assert "whoever judged it ended" in found.why
        assert judge._process is None
        judge._command = COMMAND
        assert "manifest.json" in judge(tmp_path).why


def test_who_does_not_end_is_killed_and_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pipes are closed in every case: pytest would tell of one that is not."""
    monkeypatch.setattr(judging, "_GRACE_S", 0.1)
    stubborn = "import sys, time; print('no', flush=True); time.sleep(600)"
    with Judge((sys.executable, "-c", stubborn)) as judge:
        assert "whoever judged it ended" in judge(tmp_path).why
        assert judge._process is None


def test_who_judges_gives_way_to_everything_else() -> None:
    """It is nice, as which its time is counted, and idle to the scheduler, and so is its session, which is its own."""
    program = (
        "import os; from lab.batch.crews.judging import *; give_way(); print(os.sched_getscheduler(0), os.nice(0))"
    )
    group = "print(AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else 19, os.getsid(0) == os.getpid())"
    said = subprocess.run((sys.executable, "-c", f"{program}; {group}"), capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(int(os.SCHED_IDLE)), "19", "19", "True"]
