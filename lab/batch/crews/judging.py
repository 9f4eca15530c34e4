"""Judges whole recordings while others are made: a program of its own, so that no run is kept waiting.

`python -m lab.batch.crews.judging`: each line on stdin is a run's folder, answered by one line of JSON; the end of
stdin ends it. Law: it gives way to everything else on the machine, and a recording that cannot be judged is an answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import IO, cast

from lab.analysis.values import RunVerdict
from lab.batch.crews.crew import Attempt
from lab.batch.folders.journal import ERROR
from lab.batch.runs.one import judged, keep_verdict
from lab.errors import LabError
from lab.evidence import host, names
from lab.evidence.decode import decode
from lab.evidence.lines import read_headed

COMMAND = (sys.executable, "-m", "lab.batch.crews.judging")
AUTOGROUP = Path("/proc/self/autogroup")
"""How nice the session as a whole is (sched(7))."""
_GRACE_S = 10.0


def attempt_of(run: Path) -> Attempt:
    """Judge the recording in `run`, keep its verdict beside it, and say what it comes to."""
    try:
        done = judged(run)
        keep_verdict(done)
        return _attempt(done.verdict, _busy(run))
    except LabError as error:
        return Attempt(outcome=ERROR, why=str(error), exit_code=error.exit_code)
    except Exception as error:  # noqa: BLE001 - the other recordings are to be judged all the same
        shows = f"`lab judge {quote(str(run))}` with LAB_DEBUG=1 shows where"
        why = f"internal error: {type(error).__name__}: {error} ({shows})"
        return Attempt(outcome=ERROR, why=why, exit_code=LabError.exit_code)


def _attempt(verdict: RunVerdict, busy: float | None) -> Attempt:
    slow = next((gate.value for gate in verdict.gates if gate.name == "bump slow"), None)
    return Attempt(
        outcome=verdict.outcome.value,
        owner=verdict.owner.value,
        why="; ".join(verdict.void or verdict.reasons),
        failed=tuple(gate.name for gate in verdict.gates if gate.ok is False),
        bump_ms=slow if isinstance(slow, float) else None,
        busy=busy,
    )


def _busy(run: Path) -> float | None:
    """Return the mean share of this machine's CPUs in use during the run, None where nobody looked.

    What is nice is left out: it gives way to one more lane, and so does whoever judges.
    """
    path = run / names.HOST_SECONDS
    if not path.exists():
        return None
    seconds = host.seconds(read_headed(path, host.SECONDS_KIND, allow_torn_tail=True))
    return sum(second.busy - (second.nice or 0.0) for second in seconds) / len(seconds) if seconds else None


class Judge:
    """The program that judges, as a context; threads may share it."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        """Plan it; it starts with the first recording, and again after it died."""
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Judge:
        """Be ready."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """End the program."""
        with self._lock:
            self._end()

    def __call__(self, run: Path) -> Attempt:
        """Return what the recording in `run` comes to; ERROR when whoever judged it died of it."""
        with self._lock:
            try:
                return decode(Attempt, json.loads(self._asked(run)), "the judge")
            except (OSError, ValueError) as error:
                self._end()
                return Attempt(outcome=ERROR, why=f"whoever judged it ended: {error}", exit_code=LabError.exit_code)

    def _asked(self, run: Path) -> str:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        asked, answers = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        asked.write(f"{run.resolve()}\n")
        asked.flush()
        return answers.readline()

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        with suppress(OSError):  # what it was to be told and did not take
            cast("IO[str]", process.stdin).close()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        cast("IO[str]", process.stdout).close()


def give_way() -> None:
    """Let this process have what nobody else wants: nice, as which its time is counted, and idle to the scheduler.

    Where each session has its share of the CPUs (sched_autogroup), all of that is within the session: it gets one of
    its own, and that one is nice, or it would take as much as all containers together.
    """
    os.setsid()
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):  # no such groups here, or not to be changed
        AUTOGROUP.write_text("19")


def main() -> None:
    """Answer every line of stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the sweep's; it ends this by closing stdin
    give_way()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(attempt_of(Path(line.rstrip("\n"))))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
