"""How long runs and sweeps take by the wall, against the media that they play.

Every measurement is a process of its own, from its start to what it waits for: a run's verdict, the end of
a sweep. Images and the saved state of the VM are there before.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.batch.committed import SweepFolder
from tests.bench.figures import Figure

MEDIA_S = 35.0
SCENARIO = """
version: 1
name: bench
seed: 7
impair_only: rtp
media: {duration: 30s, settle: 2s, control: 3s}
links: {publisher: {up: {loss: 5%}}, subscriber: {}}
"""
LAB = (sys.executable, "-c", "from lab.cli import main; main()")
AXIS = "links.publisher.up.loss=0%,5%,10%,20%"
_VERDICTS = ("PASS", "FAIL", "UNKNOWN", "VOID")


def run(asked: argparse.Namespace) -> Figure:
    """Measure `lab run`; the time until the lab was gone too is among the raw numbers."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        scenario = _written(Path(folder))
        _once(scenario)  # warm: whatever is made once is made
        taken = [_once(scenario) for _ in range(asked.rounds)]
    return Figure.of(
        "run",
        [told / MEDIA_S for told, _ in taken],
        until_printed_s=[round(told, 2) for told, _ in taken],
        until_gone_s=[round(gone, 2) for _, gone in taken],
    )


def _once(scenario: Path) -> tuple[float, float]:
    """Run `scenario`; return the seconds until its verdict was printed, and until everything had ended."""
    began = time.monotonic()
    argv = (*LAB, "run", str(scenario), "-q", "-o", str(scenario.parent / "results"))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = next((time.monotonic() for line in process.stdout if line.startswith(_VERDICTS)), None)
        process.stdout.read()
    assert told is not None, "the run came to no verdict"
    return told - began, time.monotonic() - began


def sweep(asked: argparse.Namespace) -> Figure:
    """Measure a sweep on one lane, once: it is as long as its cells."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        wall_s, cells = _swept(Path(folder), asked.cells, lanes=1)
    return Figure.of("sweep", [wall_s / (MEDIA_S * len(cells))], wall_s=round(wall_s, 1), cells=len(cells))


def lanes(asked: argparse.Namespace) -> Figure:
    """Measure the same sweep on one lane and on four, and compare verdicts and drops cell by cell."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        one_s, alone = _swept(Path(folder) / "1", asked.cells, lanes=1)
        four_s, together = _swept(Path(folder) / "4", asked.cells, lanes=4)
    differing = {cell: (alone[cell], together.get(cell)) for cell in alone if alone[cell] != together.get(cell)}
    return Figure.of(
        "lanes",
        [one_s / (4 * four_s)],
        one_lane_s=round(one_s, 1),
        four_lanes_s=round(four_s, 1),
        cells=len(alone),
        differing=differing,
    )


def _swept(folder: Path, cells: int, *, lanes: int) -> tuple[float, dict[str, Any]]:
    """Sweep `cells` cells; return the wall seconds, and outcome and drops of each cell by its id."""
    folder.mkdir(exist_ok=True)
    repeat = max(1, cells // 4)
    options = ("--repeat", str(repeat), "--no-controls", "--lanes", str(lanes), "-q", "-o", str(folder / "results"))
    began = time.monotonic()
    done = subprocess.run((*LAB, "sweep", str(_written(folder)), AXIS, *options), stdout=subprocess.PIPE, check=False)
    wall_s = time.monotonic() - began
    assert done.returncode in (0, 1, 3), f"the sweep ended with exit code {done.returncode}"
    (journal,) = (folder / "results").rglob("journal.ndjson")
    return wall_s, {each.cell.id: _answer(each.verdict_json) for each in SweepFolder(journal.parent).committed()}


def _answer(verdict: Path) -> Sequence[object]:
    """Return a cell's outcome, and what each hop of its first flow dropped."""
    (run,) = json.loads(verdict.read_text())["runs"]
    return [run["outcome"], *(hop["packets_dropped"] for hop in run["flows"][0]["hops"] if hop["packets_dropped"])]


def _written(folder: Path) -> Path:
    file = folder / "bench.yaml"
    file.write_text(SCENARIO)
    return file
