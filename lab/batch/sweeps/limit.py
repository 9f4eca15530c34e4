"""`lab sweep FILE --find-limit KEY=MILD..HARSH`: where a scenario breaks, by trying levels where it matters.

Law: a search is a sweep of every level, of which only the cells that a level was chosen for are run. Run n of a search
is repetition n of its level, so that no two of its runs share their dice. What comes next follows from the runs that
count, in the order of their repetitions, and from nothing else: a search that was cut short goes on as if it had not
been. Runs side by side are chosen together, and the next ones when all of them have ended. A search with a version that
cannot be had ends at its first run until somebody goes on with it, and takes no other one with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.analysis.several.limit_search import Answer, Try, look
from lab.analysis.values import Outcome
from lab.batch.crews.crew import Crew
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import Began
from lab.batch.plans.cells import Cell
from lab.batch.plans.trials import CONTROL_EVERY
from lab.batch.sweeps.attempts import TRIES, Attempts
from lab.errors import EnvironmentFault, UsageError
from lab.report.limit import Limit, LimitRun, sentence
from lab.scenario import expectations
from lab.scenario.sweeping import Setting, spelled

AT_MOST = 40
"""Runs of one search, unless --repeat says otherwise."""
_GIVE_UP = 3
"""After so many runs in a row that never counted, what is wrong is wrong with all of them."""
_ANSWERS = {
    Outcome.PASS.value: Answer.HOLDS,
    Outcome.FAIL.value: Answer.BREAKS,
    Outcome.UNKNOWN.value: Answer.NEITHER,
}


def go(
    path: Path,
    attempts: Attempts,
    crew: Crew,
    may_begin: Callable[[Cell], bool] = lambda _: True,
    side_by_side: int = 1,
) -> None:
    """Search in the sweep's folder `path` until every limit is found, runs are used up, or none `may_begin` any more.

    Raises what `Attempts.go` raises, and EnvironmentFault after `_GIVE_UP` runs in a row that never counted.
    """
    folder = SweepFolder(path)
    in_vain: tuple[Cell, ...] = ()
    while cells := _next(folder, attempts.hopeless, side_by_side):
        if len(in_vain) >= _GIVE_UP:
            words = f"{len(in_vain)} runs in a row came to nothing, however often they were made"
            why = folder.unanswered(in_vain[-1])
            raise EnvironmentFault(f"{words}, the last: {why}", fix="mend that, then go on with --resume")
        attempts.go(crew, cells, may_begin)
        before, folder = folder, SweepFolder(path)
        if _begun(folder) == _begun(before):
            return
        given_up = tuple(cell for cell in cells if _is_given_up(folder, cell))
        in_vain = () if any(map(folder.valid, cells)) else (*in_vain, *given_up)
        for was, now in zip(limits(before), limits(folder), strict=True):
            if sentence(was) != sentence(now):
                attempts.note(f"{now.key}{_within(now.setting)}: {sentence(now)}")


def doubt(folder: SweepFolder) -> str:
    """Say why a search along a link may find nothing: the default expectation forgives the network. Empty: no doubt."""
    default = tuple(expectations.expectations(expectations.DEFAULT))
    expected = {cell.scenario.expect for cell in folder.plan.cells if not cell.control}
    if expected != {default} or not (folder.search or "").startswith("links."):
        return ""
    return (
        "nothing is expected that a link could break, for the default forgives it its losses: "
        "write what must hold into the file, such as expect: {audio_loss: '<= 5%'}"
    )


def _begun(folder: SweepFolder) -> int:
    """Count the attempts; a note in the journal is none."""
    return sum(isinstance(line.event, Began) for line in folder.lines)


def _within(setting: Setting) -> str:
    return f" with {spelled(setting)}" if setting else ""


def _next(folder: SweepFolder, hopeless: Collection[str], side_by_side: int) -> tuple[Cell, ...]:
    """Return what is to be made next, but for the `hopeless` cells and the searches that hold one."""
    begun = tuple(cell for cell in unfinished(folder) if cell.id not in hopeless)
    return begun or _round(folder, hopeless, side_by_side)


def unfinished(folder: SweepFolder) -> tuple[Cell, ...]:
    """Return the cells that were begun, have no run that counts, and are worth another attempt."""
    return tuple(cell for cell in folder.missing() if not _is_given_up(folder, cell))


def _is_given_up(folder: SweepFolder, cell: Cell) -> bool:
    """Say whether `cell`, if it has no run that counts, was tried often enough; an answer that was lost is none."""
    return folder.void(cell) >= TRIES


def limits(folder: SweepFolder) -> tuple[Limit, ...]:
    """Return what is known now of the limit in each setting of the other axes."""
    return tuple(search.limit for search in _searches(folder))


@dataclass(frozen=True, kw_only=True)
class _Search:
    """One search: its cells by level and repetition, and what is known now; the next run is repetition `following`."""

    cells: dict[tuple[int, int], Cell]
    limit: Limit
    following: int

    def level(self, pending: Sequence[int]) -> int | None:
        """Return the level to try beside those that are `pending`."""
        tried = [Try(level=self.limit.levels.index(run.level), answer=run.answer) for run in self.limit.runs]
        return look(len(self.limit.levels), tried, pending).level


def _round(folder: SweepFolder, hopeless: Collection[str], side_by_side: int) -> tuple[Cell, ...]:
    """Return the runs to be made next: of each search about as many; a clean control first, each ten runs, and last."""
    vain = [cell for cell in folder.cells if cell.id in hopeless]
    ended = {beside(cell, folder.search) for cell in vain if not cell.control}  # each has said why
    going = (search for search in _searches(folder) if search.limit.setting not in ended)
    searches = sorted(going, key=lambda search: search.following)
    chosen: list[Cell] = []
    pending: list[list[int]] = [[] for _ in searches]
    more = True
    while more and len(chosen) < side_by_side:
        more = False
        for search, levels in zip(searches, pending, strict=True):
            level = search.level(levels)
            cell = None if level is None else search.cells.get((level, search.following + len(levels)))
            if level is not None and cell is not None and len(chosen) < side_by_side:
                levels.append(level)
                chosen.append(cell)
                more = True
    runs = sum(search.following - 1 for search in searches)
    return (*_control(folder, vain, runs, last=not chosen), *chosen)


def _control(folder: SweepFolder, vain: Sequence[Cell], runs: int, *, last: bool) -> Iterator[Cell]:
    """Yield the clean control that is due, of a setting of which nothing was made in `vain`."""
    begun = {cell.id for cell in folder.cells}
    without = {beside(cell, folder.search) for cell in vain}
    controls = [cell for cell in folder.plan.cells if cell.control and beside(cell, folder.search) not in without]
    made = sum(cell.id in begun for cell in controls)
    due = 1 + runs // CONTROL_EVERY + (1 if last and runs else 0)
    yield from controls[made : min(due, made + 1)]


def beside(cell: Cell, key: str | None) -> Setting:
    """Return the setting of `cell` without the `key` that is searched along: which search it is of."""
    return tuple(pair for pair in cell.setting if pair[0] != key)


def _searches(folder: SweepFolder) -> Iterator[_Search]:
    key = folder.search
    if key is None:
        raise UsageError(f"{folder.path}: a sweep that searches no limit", fix="lab show tells what it came to")
    levels = next(tuple(row[0] for row in axis.values) for axis in folder.plan.axes if axis.keys == (key,))
    places = {level: place for place, level in enumerate(levels)}
    groups: dict[Setting, dict[tuple[int, int], Cell]] = {}
    for cell in folder.plan.cells:
        if not cell.control:
            groups.setdefault(beside(cell, key), {})[places[dict(cell.setting)[key]], cell.repetition] = cell
    for setting in sorted(groups):
        yield _search(folder, key, setting, levels, groups[setting])


def _search(
    folder: SweepFolder, key: str, setting: Setting, levels: tuple[str, ...], cells: dict[tuple[int, int], Cell]
) -> _Search:
    begun = {cell.id for cell in folder.cells}
    mine = sorted(((again, level, cell) for (level, again), cell in cells.items() if cell.id in begun), key=_place)
    runs = tuple(run for again, level, cell in mine if (run := _run(folder, cell, levels[level], again)))
    tries = [Try(level=levels.index(run.level), answer=run.answer) for run in runs]
    controls = (folder.valid(cell) for cell in folder.plan.cells if cell.control and cell.id in begun)
    return _Search(
        cells=cells,
        following=1 + max((again for again, _, _ in mine), default=0),
        limit=Limit(
            key=key,
            setting=setting,
            levels=levels,
            look=look(len(levels), tries),
            runs=runs,
            at_most=folder.plan.repeat,
            ended=sum(folder.valid(cell) is not None or _is_given_up(folder, cell) for _, _, cell in mine),
            void=sum(folder.void(cell) for _, _, cell in mine),
            vain="" if runs or not mine else folder.unanswered(mine[-1][-1]),
            controls=tuple(each.outcome for each in controls if each),
        ),
    )


def _place(one: tuple[int, int, Cell]) -> tuple[int, int]:
    return one[:2]


def _run(folder: SweepFolder, cell: Cell, level: str, repetition: int) -> LimitRun | None:
    """Return what a run that counts said; None while there is none."""
    found = folder.valid(cell)
    if found is None:
        return None
    return LimitRun(
        level=level,
        repetition=repetition,
        answer=_ANSWERS[found.outcome],
        outcome=found.outcome,
        owner=found.owner,
        folder=str(found.folder),
    )
