"""One run: record, judge, render. The seam is `Record`: a lab records for real, a stored recording replays.

Law: nothing that judges or renders is imported before it is needed. A run loads it (`load`) while its media settles.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from lab.batch.runs.places import here
from lab.errors import EvidenceError, Interrupted, LabError
from lab.evidence import names
from lab.evidence.durable import storing, write_atomically
from lab.evidence.manifest import SEALED
from lab.evidence.store import RunFolder
from lab.rig.process.watch import Progress, Watch
from lab.scenario.model import Scenario

if TYPE_CHECKING:
    from lab.analysis.values import RunVerdict
    from lab.evidence.recording import Recording

Record = Callable[[Scenario, RunFolder, Watch], None]
"""Makes the evidence of one run in a folder, and seals it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A run with its verdict, as value, text and JSON."""

    folder: Path
    verdict: RunVerdict

    def text(self, width: int) -> str:
        """Return the run's table for a terminal of `width` columns."""
        from lab.report.text import render

        return render(self.verdict, here(self.folder), width)

    @property
    def json(self) -> str:
        """The run as `verdict.json` holds it."""
        from lab.report.json import dumps

        return dumps([self.verdict])

    @property
    def exit_code(self) -> int:
        """What the run alone would exit with."""
        from lab.analysis.verdicts.verdict import exit_code

        return exit_code([self.verdict])


@dataclass(frozen=True, kw_only=True)
class Ways:
    """The ways of some frames as text; what a `broken` recording says is shown, and proves nothing."""

    text: str
    broken: bool

    @property
    def exit_code(self) -> int:
        """What telling them exits with: what was recorded could not be read as it was sealed."""
        return EvidenceError.exit_code if self.broken else 0


def judged(folder: Path) -> Judged:
    """Judge the recording in `folder` from its evidence alone. Raises EvidenceError when it is no recording."""
    from lab.analysis.judge import judge
    from lab.evidence.reading import read

    return Judged(folder=folder, verdict=judge(read(folder)))


def frames(folder: Path, wanted: range | None) -> Ways:
    """Tell what is wrong with the recording in `folder`, and the ways of the `wanted` frames, flow by flow.

    None: of those that were measured, and of which audio is missing. Raises UsageError, EvidenceError.
    """
    from lab.evidence.reading import read

    recording = read(folder)
    try:
        told = _ways(recording, wanted)
    except LabError as error:
        if not recording.broken:
            raise
        raise EvidenceError("; ".join((*recording.problems, error.message)), fix=error.fix) from error
    problems = "".join(f"{problem}\n" for problem in recording.problems)
    return Ways(text="\n".join(filter(None, (problems, told))), broken=bool(recording.broken))


def _ways(recording: Recording, wanted: range | None) -> str:
    from lab.analysis.flows.case import asked_of, case_of
    from lab.analysis.flows.flow import follow
    from lab.analysis.ledger.ways import missing, ways
    from lab.report.frames import lines

    case = case_of(recording, asked_of(recording))
    told = []
    for publisher, subscriber in case.scene.pairs:
        flow = follow(case.scene, publisher, subscriber, case.times, case.links)
        found = missing(case, flow) if wanted is None else ways(case, flow, wanted[0], wanted[-1])
        title = f"{publisher.name} → {subscriber.name}"
        if wanted is None:
            window = flow.window
            title += f"   audio is missing in {len(found)} of the frames {window.first}-{window.end - 1}"
        told.append(lines(title, found))
    return "\n".join(told)


def keep_verdict(done: Judged) -> None:
    """Write `derived/verdict.json`; it can be made again from the evidence at any time."""
    target = done.folder / names.VERDICT
    with storing(target.parent):
        target.parent.mkdir(exist_ok=True)
    write_atomically(target, done.json.encode())


def load() -> None:
    """Import what judges and renders, and let no garbage collection look at any of it again."""
    import numpy.fft  # numpy itself loads these two when they are first used
    import numpy.ma  # noqa: F401

    import lab.analysis.judge
    import lab.evidence.reading
    import lab.report.json
    import lab.report.text  # noqa: F401

    gc.freeze()


class Loading:
    """A watch around another one, that has everything loaded which the run's end needs while its media settles."""

    def __init__(self, watch: Watch) -> None:
        """Pass on to `watch`."""
        self._watch = watch
        self._begun = False

    def watch(self, progress: Progress) -> bool:
        """Pass `progress` on."""
        if progress.phase == "settle" and not self._begun:
            self._begun = True
            Thread(target=load).start()
        return self._watch(progress)


def run_one(record: Record, scenario: Scenario, folder: RunFolder, watch: Watch) -> Judged:
    """Record `scenario` into `folder`, judge it, and keep the verdict beside the evidence."""
    record(scenario, folder, Loading(watch).watch)
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
