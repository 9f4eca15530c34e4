"""One run: record, judge, render. The seam is `Record`: a lab records for real, a stored recording replays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.analysis.case import asked_of, case_of
from lab.analysis.flow import follow
from lab.analysis.judge import judge
from lab.analysis.values import RunVerdict
from lab.analysis.verdict import exit_code
from lab.analysis.ways import ways
from lab.errors import Interrupted
from lab.evidence import names
from lab.evidence.manifest import SEALED
from lab.evidence.recording import read
from lab.evidence.store import RunFolder, storing, write_atomically
from lab.report.frames import lines
from lab.report.json import dumps
from lab.report.text import render
from lab.rig.watch import Watch
from lab.scenario.model import Scenario

Record = Callable[[Scenario, RunFolder, Watch], None]
"""Makes the evidence of one run in a folder, and seals it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A run with its verdict, as value, text and JSON."""

    folder: Path
    verdict: RunVerdict
    text: str

    @property
    def json(self) -> str:
        """The run as `verdict.json` holds it."""
        return dumps([self.verdict])

    @property
    def exit_code(self) -> int:
        """What the run alone would exit with."""
        return exit_code([self.verdict])


def judged(folder: Path) -> Judged:
    """Judge the recording in `folder` from its evidence alone. Raises EvidenceError when it is no recording."""
    verdict = judge(read(folder))
    return Judged(folder=folder, verdict=verdict, text=render(verdict, str(folder)))


def frames(folder: Path, first: int, last: int) -> str:
    """Tell the ways of frames `first` to `last`, flow by flow. Raises UsageError, EvidenceError."""
    recording = read(folder)
    case = case_of(recording, asked_of(recording))
    told = []
    for publisher, subscriber in case.scene.pairs:
        flow = follow(case.scene, publisher, subscriber, case.times, case.links)
        told.append(lines(f"{publisher.name} → {subscriber.name}", ways(case, flow, first, last)))
    return "\n".join(told)


def keep_verdict(done: Judged) -> None:
    """Write `derived/verdict.json`; it can be made again from the evidence at any time."""
    target = done.folder / names.VERDICT
    with storing(target.parent):
        target.parent.mkdir(exist_ok=True)
    write_atomically(target, done.json.encode())


def run_one(record: Record, scenario: Scenario, folder: RunFolder, watch: Watch) -> Judged:
    """Record `scenario` into `folder`, judge it, and keep the verdict beside the evidence."""
    record(scenario, folder, watch)
    done = judged(folder.path)
    keep_verdict(done)
    return done


@contextmanager
def noted(folder: RunFolder) -> Iterator[None]:
    """Let a recording that was cut short say so in its manifest; one that was sealed stays as it is."""
    try:
        yield
    except BaseException as error:
        if folder.manifest.phase != SEALED:
            folder.phase("interrupted" if isinstance(error, Interrupted) else "failed", why=str(error))
        raise
