"""What `lab compare` is given: a run, a sweep, or a folder of runs, as runs in places that have a partner elsewhere.

Law: only runs that count are compared, each in its place (setting and repetition); every other one is named, with why.
A copy is the same run: it counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.analysis.several.compared import Place
from lab.batch.folders.committed import SweepFolder, check_one_sweep
from lab.batch.folders.stored import find_any, is_run, is_sweep, sweeps
from lab.batch.plans.cells import Cell
from lab.batch.runs.verdicts import counting, told, told_or_why
from lab.errors import UsageError
from lab.evidence import names
from lab.evidence.store import fact
from lab.report.verdicts import Told
from lab.scenario.sweeping import Setting, Sweep, key_named, settings, spelled

_RUNS = ("*", "*/*")
"""Where runs lie in a folder of runs of one scenario, and in one of several."""
_UNNUMBERED = 0
"""The repetition of a run that does not count and is no cell's: the others are numbered as if it were not there."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A run that counts, in its place."""

    place: Place
    folder: Path
    told: Told

    @property
    def identity(self) -> str:
        """What only a copy shares: the hash of its manifest, which holds its id, its times and its files' hashes."""
        return _identity(self.folder)


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A run that does not count, or a cell without one that does, in its place, and why."""

    what: str
    why: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side, under the name it was given."""

    name: str
    members: tuple[Member, ...]
    lost: tuple[Lost, ...]


def side(text: str, results: Path) -> Side:
    """Return the side that `text` means: a folder, a unique prefix of an id, or `last`. UsageError, EvidenceError."""
    path = Path(text)
    if not is_sweep(path) and not is_run(path) and path.is_dir():
        return _runs(text, path)
    found = find_any(text, results)
    if is_sweep(found):
        folder = _opened(found)
        return _of_cells(text, folder, _ordered(folder), ())
    members, lost = _sorted_out([(found, counting(told(found)))], ())
    return Side(name=text, members=members, lost=lost)


def split(text: str, by: str, results: Path) -> tuple[Side, ...]:
    """Return the sweep that `text` means as a side per value of its axis `by`, clean controls left out. UsageError."""
    folder = _opened(find_any(text, results))
    axes = folder.plan.axes
    key = key_named(by, [key for axis in axes for key in axis.keys])
    if key == folder.search:
        words = f"{text}: a search along {key}, each run of it a repetition of its own: no two levels have a pair"
        raise UsageError(words, fix="lab show tells where it breaks; a sweep of the levels with --repeat compares them")
    keys, values = next((axis.keys, axis.values) for axis in axes if key in axis.keys)
    cells = [cell for cell in _ordered(folder) if not cell.control]
    return tuple(
        _of_cells(
            spelled(tuple(zip(keys, value, strict=True))),
            folder,
            [cell for cell in cells if _choice(cell.setting, keys) == value],
            keys,
        )
        for value in values
    )


def _opened(path: Path) -> SweepFolder:
    folder = SweepFolder(path)
    check_one_sweep(folder)
    return folder


def _choice(setting: Setting, keys: Sequence[str]) -> tuple[str, ...]:
    values = dict(setting)
    return tuple(values[key] for key in keys)


def _ordered(folder: SweepFolder) -> list[Cell]:
    """Return the cells that are asked for, in the order of the axes' values and not as they were run."""
    order = {setting: number for number, setting in enumerate(settings(Sweep(axes=folder.plan.axes)))}
    return sorted(folder.cells, key=lambda cell: (cell.control, order[cell.setting], cell.repetition))


def _of_cells(name: str, folder: SweepFolder, cells: Sequence[Cell], without: Sequence[str]) -> Side:
    """Return `cells` as a side; `without` are the keys that make the side and no place in it."""
    members: list[Member] = []
    lost: list[Lost] = []
    for cell in cells:
        rest = tuple((key, value) for key, value in cell.setting if key not in without)
        place = Place(setting=rest, repetition=cell.repetition, control=cell.control)
        valid = folder.valid(cell)
        found = told_or_why(valid.folder) if valid else _why(folder, cell)
        if valid is None or isinstance(found, str):
            lost.append(Lost(what=str(place), why=str(found), place=place))
        else:
            members.append(Member(place=place, folder=valid.folder, told=found))
    return Side(name=name, members=tuple(members), lost=tuple(lost))


def _why(folder: SweepFolder, cell: Cell) -> str:
    tried = folder.tried(cell)
    return (f"no run of {tried} tried counts: " if tried else "") + folder.unanswered(cell)


def _runs(name: str, path: Path) -> Side:
    """Return the runs in the folder `path`; those of one scenario are its repetitions, oldest first. UsageError."""
    found = [file.parent for place in _RUNS for file in path.glob(f"{place}/{names.MANIFEST}")]
    if not found:
        swept = [*filter(is_sweep, sorted(path.iterdir())), *sweeps(path)]
        fix = f"name one of them, such as {swept[-1]}" if swept else "name a run, a sweep, or a folder of runs"
        raise UsageError(f"{path}: holds {'sweeps and ' * bool(swept)}no runs", fix=fix)
    several = any(run.parent != path for run in found)
    judged = list(_once((run, told_or_why(run)) for run in sorted(found)))
    members: list[Member] = []
    lost: list[Lost] = []
    for scenario in sorted({run.parent for run in found}):
        setting = (("scenario", scenario.name),) if several else ()
        kept, gone = _sorted_out([one for one in judged if one[0].parent == scenario], setting)
        members += kept
        lost += gone
    return Side(name=name, members=tuple(members), lost=tuple(lost))


def _once(runs: Iterable[tuple[Path, Told | str]]) -> Iterator[tuple[Path, Told | str]]:
    """Yield `runs`, those that count but are copies of one before as what they are."""
    known: dict[str, Path] = {}
    for run, found in runs:
        first = run if isinstance(found, str) else known.setdefault(_identity(run), run)
        yield run, found if first == run else f"a copy of {first}, which counts once"


def _identity(run: Path) -> str:
    return fact(run / names.MANIFEST).sha256


def _sorted_out(
    runs: Iterable[tuple[Path, Told | str]], setting: Setting
) -> tuple[tuple[Member, ...], tuple[Lost, ...]]:
    """Return the runs that count, numbered, and the others, with why."""
    members: list[Member] = []
    lost: list[Lost] = []
    for run, found in runs:
        if isinstance(found, str):
            lost.append(Lost(what=str(run), why=found, place=Place(setting=setting, repetition=_UNNUMBERED)))
        else:
            place = Place(setting=setting, repetition=len(members) + 1)
            members.append(Member(place=place, folder=run, told=found))
    return tuple(members), tuple(lost)
