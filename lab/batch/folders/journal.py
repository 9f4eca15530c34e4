"""A sweep's `journal.ndjson`: what began, how it ended, in the order in which it happened.

Law: one event is one line, `<CRC-32, 8 hex digits> <JSON>`, synced before anybody is told of it; one process writes,
any number read. Nothing is told that went into a file which is no longer where readers look for it, nor written where
the lock no longer keeps others out. A last line that was cut is no line: readers pass over it, the next writer puts it
aside. A bad line before the last is damage, and named; so is a line with more behind it than its break, for a cut
leaves less.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from lab.analysis.values import Outcome
from lab.batch.folders import locks
from lab.errors import EnvironmentFault, EvidenceError, StorageError
from lab.evidence.decode import decode, parse
from lab.evidence.durable import storing, sync_folder

NAME = "journal.ndjson"
CELLS = "cells"
LOCK = ".lock"
TORN = "journal.torn-{t_ns}"
ERROR = "ERROR"
"""The outcome of an attempt that left nothing to judge."""
_OUTCOMES = {ERROR, *(each.value for each in Outcome)}
_NEWER = "a newer lab wrote it; upgrade"
_CRC = len("00000000 ")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A writer took the journal, for the plan with this digest; `search` is the key of a search, if its lab told it."""

    plan: str
    lab: str
    pid: int
    search: str | None = None


@dataclass(frozen=True, kw_only=True)
class Began:
    """Attempt `attempt` (from 1) at `cell` began, in `cells/<cell>/<run>`."""

    cell: str
    attempt: int
    run: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt is whole on disk, or failed for good.

    `outcome` is that of the verdict, or ERROR: there is no recording that could be judged, `why` says why and
    `exit_code` what that would exit with, 0 only where an earlier lab wrote it: no success either. `manifest` is the
    SHA-256 of the run's manifest.json, empty with ERROR.
    """

    cell: str
    attempt: int
    run: str
    outcome: str
    owner: str = ""
    why: str = ""
    exit_code: int = 0
    manifest: str = ""
    wall_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Something about the sweep and no cell: a lane was added or taken away."""

    words: str


Event = Opened | Began | Ended | Noted
_KINDS: dict[str, type[Event]] = {"opened": Opened, "began": Began, "ended": Ended, "noted": Noted}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class Line:
    """An event, and when (t_ns) it was written."""

    t_ns: int
    event: Event

    def __bytes__(self) -> bytes:
        """Return the line as it stands in the file."""
        told = {name: value for name, value in asdict(self.event).items() if value is not None}
        fields = {"t_ns": self.t_ns, "event": _NAMES[type(self.event)], **told}
        text = json.dumps(fields, ensure_ascii=True, allow_nan=False).encode()
        return b"%08x %s\n" % (zlib.crc32(text), text)

    @classmethod
    def parse(cls, raw: bytes, where: str) -> Line:
        """Return the line in `raw`, without its line break. EvidenceError naming `where`."""
        if not _intact(raw):
            fix = "the file was changed: restore a copy, or take the line out and --resume: whole runs are taken in"
            raise EvidenceError(f"{where}: its checksum does not fit", fix=fix)
        fields = parse(raw[_CRC:].decode(errors="replace"), where)
        kind, t_ns = _KINDS.get(str(fields.pop("event", ""))), fields.pop("t_ns", None)
        if kind is None or not isinstance(t_ns, int):
            raise EvidenceError(f"{where}: an event that this lab does not know", fix=_NEWER)
        try:
            event = decode(kind, fields, where)
        except EvidenceError as error:
            raise EvidenceError(error.message, fix=_NEWER) from None
        if isinstance(event, Ended) and event.outcome not in _OUTCOMES:
            raise EvidenceError(f"{where}: an outcome that this lab does not know: {event.outcome}", fix=_NEWER)
        return cls(t_ns=t_ns, event=event)


def read(folder: Path) -> tuple[Line, ...]:
    """Return the events of the sweep in `folder`, none before it began. EvidenceError for a bad line in the middle."""
    path = folder / NAME
    whole, _ = _parts(_content(path))
    return tuple(Line.parse(raw, f"{path}:{number}") for number, raw in enumerate(whole, 1))


def is_being_written(folder: Path) -> bool:
    """Say whether a process is running the sweep in `folder` now. StorageError."""
    path = folder / LOCK
    with storing(path):
        return locks.is_held(path)


def _content(path: Path) -> bytes:
    with storing(path):
        return path.read_bytes() if path.exists() else b""


def _parts(content: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole lines, without line breaks, and what is torn: a last line without end, or never synced."""
    *whole, torn = content.split(b"\n")
    if whole and not torn and not _intact(whole[-1]):
        torn = whole.pop() + b"\n"
    return ([*whole, torn], b"") if _goes_on(torn) else (whole, torn)


def _goes_on(raw: bytes) -> bool:
    """Say whether `raw` begins with a whole line and goes on: its line break was changed."""
    ends = (at + 1 for at, byte in enumerate(raw.removesuffix(b"\n")[:-1]) if byte == ord("}"))
    return any(_intact(raw[:end]) for end in ends)


def _intact(raw: bytes) -> bool:
    return raw[:_CRC] == b"%08x " % zlib.crc32(raw[_CRC:])


class Journal:
    """The one writer of a sweep's journal, as a context. EnvironmentFault when another process is it already."""

    def __init__(self, folder: Path, clock: Callable[[], int] = time.time_ns) -> None:
        """Plan to write in `folder`, which exists; `clock` gives t_ns."""
        self._folder, self._path, self._clock = folder, folder / NAME, clock

    def __enter__(self) -> Journal:
        """Take the lock, put a torn last line aside, and make the folder for the cells, whose name is durable."""
        self._lock = self._locked()
        try:
            self._repair()
            with storing(self._path):
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
                (self._folder / CELLS).mkdir(exist_ok=True)
                sync_folder(self._folder)
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Let go of it."""
        os.close(self._file)
        os.close(self._lock)

    def append(self, event: Event) -> None:
        """Write `event`, for good. StorageError: then it is not there, not even in part."""
        line = bytes(Line(t_ns=self._clock(), event=event))
        with storing(self._path):
            self._check_place()
            self._check_lock()
            before = os.fstat(self._file).st_size
            try:
                _write(self._file, line)
                os.fsync(self._file)
                self._check_place()
            except (OSError, StorageError):
                os.ftruncate(self._file, before)
                raise

    def _check_place(self) -> None:
        """Raise StorageError when another file, or none, is where readers look for the journal."""
        if not locks.is_at(self._file, self._path):
            words = f"{self._path}: it was moved or replaced while the sweep ran"
            raise StorageError(words, fix="put it back where it was, then --resume")

    def _check_lock(self) -> None:
        """Raise StorageError when whoever comes would find another lock, or none, and write as well."""
        path = self._folder / LOCK
        if not locks.is_at(self._lock, path):
            words = f"{path}: it was removed or replaced while the sweep ran"
            raise StorageError(words, fix="leave it where it is; --resume, when nobody else runs this sweep")

    def _locked(self) -> int:
        """Take the lock, and write down who has it. EnvironmentFault when another process does."""
        path = self._folder / LOCK
        with storing(path):
            try:
                lock = locks.taken(path, os.O_RDWR | os.O_CREAT)
            except BlockingIOError:
                words = f"{self._folder}: process {_holder(path) or '?'} is running this sweep"
                raise EnvironmentFault(words, fix="wait until it ends, or end it; then --resume") from None
            try:
                os.ftruncate(lock, 0)
                os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            except BaseException:
                os.close(lock)
                raise
        return lock

    def _repair(self) -> None:
        content = _content(self._path)
        _, torn = _parts(content)
        if torn:
            with storing(self._path):
                (self._folder / TORN.format(t_ns=self._clock())).write_bytes(torn)
                os.truncate(self._path, len(content) - len(torn))


def _holder(lock: Path) -> str:
    """Return which process wrote down that it has `lock`; "" where that cannot be read."""
    try:
        return lock.read_bytes()[:32].decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _write(file: int, data: bytes) -> None:
    """Write all of `data`: the system may take less at a time."""
    while data:
        data = data[os.write(file, data) :]
