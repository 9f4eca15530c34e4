"""What a run imports, and when: nobody waits for the judge before there is something to judge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.batch.runs import one
from lab.batch.runs.one import Loading
from lab.rig.process.watch import Progress
from tests.replay.keep import unpacked


def test_a_run_begins_without_the_judge() -> None:
    """Neither analysis nor report is imported by what starts a run."""
    code = (
        "import sys, lab.batch.runs.many; "
        "print(*(n for n in sys.modules if n.startswith(('lab.analysis', 'lab.report'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_judge_is_one_thread() -> None:
    """Numpy's would spin beside it: half as much CPU again, on the machine that is measured."""
    code = "import lab.analysis.ear.align, os; print(*os.listdir('/proc/self/task'))"
    ours = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    found = subprocess.run([sys.executable, "-c", code], env=ours, capture_output=True, text=True, check=True)
    assert len(found.stdout.split()) == 1


def test_nothing_is_left_to_load_when_a_run_is_judged(tmp_path: Path) -> None:
    """Every module of the lab and of numpy that judging and rendering a recording needs is there before."""
    code = (
        "import sys; from pathlib import Path; from lab.batch.runs.one import judged, keep_verdict, load; load(); "
        f"before = set(sys.modules); keep_verdict(judged(Path({str(unpacked('clean', tmp_path))!r}))); "
        "print(*(name for name in set(sys.modules) - before if name.startswith(('lab', 'numpy'))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_judge_is_loaded_once_the_media_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of its own, once; every moment is passed on with its answer."""
    loaded: list[bool] = []
    told: list[str] = []

    class Now:
        """A thread that runs at once."""

        def __init__(self, target: object) -> None:
            self.start = target

    def watch(progress: Progress) -> bool:
        told.append(progress.phase)
        return progress.phase == "control"

    monkeypatch.setattr(one, "load", lambda: loaded.append(True))
    monkeypatch.setattr(one, "Thread", Now)
    loading = Loading(watch)
    answers = [loading.watch(Progress(phase=phase)) for phase in ("join", "settle", "settle", "control")]
    assert (answers, told) == ([False, False, False, True], ["join", "settle", "settle", "control"])
    assert loaded == [True]
