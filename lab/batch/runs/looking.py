"""Looks at a recording while it grows: a program of its own, so that the run is never kept waiting.

`python -m lab.batch.runs.looking RUN`: each line on stdin is one look, answered by one line of JSON; the end of stdin
ends it. Law: it gives way to everything else on the machine (nice 19, SCHED_BATCH), and says what CPU its looks took.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from lab.analysis.flows.case import asked_of
from lab.analysis.verdicts.enough import Standing, standing
from lab.errors import LabError
from lab.evidence.reading import read


def look(run: Path, now_ns: int) -> Standing:
    """Say how the expectations of `run` stand; what cannot be read yet is open, in words."""
    try:
        recording = read(run)
        return standing(recording, asked_of(recording), now_ns)
    except LabError as failure:
        return Standing(seconds=0.0, open=(str(failure),))


def main(run: Path) -> None:
    """Answer every line of stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's; it ends this by closing stdin
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    began = time.process_time()
    for _ in sys.stdin:
        found = look(run, time.time_ns())
        spent = time.process_time() - began
        answer = {"seconds": found.seconds, "open": found.open, "enough": found.enough, "cpu_s": spent}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
