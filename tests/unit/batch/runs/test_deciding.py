"""Watching a run until its rates are decided: when it is looked at, what is told, what a failing look does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lab.batch.runs import deciding
from lab.batch.runs.deciding import EVERY_S, MOST_SHARE, Deciding, Look, Looker
from lab.batch.runs.looking import look
from lab.rig.process.watch import Progress

OPEN = Look(seconds=12.0, open=("audio_loss <= 5%",), enough=False, cpu_s=0.02)
DONE = Look(seconds=20.0, open=(), enough=True, cpu_s=0.06)


class Clock:
    """A clock that the test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class Fake:
    """Answers each look one tick later, with what it was given; when that is used up it is gone."""

    def __init__(self, *answers: Look) -> None:
        self.answers = list(answers)
        self.asked_at: list[float] = []
        self.clock = Clock()

    def ask(self) -> None:
        """Note when."""
        if not self.answers:
            raise BrokenPipeError("gone")
        self.asked_at.append(self.clock())

    def answer(self) -> Look | None:
        """Return the next answer."""
        return self.answers.pop(0)


def run(fake: Fake, seconds: float, phase: str = "media") -> tuple[list[Progress], float | None]:
    """Tick four times a second; return what was told, and after how many seconds it was enough."""
    told: list[Progress] = []

    def watch(progress: Progress) -> bool:
        told.append(progress)
        return False

    deciding = Deciding(fake, watch, fake.clock)  # type: ignore[arg-type]
    for tick in range(int(seconds * 4)):
        if deciding.watch(Progress(phase=phase)):
            return told, tick / 4
        fake.clock.now_s += 0.25
    return told, None


def test_it_looks_once_ten_seconds_have_arrived_and_then_every_two() -> None:
    """Not before the floor and what is under way; looks are cheap, and the watch is told only what is new."""
    fake = Fake(*[OPEN] * 5, DONE)
    told, ended = run(fake, 60)
    assert [at - 100 for at in fake.asked_at][:3] == [12.25, 14.5, 16.75]
    assert ended is not None
    assert 23 < ended < 25
    said = [one.detail for one in told if one.detail]
    assert said == [
        "after 12 s not decided yet: audio_loss <= 5%",
        "decided after 20 s (looking took 0.1 s of CPU, 0 %)",
    ]


def test_dear_looks_come_less_often() -> None:
    """A look that took half a second of CPU is followed by none for ten: a twentieth of one CPU."""
    dear = [Look(seconds=12.0, open=("x",), enough=False, cpu_s=0.5 * n) for n in (1, 2, 3)]
    fake = Fake(*dear)
    run(fake, 45)
    gaps = [later - earlier for earlier, later in zip(fake.asked_at, fake.asked_at[1:], strict=False)]
    assert min(gaps) >= 0.5 / MOST_SHARE > EVERY_S
    assert len(gaps) == 2, "it is the last look's CPU that counts, not that of all before"
    assert max(gaps) < 0.5 / MOST_SHARE + 1


@pytest.mark.parametrize("phase", ["settle", "control", "drain"])
def test_it_looks_only_while_media_runs(phase: str) -> None:
    """Before and behind there is nothing to stop."""
    fake = Fake(DONE)
    assert run(fake, 30, phase) == (run(Fake(), 30, phase)[0], None)
    assert fake.asked_at == []


def test_when_nobody_looks_any_more_the_run_goes_on_and_says_so() -> None:
    """The process died: told once, never enough."""
    told, ended = run(Fake(OPEN), 60)
    assert ended is None
    said = [one.detail for one in told if one.detail]
    assert said[1:] == ["nobody looks any more (gone): the run goes on to its end"]


def test_whatever_the_other_watch_says_holds() -> None:
    """Its "enough" is passed on."""
    assert Deciding(Fake(), lambda _: True, Clock()).watch(Progress(phase="settle"))  # type: ignore[arg-type]


def test_the_process_answers_each_line_and_ends_with_its_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one on a folder without a run: open, in words, and gone with its context, if it is given the time."""
    monkeypatch.setattr(deciding, "_GRACE_S", 60.0)  # it gives way to whatever else this machine does
    with Looker(tmp_path) as looker:
        looker.ask()
        found = None
        while found is None:
            found = looker.answer()
    assert not found.enough
    assert "manifest.json" in found.open[0]
    assert looker._process.returncode == 0


def test_a_process_that_dies_is_an_error_that_says_how(tmp_path: Path) -> None:
    """Exit code 7."""
    with Looker(tmp_path, (sys.executable, "-c", "raise SystemExit(7)")) as looker:
        looker._process.wait()
        with pytest.raises(OSError, match="exit code 7"):
            looker.answer()


def test_one_that_died_takes_no_run_with_it(tmp_path: Path) -> None:
    """What it was asked lies unsent; the context ends as if it had been heard, and the process was waited for."""
    told: list[str] = []

    def watch(progress: Progress) -> bool:
        told.append(progress.detail)
        return False

    clock = Clock()
    with Looker(tmp_path, (sys.executable, "-c", "raise SystemExit(7)")) as looker:
        process = looker._process
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and nobody has waited for it yet
        deciding = Deciding(looker, watch, clock)
        for _ in range(3):
            assert deciding.watch(Progress(phase="media")) is False
            clock.now_s += 30
    assert (process.returncode, process.stdin.closed, process.stdout.closed) == (7, True, True)
    assert [words for words in told if words] == [
        "nobody looks any more ([Errno 32] Broken pipe): the run goes on to its end"
    ]


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores the end of its stdin: it does not outlive the run."""
    monkeypatch.setattr("lab.batch.runs.deciding._GRACE_S", 0.05)
    with Looker(tmp_path, (sys.executable, "-c", "while True: pass")) as looker:
        pass
    assert looker._process.returncode == -9


def test_a_folder_that_cannot_be_read_yet_is_open(tmp_path: Path) -> None:
    """In words, and without a traceback."""
    assert "manifest.json" in look(tmp_path, 0).open[0]
