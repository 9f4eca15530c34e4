"""`lab show` and `lab ls`, as the text that they print: one table, in one of four formats."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Literal

from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.stored import find_any, is_run, is_sweep
from lab.batch.runs.one import judged
from lab.batch.tables import limits
from lab.batch.tables.listing import cells, listed
from lab.batch.tables.results import DEFAULT_METRICS, of_run, results
from lab.errors import UsageError
from lab.evidence.durable import storing
from lab.paths import is_folder
from lab.report import listing, spreadsheet, sweep_table, table
from lab.report.rows import SweepTable
from lab.report.table import Table

Format = Literal["text", "markdown", "csv", "json"]


def shown(folder: Path, by: str | None, metrics: Sequence[str] | None, kind: Format, width: int) -> str:
    """Return what the run or the sweep in `folder` came to, with `metrics`; None: a run's verdict, a sweep's usual.

    Raises UsageError for an axis or a metric that is none, EvidenceError for what cannot be read.
    """
    if is_sweep(folder):
        swept = SweepFolder(folder)
        if swept.search and by is None and metrics is None:
            return limits.told(swept, kind, width)
        return _swept(results(swept, by, metrics or DEFAULT_METRICS), kind, width)
    if by is not None:
        raise UsageError(f"--by {by}: {folder} is a run and has no axes", fix="name a sweep: lab ls shows them")
    if metrics is None and kind in ("text", "json"):
        done = judged(folder)
        return done.json if kind == "json" else done.text(width) + "\n"
    return _swept(of_run(folder, metrics or DEFAULT_METRICS), kind, width)


def there(sweep: str | None, where: Path, kind: Format, width: int) -> str:
    """Return what there is in the results folder `where`, or the cells of `sweep`. UsageError, EvidenceError."""
    if sweep is not None:
        folder = find_any(sweep, where)
        found = cells(folder)
        return _listed(listing.words_of_cells(found, folder.name), listing.to_json("cells", found), kind, width)
    if not is_folder(where):
        raise UsageError(f"{where}: no such folder", fix="name the folder that holds the results with -o")
    runs = listed(where)
    if not runs:
        _check_level(where)
    return _listed(listing.words(runs, str(where)), listing.to_json("results", runs), kind, width)


def _check_level(where: Path) -> None:
    """Refuse a folder that has nothing because it is a sweep's, a run's or a scenario's. UsageError, StorageError."""
    with storing(where):
        inside = sorted(each for each in where.iterdir() if each.is_dir())
    if is_sweep(where) or is_run(where):
        raise UsageError(f"{where}: no folder of results, but what one holds", fix=f"lab show {quote(str(where))}")
    if any(is_sweep(each) or is_run(each) for each in inside):
        above = os.path.normpath(where / "..")
        raise UsageError(f"{where}: no folder of results, but a scenario's in one", fix=f"lab ls -o {quote(above)}")


def _swept(found: SweepTable, kind: Format, width: int) -> str:
    match kind:
        case "csv":
            return spreadsheet.to_csv(spreadsheet.frame(found))
        case "json":
            return spreadsheet.to_json(found)
        case _:
            return _text(sweep_table.words(found), kind, width)


def _listed(words: Table, json: str, kind: Format, width: int) -> str:
    match kind:
        case "csv":
            return spreadsheet.to_csv(spreadsheet.framed(words.heads, words.rows))
        case "json":
            return json
        case _:
            return _text(words, kind, width)


def _text(words: Table, kind: Format, width: int) -> str:
    return table.markdown(words) if kind == "markdown" else table.text(words, width)
