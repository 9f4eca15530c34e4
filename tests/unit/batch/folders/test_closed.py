"""Folders and files that nobody may read: one line with the place and the way out, and no other row is hidden."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.batch.folders import limit_file, untold
from lab.batch.folders.committed import PLAN, SweepFolder, check_one_sweep
from lab.batch.folders.journal import CELLS, NAME
from lab.batch.folders.stored import find, find_any, is_sweep
from lab.batch.runs.verdicts import told_or_why
from lab.batch.tables.listing import listed
from lab.batch.tables.sides import side
from lab.errors import StorageError
from lab.evidence import names
from tests.fakes.sweeps import in_order, laid, planned, swept


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    """Return a sweep of two cells, done."""
    return swept(laid(planned(tmp_path), tmp_path / "sweep"), in_order())


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what closes a folder: whoever asks about something in it is refused, root too."""

    def close(folder: Path) -> None:
        stat = Path.stat

        def refused(path: Path, **how: Any) -> os.stat_result:
            if folder in path.parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return stat(path, **how)

        monkeypatch.setattr(Path, "stat", refused)

    return close


@pytest.mark.parametrize(
    ("look", "name"),
    [
        (lambda folder: SweepFolder(folder), PLAN),
        (is_sweep, PLAN),
        (lambda folder: find(str(folder), folder), names.MANIFEST),
        (lambda folder: find_any(str(folder), folder), names.MANIFEST),
        (lambda folder: side(str(folder), folder), PLAN),
        (lambda folder: limit_file.searched(folder, (), None), limit_file.NAME),
    ],
)
def test_a_closed_folder_is_named(
    sweep: SweepFolder, closed: Callable[[Path], None], look: Callable[[Path], object], name: str
) -> None:
    """Whoever asks whether it is a sweep, a run, or a search."""
    closed(sweep.path)
    with pytest.raises(StorageError, match=rf"{sweep.path}/{name}: Permission denied \(no permission: .*its owner\)"):
        look(sweep.path)


@pytest.mark.parametrize("shut", ["base", "base/one"], ids=["of a scenario", "of a sweep"])
def test_a_closed_folder_is_a_line_of_what_there_is(tmp_path: Path, closed: Callable[[Path], None], shut: str) -> None:
    """What cannot be read is no folder without runs, and hides none that can."""
    one, two = (laid(planned(tmp_path), tmp_path / "results" / name) for name in ("base/one", "more/two"))
    assert [each.folder for each in listed(tmp_path / "results")] == [str(one), str(two)]
    closed(tmp_path / "results" / shut)
    other, line = listed(tmp_path / "results")
    assert (other.folder, line.folder) == (str(two), str(tmp_path / "results" / shut))
    assert re.fullmatch(rf"{line.folder}.*: Permission denied \(no permission: .*or run as its owner\)", line.note)


def test_a_closed_folder_of_results_is_named(tmp_path: Path, closed: Callable[[Path], None]) -> None:
    """Nothing in it can be listed."""
    laid(planned(tmp_path), tmp_path / "results" / "base" / "one")
    closed(tmp_path / "results")
    with pytest.raises(StorageError, match="results: Permission denied"):
        listed(tmp_path / "results")


def test_a_closed_folder_of_cells_is_named(sweep: SweepFolder, closed: Callable[[Path], None]) -> None:
    """Its cells can be listed, and nothing can be said of them."""
    closed(sweep.path / CELLS)
    with pytest.raises(StorageError, match=rf"{CELLS}: Permission denied \(no permission"):
        check_one_sweep(sweep)


def test_a_closed_folder_of_a_cell_hides_no_run_that_no_line_names(
    sweep: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be looked for is not taken for nothing, and made again."""
    (sweep.path / NAME).write_bytes(b"")
    cell = sweep.path / CELLS / sweep.plan.cells[0].id
    listed = Path.iterdir

    def refused(path: Path) -> Iterator[Path]:
        if path == cell:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    assert len(untold.runs(SweepFolder(sweep.path))) == 2
    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(StorageError, match=rf"{cell}: Permission denied"):
        untold.runs(SweepFolder(sweep.path))


def test_a_closed_verdict_is_the_reason_why_its_row_is_missing(
    sweep: SweepFolder, closed: Callable[[Path], None]
) -> None:
    """And no end of the table."""
    run = sweep.committed()[0].folder
    closed(run / names.DERIVED)
    assert str(told_or_why(run)).startswith(f"{run / names.VERDICT}: Permission denied")
