"""Runs on disk: find one by what a person types, and read what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from lab.batch.folders.committed import PLAN
from lab.batch.folders.journal import CELLS
from lab.batch.folders.parcel import PARTIAL
from lab.errors import StorageError, UsageError
from lab.evidence import names
from lab.evidence.durable import storing
from lab.paths import is_folder

_TOLD = 5
"""How many of those that could be meant are named."""


def runs(results: Path) -> list[Path]:
    """Return every run folder below `results`, oldest first; those of a sweep are the sweep's."""
    return _folders(results, names.MANIFEST)


def sweeps(results: Path) -> list[Path]:
    """Return every sweep's folder below `results`, oldest first."""
    return _folders(results, PLAN)


def everything(results: Path) -> list[Path]:
    """Return every run's and every sweep's folder below `results`, oldest first."""
    return sorted((*runs(results), *sweeps(results)), key=_age)


def closed(results: Path) -> Iterator[tuple[Path, StorageError]]:
    """Yield every folder below `results` in which a run or a sweep could be and that cannot be read, with why.

    StorageError when that is `results` itself.
    """
    for scenario in _inside(results):
        try:
            folders = _inside(scenario)
        except StorageError as error:
            yield scenario, error
            continue
        for folder in folders:
            try:
                is_run(folder)
            except StorageError as error:
                yield folder, error


def find(run: str, results: Path) -> Path:
    """Return the folder that `run` means: a path, a unique prefix of a run's id, or `last`. UsageError, StorageError.

    The runs of a sweep are found by their ids too, where no other begins like that; `last` is none of them.
    """
    if is_run(Path(run)):
        return Path(run)
    if is_sweep(Path(run)):
        raise UsageError(f"{run}: a sweep, and a run is expected", fix=f"lab ls {quote(run)} shows its runs")
    return _only(run, runs(results), results)


def find_any(what: str, results: Path) -> Path:
    """Return the folder of the run or the sweep that `what` means, as `find` does. UsageError, StorageError."""
    if is_run(Path(what)) or is_sweep(Path(what)):
        return Path(what)
    return _only(what, everything(results), results)


def is_sweep(folder: Path) -> bool:
    """Say whether `folder` is a sweep's. StorageError when nobody may look."""
    with storing(folder / PLAN):
        return (folder / PLAN).is_file()


def is_run(folder: Path) -> bool:
    """Say whether `folder` is a run's. StorageError when nobody may look."""
    with storing(folder / names.MANIFEST):
        return (folder / names.MANIFEST).exists()


def _folders(results: Path, holding: str) -> list[Path]:
    found = (file.parent for file in results.glob(f"*/*/{holding}")) if is_folder(results) else ()
    return sorted((folder for folder in found if not folder.name.startswith(PARTIAL)), key=_age)


def _inside(folder: Path) -> list[Path]:
    """Return the folders in `folder`. StorageError when nobody may look."""
    with storing(folder):
        return sorted(each for each in folder.iterdir() if each.is_dir())


def _of_sweeps(results: Path) -> list[Path]:
    """Return the run folders of all sweeps."""
    return [file.parent for sweep in sweeps(results) for file in sweep.glob(f"{CELLS}/*/*/{names.MANIFEST}")]


def _beginning(what: str, folders: Sequence[Path]) -> list[Path]:
    return [folder for folder in folders if folder.name.startswith(what)]


def _age(folder: Path) -> tuple[str, str]:
    return folder.name, folder.parent.name


def _only(what: str, known: Sequence[Path], results: Path) -> Path:
    """Return the one of `known`, oldest first, that `what` means. UsageError."""
    if Path(what).is_dir():
        raise UsageError(f"{what}: neither a run nor a sweep", fix=f"lab ls -o {quote(what)} shows what it holds")
    if not known and not sweeps(results):
        raise UsageError(
            f"no runs in {results}", fix="make one: lab run scenarios/clean.yaml, or name the folder with -o"
        )
    matching = known[-1:] if what == "last" else _beginning(what, known) or _beginning(what, _of_sweeps(results))
    if len(matching) == 1:
        return matching[0]
    if matching:
        told = ", ".join(path.name for path in matching[:_TOLD])
        more = f" and {len(matching) - _TOLD} more" if len(matching) > _TOLD else ""
        raise UsageError(f"'{what}' could be {told}{more}", fix="type more of the id")
    if what == "last":
        raise UsageError(f"{results} holds sweeps only, and a run is expected", fix="lab ls SWEEP shows its runs")
    raise UsageError(f"no run '{what}' in {results}", fix=f"lab ls -o {quote(str(results))} shows them all")


def log(folder: Path, client: str) -> str:
    """Return the log of `client`, or of the `server`, that the run kept."""
    path = folder / (names.SERVER_LOG if client == "server" else names.client(client, names.CLIENT_LOG))
    if path.exists():
        return path.read_text(errors="replace")
    kept = ["server", *sorted(place.name for place in (folder / names.CLIENTS).glob("*"))]
    raise UsageError(f"no log of '{client}' in {folder}", fix=f"it has {', '.join(kept)}")
