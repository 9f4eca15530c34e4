"""A Dockerfile folder with its inputs, under two names: what it is made of anywhere, and what it is made of here.

Law: the identity is the same on every machine, for it is made of versions and sources alone; whoever compares runs of
several machines compares that. The tag adds what belongs to this machine, the ids of the images below and the
certificates it trusts, so that unchanged inputs are nothing to do.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.rig.engine.engine import Engine
from lab.rig.layout.images import Image

_STRANGERS = ("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one image is made.

    `starts`: what it starts from, Dockerfile argument → identity. `arguments` are the Dockerfile's others; `files` are
    put beside the Dockerfile (name → what reads the content) because they belong to a machine and not to git.
    """

    name: str
    folder: Path
    starts: Mapping[str, str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The name, with a hash of everything that is the same wherever the image is made."""
        digest = self._hash({**self.arguments, **self.starts})
        return f"{self.name}:{digest.hexdigest()[:16]}"

    def tag(self, starts: Mapping[str, Image]) -> str:
        """Return what the image is called that starts from the images `starts` of this machine."""
        digest = self._hash(self._given(starts))
        for name, read in sorted(self.files.items()):
            _add(digest, name, read())
        _add(digest, *(image.digest for image in starts.values()))
        return f"livekit-lab/{self.name}:{digest.hexdigest()[:16]}"

    def build(self, engine: Engine, work: Path, starts: Mapping[str, Image]) -> None:
        """Build the image under its tag out of a copy of the folder below `work`. Raises EnvironmentFault."""
        context = work / self.name
        shutil.copytree(self.folder, context, ignore=shutil.ignore_patterns(*_STRANGERS))
        for name, read in self.files.items():
            (context / name).write_bytes(read())
        engine.build(context, self.tag(starts), self._given(starts))

    def _given(self, starts: Mapping[str, Image]) -> dict[str, str]:
        """Return all of the Dockerfile's arguments."""
        return {**self.arguments, **{name: image.reference for name, image in starts.items()}}

    def _hash(self, arguments: Mapping[str, str]) -> hashlib._Hash:
        """Return a hash of the folder and `arguments`, to go on with."""
        digest = hashlib.sha256()
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file() and not _stranger(path)):
            _add(digest, str(path.relative_to(self.folder)), oct(path.stat().st_mode & 0o111))
            _add(digest, path.read_bytes())
        for key, value in sorted(arguments.items()):
            _add(digest, key, value)
        return digest


def _stranger(path: Path) -> bool:
    return any(path.match(pattern) for pattern in _STRANGERS) or path.parent.name == "__pycache__"


def _add(digest: hashlib._Hash, *pieces: str | bytes) -> None:
    """Add each piece with its length, so that no two lists of pieces look alike."""
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        digest.update(len(data).to_bytes(8, "big") + data)
