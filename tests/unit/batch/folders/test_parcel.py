"""A folder on its way between machines: what arrives is what was packed, or nothing arrives."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders.parcel import Parcel, pack, unpack
from lab.errors import EvidenceError, StorageError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a folder with files at two depths, one of them empty."""
    folder = tmp_path / "made" / "run"
    (folder / "captures").mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "captures" / "core.pcap").write_bytes(bytes(range(256)) * 40)
    (folder / "captures" / "core.log").touch()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder`."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_file_arrives_as_it_was(run: Path, tmp_path: Path) -> None:
    """Names, depths, bytes; nothing else is left beside it."""
    parcel = pack(run)
    (tmp_path / "kept").mkdir()
    unpack(parcel, tmp_path / "kept" / "cell" / "run")
    assert contents(tmp_path / "kept" / "cell" / "run") == contents(run)
    assert len(contents(run)) == 3
    assert [path.name for path in (tmp_path / "kept" / "cell").iterdir()] == ["run"]
    assert parcel.bytes == 256 * 40 + 2


def test_no_sweep_that_was_moved_away_is_made_again(run: Path, tmp_path: Path) -> None:
    """A run brings the folder of its cell with it, and nothing above."""
    with pytest.raises(StorageError, match="No such file"):
        unpack(pack(run), tmp_path / "gone" / "cell" / "run")
    assert not (tmp_path / "gone").exists()


def test_one_changed_bit_is_found_and_nothing_is_kept(run: Path, tmp_path: Path) -> None:
    """Whichever file it hits: the folder does not come into being, not even in part."""
    whole = pack(run)
    for position, piece in enumerate(whole.pieces):
        data = bytes([piece.data[0] ^ 1]) + piece.data[1:] if piece.data else b"x"
        pieces = (*whole.pieces[:position], replace(piece, data=data), *whole.pieces[position + 1 :])
        with pytest.raises(EvidenceError, match=piece.name):
            unpack(Parcel(pieces=pieces), tmp_path / "kept" / "run")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "", "a\0b", ".", "\ud800"])
def test_no_name_leads_out_of_the_folder(run: Path, tmp_path: Path, name: str) -> None:
    """A worker that names such a piece is broken or hostile."""
    first, *others = pack(run).pieces
    with pytest.raises(EvidenceError, match="no name for a piece"):
        unpack(Parcel(pieces=(replace(first, name=name), *others)), tmp_path / "kept" / "run")
    assert not (tmp_path / "kept").exists()
    assert not (tmp_path / "evil").exists()


def test_a_folder_that_is_there_already_is_not_touched(run: Path, tmp_path: Path) -> None:
    """What was kept stays; the newcomer leaves nothing behind."""
    kept = tmp_path / "kept" / "run"
    kept.mkdir(parents=True)
    (kept / "verdict").write_text("first")
    with pytest.raises(StorageError):
        unpack(pack(run), kept)
    assert contents(tmp_path / "kept") == {"run/verdict": b"first"}


def test_a_full_disk_leaves_nothing_behind(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third file finds no room: no folder, no part of one, and the error says what to do."""
    write, written = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="free some space"):
        unpack(pack(run), tmp_path / "kept" / "run")
    assert len(written) == 3
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_link_is_not_packed(run: Path) -> None:
    """It would arrive as something else, or lead to what belongs to the other machine."""
    (run / "captures" / "link").symlink_to("/etc/hostname")
    with pytest.raises(StorageError, match="neither a file nor a folder"):
        pack(run)
