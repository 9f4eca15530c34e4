"""The command line of the proof: run, rejudge, read, report, blind."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.errors import Interrupted
from lab.host.machine import machine
from lab.rig.process.signals import interruptible
from lab.rig.process.watch import silent
from tests.accuracy.answers import UNKNOWN, VOID
from tests.accuracy.blind import seen_through
from tests.accuracy.examine import examine
from tests.accuracy.journal import Journal, Line
from tests.accuracy.lane import Lane
from tests.accuracy.matrix import FULL, FULL_SEED, QUICK, Cell, Size, matrix
from tests.accuracy.page import Made, render
from tests.accuracy.provenance import Provenance
from tests.accuracy.score import Score, blamed_code, said, score, wrong_blame
from tests.bench.page import ROOT, commit, write_part

RESULTS = ROOT / "results" / "accuracy"
SUMMARY = RESULTS / "summary.json"
QUICK_SEED = 7
ATTEMPTS = 3
"""How often a cell is tried at most, when this machine makes its runs void."""


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; return its exit code."""
    asked = _parser().parse_args(argv)
    try:
        return int(asked.command(asked))
    except Interrupted as interrupted:
        print(f"{interrupted}; the same command goes on from here", file=sys.stderr)
        return interrupted.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__)
    commands = parser.add_subparsers(required=True)
    named = {"run": _run, "rejudge": _rejudge, "read": _read, "report": _report, "blind": _blind}
    for name, command in named.items():
        sub = commands.add_parser(name, help=command.__doc__)
        sub.set_defaults(command=command)
        sub.add_argument("--quick", action="store_true", help="20 short runs; fails on a wrong blame")
        sub.add_argument("--seed", type=int, help=f"draw from this seed; {FULL_SEED} is the published proof's")
        sub.add_argument("--cells", type=int, help="only so many runs, sabotaged ones in proportion")
        sub.add_argument("--only", default="", help="only cells whose name holds this, or one of these: a,b,c")
        sub.add_argument("--stale", action="store_true", help="count runs of a matrix that was drawn otherwise, too")
        sub.add_argument("-o", "--results", type=Path, default=RESULTS, help="where recordings and journal are")
    return parser


def _run(asked: argparse.Namespace) -> int:
    """Record what is missing of the matrix, judge it, and say how it went."""
    cells, journal = _cells(asked), _journal(asked)
    Provenance(journal.folder).recording(commit(), _today())
    with interruptible():
        lane = Lane(machine=machine(journal.folder.resolve(), insist=None, watch=silent), journal=journal, told=_tell)
        for _ in range(2 if asked.quick else ATTEMPTS):
            lane.go([cell for cell in cells if _open(journal.of(cell), cell, retry_unknown=asked.quick)])
    return _report(asked)


def _open(lines: list[Line], cell: Cell, *, retry_unknown: bool) -> bool:
    """Say whether a cell still has to be run, having left `lines`."""
    if not lines:
        return True
    if cell.sabotage:
        return "the sabotage failed" in lines[-1].error
    again = (VOID, UNKNOWN) if retry_unknown else (VOID,)
    return len(lines) < (2 if retry_unknown else ATTEMPTS) and all(said(line) in again for line in lines)


def _rejudge(asked: argparse.Namespace) -> int:
    """Judge every recording of the journal again, and say how it went; what was answered first is kept."""
    journal = _journal(asked)
    known = Provenance(journal.folder)
    known.keep(journal.lines())
    known.judging(commit(), _today())
    with ProcessPoolExecutor() as pool:
        journal.replace(list(pool.map(_again, [(journal.folder, line) for line in journal.lines()])))
    return _report(asked)


def _again(work: tuple[Path, Line]) -> Line:
    folder, line = work
    return replace(line, found=examine(folder / line.folder, line.faults) if line.folder else {})


def _read(asked: argparse.Namespace) -> int:
    """Note that the answers so far were read: whatever the judge learns from now on, on these it is not blind."""
    journal = _journal(asked)
    Provenance(journal.folder).read(journal.lines())
    print(f"{len(journal.lines())} answers were read")
    return 0


def _report(asked: argparse.Namespace) -> int:
    """Say how it went; for the published proof also write docs/accuracy.md and summary.json."""
    lines, known = _lines(asked), Provenance(_journal(asked).folder)
    done = score(lines)
    made = Made(
        written_by=commit(),
        judged_by=known.judged_by,
        recorded_by=known.recorded_by,
        programs=known.programs(lines),
        date=_today(),
        seed=_seed(asked),
        first=score(known.first(lines)),
        unread=score(known.unread(lines)),
    )
    print(render(done, made))
    print(json.dumps(done.summary))
    if made.seed == FULL_SEED and not (asked.only or asked.cells or asked.stale):
        write_part("proof", render(done, made))
        SUMMARY.write_text(json.dumps(_summary(done, made), indent=1) + "\n")
    return _quick_code(done, len(_cells(asked))) if asked.quick else _full_code(done)


def _summary(done: Score, made: Made) -> dict[str, Any]:
    who = {"commit": made.written_by, "recorded_by": made.recorded_by, "judged_by": made.judged_by}
    where = {**who, "programs": made.programs, "seed": made.seed}
    return {**done.summary, **where, "first": made.first.summary, "unread": made.unread.summary}


def _quick_code(done: Score, cells: int) -> int:
    """Fail on anybody blamed who is not the one, and when most cells came to no answer at all."""
    blamed = [line.cell for line in (*filter(wrong_blame, done.judged), *filter(blamed_code, done.sabotaged))]
    answered = [line for line in (*done.judged, *done.sabotaged) if said(line) != VOID]
    print(f"blamed wrongly: {', '.join(blamed) or 'nobody'}; {len(answered)} of {cells} cells have an answer")
    return int(bool(blamed) or 2 * len(answered) < cells)


def _full_code(done: Score) -> int:
    """Fail when a promised figure is not reached."""
    print("\n".join(f"falls short: {each}" for each in done.shortfalls) or "every promised figure is reached")
    return int(bool(done.shortfalls))


def _blind(asked: argparse.Namespace) -> int:
    """Take every trace of the injection out of a sample of the recordings; the verdicts must stay the same bytes."""
    journal = _journal(asked)
    whole = [line for line in _lines(asked) if line.folder and not line.error]
    sample = whole[:: max(1, len(whole) // (5 if asked.quick else 20))]
    seen = [line.cell for line in sample if line.folder and seen_through(journal.folder / line.folder)]
    print(f"{len(sample)} recordings without a trace of what was injected: {len(seen)} verdicts differ {seen or ''}")
    return int(bool(seen) or not sample)


def _cells(asked: argparse.Namespace) -> list[Cell]:
    size = QUICK if asked.quick else FULL
    if asked.cells:
        size = Size(runs=asked.cells, sabotaged=asked.cells * size.sabotaged // size.runs, media_ms=size.media_ms)
    return [cell for cell in matrix(_seed(asked), size) if _named(cell.id, asked)]


def _lines(asked: argparse.Namespace) -> list[Line]:
    """Return the lines of the cells that are asked for, as they are now; `stale` ones too where that is asked."""
    journal = _journal(asked)
    if asked.stale:
        return [line for line in journal.lines() if _named(line.cell, asked)]
    return [line for cell in _cells(asked) for line in journal.of(cell)]


def _named(cell: str, asked: argparse.Namespace) -> bool:
    return any(part in cell for part in asked.only.split(","))


def _seed(asked: argparse.Namespace) -> int:
    if asked.seed is not None:
        return int(asked.seed)
    return QUICK_SEED if asked.quick else FULL_SEED


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _journal(asked: argparse.Namespace) -> Journal:
    return Journal(asked.results / f"seed-{_seed(asked)}{'-quick' if asked.quick else ''}")


def _tell(line: Line) -> None:
    found = line.found
    right = f"{found.get('truth_owner')} {found.get('truth_reason')} {found.get('bounds')}"
    heard = f"{said(line)} {' + '.join(found.get('reasons', ()))} {found.get('points')}"
    mark = {True: "right", False: "WRONG", None: "?"}[found.get("right_owner")]
    mark = said(line).lower() if said(line) in (VOID, UNKNOWN) else mark
    why = line.error or found.get("contradiction") or "; ".join(found.get("why", ()))
    print(f"{mark:7} {line.cell} {line.wall_s:.0f} s: right {right}, said {heard}; {why[:200]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
