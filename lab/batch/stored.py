"""Runs on disk: find one by what a person types, and read what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.batch.committed import PLAN
from lab.errors import UsageError
from lab.evidence import names


def runs(results: Path) -> list[Path]:
    """Return every run folder below `results`, oldest first; those of a sweep are the sweep's."""
    return _folders(results, names.MANIFEST)


def sweeps(results: Path) -> list[Path]:
    """Return every sweep's folder below `results`, oldest first."""
    return _folders(results, PLAN)


def find(run: str, results: Path) -> Path:
    """Return the folder that `run` means: a path, a unique prefix of a run's id, or `last`. UsageError."""
    return Path(run) if (Path(run) / names.MANIFEST).exists() else _only(run, runs(results), results)


def find_any(what: str, results: Path) -> Path:
    """Return the folder of the run or the sweep that `what` means, as `find` does. UsageError."""
    if (Path(what) / names.MANIFEST).exists() or is_sweep(Path(what)):
        return Path(what)
    return _only(what, sorted((*runs(results), *sweeps(results)), key=_age), results)


def is_sweep(folder: Path) -> bool:
    """Say whether `folder` is a sweep's."""
    return (folder / PLAN).is_file()


def _folders(results: Path, holding: str) -> list[Path]:
    return sorted((file.parent for file in results.glob(f"*/*/{holding}")), key=_age)


def _age(folder: Path) -> tuple[str, str]:
    return folder.name, folder.parent.name


def _only(what: str, known: Sequence[Path], results: Path) -> Path:
    """Return the one of `known`, oldest first, that `what` means. UsageError."""
    if not known:
        raise UsageError(
            f"no runs in {results}", fix="make one: lab run scenarios/clean.yaml, or name the folder with -o"
        )
    matching = known[-1:] if what == "last" else [path for path in known if path.name.startswith(what)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"'{what}' could be {', '.join(path.name for path in matching)}", fix="type more of the id")
    raise UsageError(f"no run '{what}' in {results}", fix=f"the last one is {known[-1].name}")


def log(folder: Path, client: str) -> str:
    """Return the log of `client`, or of the `server`, that the run kept."""
    path = folder / (names.SERVER_LOG if client == "server" else names.client(client, names.CLIENT_LOG))
    if path.exists():
        return path.read_text(errors="replace")
    kept = ["server", *sorted(place.name for place in (folder / names.CLIENTS).glob("*"))]
    raise UsageError(f"no log of '{client}' in {folder}", fix=f"it has {', '.join(kept)}")
