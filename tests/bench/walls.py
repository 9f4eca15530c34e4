"""How long runs and sweeps take by the wall, against the media that they play.

Every measurement is a process of its own, from its start to what it waits for: a run's verdict, the end of
a sweep. Images and the saved state of the VM are there before. A sweep is measured once, for it is as long as its
cells; its spread is that from cell to cell.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.batch.folders.committed import Committed, SweepFolder
from lab.batch.folders.journal import Ended
from lab.evidence import names
from tests.bench.drops import Drops, drops
from tests.bench.figures import Figure, code, stored

MEDIA_S = 35.0
RUN_S, CELL_S, LAB_S = 41.0, 38.0, 10.0
"""About what a run takes, a cell on a shared lab, and such a lab."""
LANES = 4
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

Cells = Mapping[str, Mapping[str, Any]]
"""By a cell's id: `wall_s` of the run that counts without its judging, its `outcome`, how many packets of the window
each hop `dropped`, and which ones each link did (`drops`)."""
LINKS = ("uplink", "downlink")
"""Hops whose drops are compared packet by packet; those of the others are counted."""


def run(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure `lab run`; the time until the lab was gone too is among the raw numbers."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        scenario = _written(Path(folder))
        _once(scenario)  # warm: whatever is made once is made
        taken = [_once(scenario) for _ in range(asked.rounds)]
    yield Figure.of(
        "run",
        [told / MEDIA_S for told, _ in taken],
        until_printed_s=[round(told, 2) for told, _ in taken],
        until_gone_s=[round(gone, 2) for _, gone in taken],
    )


def run_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return (asked.rounds + 1) * RUN_S


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


def sweep(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure a sweep on one lane."""
    wall_s, cells = _swept(asked.cells, lanes=1)
    yield Figure.of(
        "sweep",
        [cell["wall_s"] / MEDIA_S for cell in cells.values()],
        ratio=wall_s / (MEDIA_S * len(cells)),
        wall_s=wall_s,
        cells=cells,
    )


def sweep_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return asked.cells * CELL_S + LAB_S


def lanes(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure the same sweep on four lanes, and compare verdicts and drops cell by cell, those of links by packet.

    The one on one lane is `sweep`, which is measured first where this code has not been yet.
    """
    if (alone := _measured(asked)) is None:
        (alone,) = sweep(asked)
        yield alone
    one_s, one = alone.raw["wall_s"], alone.raw["cells"]
    four_s, four = _swept(asked.cells, lanes=LANES)
    yield Figure.of(
        "lanes",
        [one[cell]["wall_s"] / four[cell]["wall_s"] for cell in one if cell in four],
        ratio=one_s / (LANES * four_s),
        one_lane_s=one_s,
        four_lanes_s=four_s,
        cells=four,
        differing=[cell for cell in dict.fromkeys((*one, *four)) if not _same(one.get(cell), four.get(cell))],
    )


def lanes_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes, the sweep on one lane left out."""
    return -(-asked.cells // LANES) * (CELL_S + 2.0) + 2 * LAB_S


def _measured(asked: argparse.Namespace) -> Figure | None:
    """Return the sweep on one lane that was measured with this code and as many cells, None when none was."""
    found = stored().get("sweep")
    return found if found and found.raw["code"] == code() and len(found.raw["cells"]) == asked.cells else None


def _same(one: Mapping[str, Any] | None, four: Mapping[str, Any] | None) -> bool:
    """Say whether both sweeps have a run of a cell, of the same verdict, and every link dropped the same packets."""
    if one is None or four is None:
        return False
    mine, theirs = ({link: Drops.parse(each) for link, each in cell["drops"].items()} for cell in (one, four))
    links = mine.keys() == theirs.keys() and all(mine[link].same(theirs[link]) for link in mine)
    return links and _counted(one) == _counted(four)


def _counted(cell: Mapping[str, Any]) -> tuple[object, ...]:
    return cell["outcome"], {hop: count for hop, count in cell["dropped"].items() if hop not in LINKS}


def _swept(cells: int, *, lanes: int) -> tuple[float, Cells]:
    """Sweep `cells` cells, a multiple of four; return the wall seconds, and what became of each cell."""
    options = ("--repeat", str(cells // 4), "--no-controls", "--lanes", str(lanes), "-q")
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        argv = (*LAB, "sweep", str(_written(Path(folder))), AXIS, *options, "-o", f"{folder}/results")
        began = time.monotonic()
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False)
        wall_s = time.monotonic() - began
        assert done.returncode in (0, 1, 3), f"the sweep ended with exit code {done.returncode}"
        (journal,) = Path(folder).rglob("journal.ndjson")
        return round(wall_s, 2), _cells(SweepFolder(journal.parent))


def _cells(folder: SweepFolder) -> Cells:
    """Return what became of each cell of a whole sweep: the media of one that has no run was not played."""
    lacking = [cell.label for cell in folder.missing()]
    assert not lacking, f"the sweep lacks {', '.join(lacking)}: measure it again"
    took = {each.event.run: each.event.wall_s for each in folder.lines if isinstance(each.event, Ended)}
    return {
        each.cell.id: {"wall_s": took[each.folder.name], "attempt": each.attempt, **_found(each)}
        for each in folder.committed()
    }


def _found(made: Committed) -> Mapping[str, Any]:
    """Return a cell's outcome, how much each hop of its first flow dropped, and what each link did."""
    (run,) = json.loads((made.folder / names.VERDICT).read_text())["runs"]
    hops = run["flows"][0]["hops"]
    return {
        "outcome": run["outcome"],
        "dropped": {hop["name"]: hop["packets_dropped"] for hop in hops},
        "drops": {link: each.written() for link, each in drops(made.folder).items()},
    }


def _written(folder: Path) -> Path:
    file = folder / "bench.yaml"
    file.write_text(SCENARIO)
    return file
