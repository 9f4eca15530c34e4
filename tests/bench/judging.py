"""What judging costs: seconds and memory, from the folder on disk to the verdict, with the ear and without.

    python -m tests.bench.judging record [SECONDS ...] [-o FOLDER]    # real runs at 20 % loss, 30 120 600 s by default
    python -m tests.bench.judging report [-o FOLDER]                  # judges them, writes docs/accuracy.md
    python -m tests.bench.judging once RUN [--deaf]                   # judges one run, in this process

Each judgement is made by a process of its own, twice, the files in the page cache. Seconds are the better of both: CPU
time of `read` and `judge`, which other programs on the machine do not lengthen; imports are not counted. Memory is the
most that the process ever held beyond its imports.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.analysis.judge import judge
from lab.batch.runs.many import Request, run_all
from lab.evidence import names
from lab.evidence.reading import read
from lab.evidence.recording import Recording
from lab.rig.process.watch import silent
from lab.scenario.load import loads
from tests.bench.page import ROOT, commit, write_part

LENGTHS_S = (30, 120, 600)
ROUNDS = 2
_SCENARIO = """
version: 1
name: judging-{seconds}
media: {{duration: {seconds}s, settle: 2s, control: 3s}}
links: {{publisher: {{up: {{loss: 20%}}}}, subscriber: {{}}}}
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one judgement."""

    media_s: float
    ear: bool
    seconds: float
    megabytes: float


def record(asked: argparse.Namespace) -> None:
    """Record a run of each length."""
    asked.output.mkdir(parents=True, exist_ok=True)
    for seconds in asked.seconds or LENGTHS_S:
        file = asked.output / f"judging-{seconds}.yaml"
        file.write_text(_SCENARIO.format(seconds=seconds))
        done = run_all(Request(files=(file,), results=asked.output), silent, lambda run: print(run.text))
        print(f"{seconds} s: exit code {done.exit_code}")


def report(asked: argparse.Namespace) -> None:
    """Judge every recording in the folder, and write down what it cost."""
    folders = sorted(manifest.parent for manifest in asked.output.rglob(names.MANIFEST))
    costs = sorted((cost(folder, ear) for folder in folders for ear in (False, True)), key=lambda c: (c.media_s, c.ear))
    text = "\n".join(lines(costs))
    print(text)
    write_part("judging", text)


def lines(costs: list[Cost]) -> Iterator[str]:
    """Yield the report as Markdown."""
    yield f"Commit {commit()}, {datetime.now(UTC).date()}, one process on one core."
    yield ""
    yield "| media | ear | CPU seconds | most memory beyond the imports |"
    yield "| --- | --- | --- | --- |"
    for each in costs:
        ear = "with" if each.ear else "without"
        yield f"| {each.media_s:g} s | {ear} | {each.seconds:.2f} | {each.megabytes:.0f} MB |"


def cost(folder: Path, ear: bool) -> Cost:
    """Judge `folder` in processes of its own and return the better of the rounds."""
    argv = [sys.executable, "-m", "tests.bench.judging", "once", str(folder), *(["--deaf"] if not ear else [])]
    found = [json.loads(subprocess.run(argv, cwd=ROOT, capture_output=True, check=True).stdout) for _ in range(ROUNDS)]
    media = loads((folder / names.RESOLVED).read_text()).media
    return Cost(
        media_s=media.duration_ms / 1000,
        ear=ear,
        seconds=min(each["seconds"] for each in found),
        megabytes=min(each["megabytes"] for each in found),
    )


def once(asked: argparse.Namespace) -> None:
    """Judge one folder in this process; print seconds and megabytes as JSON."""
    before = _most_held_mb()
    began = time.process_time()
    recording = read(asked.run)
    judge(_deaf(recording) if asked.deaf else recording)
    took = time.process_time() - began
    print(json.dumps({"seconds": took, "megabytes": _most_held_mb() - before}))


def _deaf(recording: Recording) -> Recording:
    """Return the recording of somebody who kept no sound."""
    return replace(recording, clients=tuple(replace(client, heard=()) for client in recording.clients))


def _most_held_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    recording, reporting, judging = (_command(commands, does) for does in (record, report, once))
    recording.add_argument("seconds", nargs="*", type=int, help="lengths to record")
    for each in (recording, reporting):
        each.add_argument("-o", "--output", type=Path, default=ROOT / "results" / "accuracy" / "judging")
    judging.add_argument("run", type=Path, help="the folder to judge")
    judging.add_argument("--deaf", action="store_true", help="judge as if nobody had kept the sound")
    asked = parser.parse_args()
    asked.does(asked)


def _command(commands: Any, does: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
    """Return a parser of its own for the command that is called like what it `does`."""
    parser: argparse.ArgumentParser = commands.add_parser(does.__name__, help=does.__doc__)
    parser.set_defaults(does=does)
    return parser


if __name__ == "__main__":
    main()
