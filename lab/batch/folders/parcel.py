"""A folder on its way from one machine to another: packed where a run was made, unpacked where its sweep is kept.

Law: what arrives is what was packed, file by file and hash by hash, or nothing arrives: a folder is there whole or not
at all, and no name leads out of it. Nothing is compressed, because the machine that packs is measuring.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.durable import storing

PARTIAL = ".partial-"
"""How the name of a folder begins that is not whole yet."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One file: its name relative to the folder, its bytes, and the SHA-256 they had when they were packed."""

    name: str
    data: bytes
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Every file of a folder, sorted by name; empty folders are not carried."""

    pieces: tuple[Piece, ...]

    @property
    def bytes(self) -> int:
        """How much it carries."""
        return sum(len(piece.data) for piece in self.pieces)


def pack(folder: Path) -> Parcel:
    """Return what is in `folder`. StorageError for what is neither a file nor a folder, or cannot be read."""
    return Parcel(pieces=tuple(_piece(path, folder) for path in sorted(folder.rglob("*")) if not _is_folder(path)))


def unpack(parcel: Parcel, folder: Path) -> None:
    """Make `folder` out of `parcel`, and the folder that it is in, no other.

    EvidenceError when it is not what was packed, StorageError when it has no room.
    """
    for piece in parcel.pieces:
        _check(piece)
    partial = folder.with_name(f"{PARTIAL}{folder.name}-{secrets.token_hex(4)}")
    try:
        with storing(folder):
            folder.parent.mkdir(exist_ok=True)
            partial.mkdir()
            for piece in parcel.pieces:
                target = partial / piece.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(piece.data)
            partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def clear(place: Path) -> Iterator[Path]:
    """Remove and yield what a killed process began to unpack in the folders of `place`, where nobody else writes."""
    with storing(place):
        for partial in sorted(place.glob(f"*/{PARTIAL}*")):
            shutil.rmtree(partial, ignore_errors=True)
            if not partial.exists():
                yield partial


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _piece(path: Path, folder: Path) -> Piece:
    if path.is_symlink() or not path.is_file():
        raise StorageError(f"{path}: neither a file nor a folder", fix="a client left it there; remove it")
    with storing(path):
        data = path.read_bytes()
    return Piece(name=path.relative_to(folder).as_posix(), data=data, sha256=hashlib.sha256(data).hexdigest())


def _check(piece: Piece) -> None:
    """Raise EvidenceError for a name that leads elsewhere, and for bytes that are not those that were packed."""
    if names.leads_out(piece.name):
        raise EvidenceError(f"{piece.name!r}: no name for a piece of a run", fix="the worker that sent it is broken")
    if hashlib.sha256(piece.data).hexdigest() != piece.sha256:
        raise EvidenceError(f"{piece.name}: changed on its way, {len(piece.data)} bytes came", fix="it is sent again")
