"""The parts of one sweep, made in several folders (`--shard I/N`), put together in a new one.

Law: only parts of the same plan fit together. Every attempt that is whole comes along, byte for byte, and verifies
where it arrives; a cell that two parts have different answers to has none, and is refused. What does not come along is
said. The parts stay as they are, and the new folder is a sweep's when all of it is there, whatever ends a merge. What a
merge left that was killed the next one removes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from shlex import quote

import lab
from lab.batch.folders import opening, untold
from lab.batch.folders.committed import SweepFolder, check_one_sweep, sealed
from lab.batch.folders.held import held, removed
from lab.batch.folders.journal import ERROR, Began, Ended, Journal, Noted, Opened, is_being_written
from lab.batch.folders.parcel import PARTIAL, pack, unpack
from lab.batch.plans.images import differing
from lab.batch.plans.plan import Plan
from lab.errors import EvidenceError, UsageError
from lab.evidence import names
from lab.evidence.durable import settle, storing, sync_folder
from lab.evidence.rooted import rooted
from lab.evidence.store import fact, token, utc_stamp


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """How an attempt ended, when (t_ns), and in which part it is."""

    t_ns: int
    ended: Ended
    part: SweepFolder

    @property
    def run(self) -> Path:
        """Where its run is."""
        return self.part.run(self.ended.cell, self.ended.run)

    @cached_property
    def lost(self) -> str | None:
        """What is wrong with its run, None when it is whole, or never was more than an error."""
        return None if self.ended.outcome == ERROR else self.part.lost(self.ended)


def merged(
    parts: Sequence[Path],
    results: Path,
    note: Callable[[str], object] = lambda _: None,
    clock: Callable[[], int] = time.time_ns,
    entropy: Callable[[], str] = token,
) -> SweepFolder:
    """Return a new sweep's folder below `results` with what the sweeps in the folders `parts` have.

    `note` hears what is left out, which the journal keeps.
    Raises UsageError for what does not fit together, EvidenceError for a part that is broken, StorageError.
    """
    places = _places(parts)
    running = [place for place in places if is_being_written(place)]  # before it is read what each part has
    found = _parts(places)
    _check_answers(found)
    plan = replace(found[0].plan, sweep=f"{utc_stamp(clock())}-{entropy()}")
    folder = results / plan.name / plan.sweep
    _clear(results, note)
    with _partial(folder) as partial:
        _fill(opening.laid_out(partial, plan), found, running, note)
        with storing(folder):
            partial.rename(folder)
            sync_folder(folder.parent)
    return SweepFolder(folder)


def _clear(results: Path, note: Callable[[str], object]) -> None:
    """Remove what merges left below `results` that were killed; those that go on hold theirs. StorageError."""
    with storing(results):
        for path in sorted(results.glob(f"*/{PARTIAL}*")):
            if removed(path):
                note(f"removed {path}, which a merge left that was killed")


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """Have the folder that becomes `folder`; it is gone where that fails. StorageError."""

    def make() -> Path:
        path = folder.with_name(f"{PARTIAL}{folder.name}-{secrets.token_hex(4)}")
        path.mkdir(parents=True)
        return path

    with ExitStack() as stack:
        with storing(folder):
            partial = stack.enter_context(held(make))
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _places(paths: Sequence[Path]) -> list[Path]:
    """Return each folder once. StorageError."""
    return list(dict.fromkeys(rooted(path, option="--merge") for path in paths))


def _parts(places: Sequence[Path]) -> list[SweepFolder]:
    """Return the parts, all of one plan. UsageError, StorageError."""
    if len(places) < 2:
        raise UsageError("--merge puts the parts of a sweep together", fix="name two folders or more")
    parts = [SweepFolder(place, every_byte=True) for place in places]
    for part in parts:
        check_one_sweep(part)
        if part.search:
            raise UsageError(f"{part.path}: a search for a limit has no parts", fix="leave it out")
        if part.plan.digest != parts[0].plan.digest:
            words = f"{part.path} is no part of the same sweep as {parts[0].path}: {_other(parts[0].plan, part.plan)}"
            raise UsageError(words, fix="`lab compare` compares two sweeps")
    return parts


def _other(first: Plan, second: Plan) -> str:
    """Say in what two plans differ, the reason first."""
    if other := differing(first.images, second.images):
        return f"images made of something else: {', '.join(other)}"
    named = {
        "seed": "another seed",
        "axes": "other axes",
        "repeat": "another number of repetitions",
        "format": "another format",
    }
    differs = [words for field, words in named.items() if getattr(first, field) != getattr(second, field)]
    return " and ".join(differs) or "another scenario"


def _check_answers(parts: Sequence[SweepFolder]) -> None:
    """Refuse two answers to one cell. UsageError naming both."""
    answers: dict[str, Path] = {}
    for run in (committed.folder for part in parts for committed in part.committed()):
        cell = run.parent.name
        known = answers.setdefault(cell, run)
        if fact(known / names.MANIFEST) != fact(run / names.MANIFEST):
            words = f"cell {cell} has two different runs that count: {known} and {run}"
            raise UsageError(words, fix="merge without one of the two folders")


def _attempts(parts: Sequence[SweepFolder]) -> list[_Attempt]:
    """Return every attempt of every part once, the oldest first."""
    found: dict[tuple[str, str, str], _Attempt] = {}
    for attempt in sorted((each for part in parts for each in _ended(part)), key=attrgetter("t_ns")):
        ended = attempt.ended
        same = (ended.cell, ended.run, ended.manifest)
        if same not in found or found[same].lost:
            found[same] = attempt
    return list(found.values())


def _ended(part: SweepFolder) -> Iterator[_Attempt]:
    for line in part.lines:
        if isinstance(line.event, Ended):
            yield _Attempt(t_ns=line.t_ns, ended=line.event, part=part)


def _untold(parts: Sequence[SweepFolder]) -> Iterator[str]:
    """Say which runs are whole, of a cell without an answer, and were never told of: they do not come along."""
    answered = {committed.cell.id for part in parts for committed in part.committed()}
    for part in parts:
        for run in untold.runs(part):
            if run.parent.name not in answered:
                resume = f"lab sweep --resume {quote(str(part.path))}"
                yield f"left out: {run}: it is whole, and its part never told of it ({resume} takes it in first)"


def _fill(
    folder: SweepFolder, parts: Sequence[SweepFolder], running: Sequence[Path], note: Callable[[str], object]
) -> None:
    """Bring `folder`, which is new, everything that is whole in `parts`; those in `running` go on meanwhile."""
    number: Counter[str] = Counter()
    with Journal(folder.path) as journal:
        journal.append(Opened(plan=folder.plan.digest, lab=lab.__version__, pid=os.getpid()))
        journal.append(Noted(words=f"merged from {', '.join(str(part.path) for part in parts)}"))
        attempts = _attempts(parts)
        lost = (f"left out: {attempt.lost}" for attempt in attempts if attempt.lost)
        later = (f"{place} is being run: what it finishes from now on stays there" for place in running)
        for words in (*later, *lost, *_untold(parts)):
            journal.append(Noted(words=words))
            note(words)
        for attempt in attempts:
            ended = attempt.ended
            if attempt.lost:
                continue
            number[ended.cell] += 1
            journal.append(Began(cell=ended.cell, attempt=number[ended.cell], run=ended.run))
            _copy(attempt, folder.run(ended.cell, ended.run))
            journal.append(replace(ended, attempt=number[ended.cell]))


def _copy(attempt: _Attempt, target: Path) -> None:
    """Copy the run of `attempt`, for good, to `target`; one that came to nothing may have left nothing."""
    if not attempt.run.exists():
        return
    unpack(pack(attempt.run), target)
    settle(target)
    if attempt.ended.outcome != ERROR and sealed(target) != attempt.ended.manifest:
        raise EvidenceError(f"{target}: changed while it was copied", fix="try again")
