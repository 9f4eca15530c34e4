"""A Dockerfile folder with its inputs, and the tag that names exactly that: unchanged inputs, nothing to do."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.rig.engine import Engine

_STRANGERS = ("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One image to build.

    `arguments` are the Dockerfile's; `inputs` are the digests of the images it starts from; `files` are put beside
    the Dockerfile (name → content) because they belong to this machine and not to git.
    """

    name: str
    folder: Path
    arguments: Mapping[str, str]
    inputs: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The image's name, with a hash of everything that goes into it."""
        digest = hashlib.sha256()
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file() and not _stranger(path)):
            _add(digest, str(path.relative_to(self.folder)), oct(path.stat().st_mode & 0o111))
            _add(digest, path.read_bytes())
        for key, value in sorted(self.arguments.items()):
            _add(digest, key, value)
        for name, content in sorted(self.files.items()):
            _add(digest, name, content)
        _add(digest, *self.inputs)
        return f"livekit-lab/{self.name}:{digest.hexdigest()[:16]}"

    def build(self, engine: Engine, work: Path) -> None:
        """Build the image as `tag` out of a copy of the folder below `work`. Raises EnvironmentFault."""
        context = work / self.name
        shutil.copytree(self.folder, context, ignore=shutil.ignore_patterns(*_STRANGERS))
        for name, content in self.files.items():
            (context / name).write_bytes(content)
        engine.build(context, self.tag, self.arguments)


def _stranger(path: Path) -> bool:
    return any(path.match(pattern) for pattern in _STRANGERS) or path.parent.name == "__pycache__"


def _add(digest: hashlib._Hash, *pieces: str | bytes) -> None:
    """Add each piece with its length, so that no two lists of pieces look alike."""
    for piece in pieces:
        data = piece.encode() if isinstance(piece, str) else piece
        digest.update(len(data).to_bytes(8, "big") + data)
