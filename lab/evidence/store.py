"""The only writer of a run folder.

Law: a small file is there whole or not at all (`durable`); a growing one gains whole lines. The manifest is written
first, again at every phase, and last with sizes and hashes, after which evidence never changes. No text is written with
a secret in it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.errors import EnvironmentFault, EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.durable import storing, write_atomically
from lab.evidence.manifest import SEALED, FileFact, Manifest, Phase
from lab.scenario.model import Scenario
from lab.secrecy import redacted

_ATTEMPTS = 16


def token() -> str:
    """Return four random hexadecimal digits."""
    return secrets.token_hex(2)


def utc_stamp(now_ns: int) -> str:
    """Return the second of `now_ns` (t_ns) as `yyyymmdd-HHMMSS`, with which runs and sweeps are named."""
    return datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%d-%H%M%S")


class RunFolder:
    """One run's folder while it is being recorded."""

    def __init__(self, path: Path, manifest: Manifest, clock: Callable[[], int] = time.time_ns) -> None:
        """Continue in an existing folder; `create` makes a new one. `clock` gives t_ns."""
        self.path = path
        self.manifest = manifest
        self._clock = clock

    @classmethod
    def create(
        cls,
        results: Path,
        scenario: Scenario,
        *,
        as_written: str,
        resolved: str,
        clock: Callable[[], int] = time.time_ns,
        entropy: Callable[[], str] = token,
    ) -> RunFolder:
        """Make `results/<scenario>/<UTC yyyymmdd-HHMMSS>-<4 hex>/` with both scenarios and a first manifest."""
        path = _new_folder(results / scenario.name, utc_stamp(clock()), entropy)
        return cls._begun(path, scenario, as_written=as_written, resolved=resolved, clock=clock)

    @classmethod
    def at(
        cls, path: Path, scenario: Scenario, *, as_written: str, resolved: str, clock: Callable[[], int] = time.time_ns
    ) -> RunFolder:
        """Make the run folder `path`, whose name is the run's id, and its cell's, but not that in which all cells are.

        StorageError where something is there already.
        """
        with storing(path):
            path.parent.mkdir(exist_ok=True)
            path.mkdir()
        return cls._begun(path, scenario, as_written=as_written, resolved=resolved, clock=clock)

    @classmethod
    def _begun(
        cls, path: Path, scenario: Scenario, *, as_written: str, resolved: str, clock: Callable[[], int]
    ) -> RunFolder:
        """Begin the run in the empty folder `path`."""
        started = Phase(name="started", t_ns=clock())
        folder = cls(
            path, Manifest(run=path.name, scenario=scenario.name, seed=scenario.seed, phases=(started,)), clock
        )
        folder.put(folder.manifest)
        folder.write(names.AS_WRITTEN, as_written)
        folder.write(names.RESOLVED, resolved)
        return folder

    def put(self, manifest: Manifest) -> None:
        """Replace the manifest: `folder.put(replace(folder.manifest, netem=…))`."""
        self.write(names.MANIFEST, manifest.dump())
        self.manifest = manifest

    def phase(self, name: str, **facts: Any) -> None:
        """Enter the phase `name`, with what is known now."""
        entered = Phase(name=name, t_ns=self._clock(), facts=facts)
        self.put(replace(self.manifest, phases=(*self.manifest.phases, entered)))

    def mark(self, name: str, t_ns: int) -> None:
        """Note one of the run's moments, a field of `Marks`."""
        self.put(replace(self.manifest, marks=replace(self.manifest.marks, **{name: t_ns})))

    def write(self, name: str, content: str | bytes) -> None:
        """Write a small file, whole; `name` is one of `evidence.names`."""
        target = self._target(name)
        write_atomically(target, content if isinstance(content, bytes) else redacted(content).encode())

    def append(self, name: str, line: str) -> None:
        """Add one line to a growing file."""
        if "\n" in line:
            raise ValueError(f"{name}: a line cannot hold a line break")
        target = self._target(name)
        with storing(target), target.open("a", encoding="utf-8") as file:
            file.write(redacted(line) + "\n")

    def seal(self) -> None:
        """End the recording: note the end, size and hash of all evidence. EnvironmentFault for what can be none."""
        try:
            found = evidence_files(self.path)
        except EvidenceError as error:  # a client's doing: the disk is fine, and the next run may be as well
            raise EnvironmentFault(error.message, fix="a client left it there; have it leave files only") from error
        files = {name: fact(self.path / name) for name in found}
        now_ns = self._clock()
        marks = replace(self.manifest.marks, end_ns=self.manifest.marks.end_ns or now_ns)
        phases = (*self.manifest.phases, Phase(name=SEALED, t_ns=now_ns))
        self.put(replace(self.manifest, files=files, marks=marks, phases=phases))

    def _target(self, name: str) -> Path:
        """Return where `name` goes, made ready. A run folder that was moved away is not made again: StorageError."""
        with storing(self.path / name):
            for folder in reversed(Path(name).parents[:-1]):
                (self.path / folder).mkdir(exist_ok=True)
        return self.path / name


def _new_folder(parent: Path, stamp: str, entropy: Callable[[], str]) -> Path:
    """Make and return a folder that was not there."""
    with storing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for _ in range(_ATTEMPTS):
            path = parent / f"{stamp}-{entropy()}"
            with suppress(FileExistsError):
                path.mkdir()
                return path
    raise StorageError(f"{parent}: {_ATTEMPTS} names for a run were taken", fix="try again")


def evidence_files(run: Path) -> tuple[str, ...]:
    """Return the names of all evidence in `run`, sorted; EvidenceError for what is not a plain file or folder."""
    found = []
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if name == names.MANIFEST or name.split("/")[0] == names.DERIVED:
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise EvidenceError(f"{path}: neither a file nor a folder", fix="a client left it there; remove it")
        if path.is_file():
            found.append(name)
    return tuple(found)


def fact(path: Path) -> FileFact:
    """Return size and hash of `path`. StorageError."""
    with storing(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileFact(bytes=file.tell(), sha256=digest.hexdigest())


def altered(run: Path, manifest: Manifest, *, every_byte: bool = False) -> Iterator[str]:
    """Yield the names of the files of `run` that are not as they were sealed: gone, or of another length.

    With `every_byte` also those with other contents. StorageError.
    """
    for name, sealed in manifest.files.items():
        if _size(run / name) != sealed.bytes or (every_byte and fact(run / name) != sealed):
            yield name


def _size(file: Path) -> int | None:
    """Return how long `file` is, None where there is none. StorageError."""
    with storing(file):
        try:
            return file.stat().st_size
        except FileNotFoundError:
            return None
