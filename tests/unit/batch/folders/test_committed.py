"""What of a sweep counts: whole runs whose files are those that were recorded, and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from lab.batch.folders.committed import PLAN, SweepFolder, check_one_sweep
from lab.batch.folders.journal import CELLS
from lab.errors import EvidenceError, StorageError, UsageError
from lab.evidence import names
from tests.fakes.sweeps import in_order, laid, planned, swept


@pytest.fixture
def done(tmp_path: Path) -> SweepFolder:
    """Return a sweep of two cells; the first was void twice, the second failed once and then passed."""
    plan = planned(tmp_path)
    first, second = plan.cells
    ends = {first.id: ("VOID", "VOID", "FAIL"), second.id: ("ERROR",)}
    return swept(laid(plan, tmp_path / "sweep"), in_order(ends))


def again(folder: SweepFolder, *, every_byte: bool = True) -> SweepFolder:
    """Return what the folder holds now."""
    return SweepFolder(folder.path, every_byte=every_byte)


def test_each_cell_has_the_run_that_counts_and_all_that_were_tried(done: SweepFolder) -> None:
    """Void and failed attempts are counted and kept; the last whole one is the answer."""
    first, second = done.committed()
    assert [(each.attempt, each.outcome) for each in (first, second)] == [(3, "FAIL"), (2, "PASS")]
    assert [done.tried(cell) for cell in done.plan.cells] == [3, 2]
    assert (first.folder / names.VERDICT).is_file()
    assert len(list(first.folder.parent.iterdir())) == 3
    assert done.missing() == ()


def test_a_sweep_that_was_only_planned_misses_everything(tmp_path: Path) -> None:
    """No journal yet, no runs."""
    plan = planned(tmp_path)
    fresh = SweepFolder(laid(plan, tmp_path / "sweep"))
    assert fresh.missing() == fresh.plan.cells
    assert (fresh.committed(), fresh.tried(fresh.plan.cells[0])) == ((), 0)


def test_a_deleted_run_is_missing_and_said_to_be(done: SweepFolder) -> None:
    """The cell is to be made again; the other stays; the journal still tells of it."""
    first, second = done.committed()
    shutil.rmtree(first.folder)
    now = again(done)
    assert now.missing() == (first.cell,)
    assert [each.cell for each in now.committed()] == [second.cell]
    assert "No such file" in str(now.lost(now.ended(first.cell)[-1]))
    assert now.unanswered(first.cell) == now.gone(first.cell)
    assert now.gone(first.cell) == (
        f"its run is not there as it was: {first.folder / names.MANIFEST}: No such file or directory "
        f"(lab sweep --resume {done.path} makes it again)"
    )


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE])
def test_a_run_that_cannot_be_read_now_is_not_lost(
    done: SweepFolder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Whoever asks what to make is stopped, with a place and a way out; a reader shows the others, and why not this."""
    first, second = done.committed()
    unreadable(monkeypatch, first.folder / names.MANIFEST, code)
    now = again(done)
    with pytest.raises(
        StorageError, match=rf"{names.MANIFEST}: .*make it readable and try again; or remove {first.folder}"
    ):
        now.missing()
    assert [each.cell for each in now.committed()] == [second.cell]
    assert f"{first.folder / names.MANIFEST}: {os.strerror(code)}: nobody can say" in now.gone(first.cell)
    assert now.unanswered(first.cell) == now.gone(first.cell)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENOTDIR, errno.ELOOP])
def test_a_run_that_is_no_run_any_more_is_lost(done: SweepFolder, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Nothing is there that could be read another time."""
    unreadable(monkeypatch, done.committed()[0].folder / names.MANIFEST, code)
    assert again(done).missing() == done.plan.cells[:1]


def unreadable(monkeypatch: pytest.MonkeyPatch, file: Path, code: int) -> None:
    """Let the system say `code` to whoever reads `file`."""
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == file:
            raise OSError(code, os.strerror(code))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)


def test_a_run_without_a_piece_of_it_is_missing_too(done: SweepFolder) -> None:
    """Whoever deletes big files to save space: the piece is named, by its absence alone."""
    run = done.committed()[0]
    (run.folder / names.SERVER_LOG).unlink()
    assert again(done).missing() == (run.cell,)
    assert f"{run.folder / names.SERVER_LOG}: it is gone (lab sweep --resume" in again(done).gone(run.cell)


def test_a_file_that_strayed_among_the_cells_mixes_no_sweeps(done: SweepFolder) -> None:
    """File managers leave such; a folder among them is a foreign cell."""
    (done.path / CELLS / ".DS_Store").write_bytes(b"")
    check_one_sweep(again(done))
    (done.path / CELLS / "abc").mkdir()
    with pytest.raises(EvidenceError, match="cell abc is not in its plan"):
        check_one_sweep(again(done))


@pytest.mark.parametrize("name", [names.SERVER_LOG, names.RESOLVED, names.MANIFEST])
def test_a_changed_bit_of_any_evidence_does_not_count(done: SweepFolder, name: str) -> None:
    """Found by its hash, the manifest's own in the journal."""
    path = done.committed()[0].folder / name
    content = path.read_bytes()
    path.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    now = again(done)
    assert now.missing() == (done.plan.cells[0],)
    assert name in str(now.lost(now.ended(done.plan.cells[0])[-1]))


def test_a_cut_file_is_found_without_reading_every_byte(done: SweepFolder) -> None:
    """Readers look at sizes; only who resumes reads everything."""
    path = done.committed()[0].folder / names.SERVER_LOG
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert len(again(done, every_byte=False).missing()) == 1
    path.write_bytes(bytes(len(content)))
    assert again(done, every_byte=False).missing() == ()
    assert len(again(done).missing()) == 1


def test_a_verdict_can_be_made_again_and_is_not_evidence(done: SweepFolder) -> None:
    """Without it the run still counts."""
    (done.committed()[0].folder / names.VERDICT).unlink()
    assert again(done).missing() == ()


def test_a_folder_that_is_no_sweep_is_bad_usage(tmp_path: Path) -> None:
    """Named, with what it has not."""
    with pytest.raises(UsageError, match=r"no sweep \(it has no plan.json\)"):
        SweepFolder(tmp_path)


def test_a_plan_of_a_newer_lab_is_named(done: SweepFolder) -> None:
    """Nothing is guessed."""
    path = done.path / PLAN
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    with pytest.raises(EvidenceError, match="format 3 needs a newer lab"):
        again(done)
