"""Runs on disk: find one by what a person types, and read what it holds."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError
from lab.evidence import names


def runs(results: Path) -> list[Path]:
    """Return every run folder below `results`, oldest first."""
    return sorted(
        (m.parent for m in results.glob(f"*/*/{names.MANIFEST}")), key=lambda run: (run.name, run.parent.name)
    )


def find(run: str, results: Path) -> Path:
    """Return the folder that `run` means: a path, a unique prefix of a run's id, or `last`."""
    if (Path(run) / names.MANIFEST).exists():
        return Path(run)
    known = runs(results)
    if not known:
        raise UsageError(
            f"no runs in {results}", fix="make one: lab run scenarios/clean.yaml, or name the folder with -o"
        )
    matching = known[-1:] if run == "last" else [path for path in known if path.name.startswith(run)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(f"'{run}' could be {', '.join(path.name for path in matching)}", fix="type more of the id")
    raise UsageError(f"no run '{run}' in {results}", fix=f"the last one is {known[-1].name}")


def log(folder: Path, client: str) -> str:
    """Return the log of `client`, or of the `server`, that the run kept."""
    path = folder / (names.SERVER_LOG if client == "server" else names.client(client, names.CLIENT_LOG))
    if path.exists():
        return path.read_text(errors="replace")
    kept = ["server", *sorted(place.name for place in (folder / names.CLIENTS).glob("*"))]
    raise UsageError(f"no log of '{client}' in {folder}", fix=f"it has {', '.join(kept)}")
