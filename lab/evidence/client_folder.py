"""`clients/<name>/`: everything one client left, each piece read on its own, so that one bad piece spoils no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.decode import decode, parse
from lab.evidence.frames import KIND as FRAMES
from lab.evidence.frames import frames
from lab.evidence.heard import heard
from lab.evidence.lines import Lines, offset_of, read_headed
from lab.evidence.manifest import Place
from lab.evidence.played import played
from lab.evidence.problems import Problems
from lab.evidence.stats import EVENTS_KIND as EVENTS
from lab.evidence.stats import KIND as STATS
from lab.evidence.stats import Stats, events, stats
from lab.evidence.values import ClientEvidence

T = TypeVar("T")
_TIMED = (names.CLIENT_EVENTS, names.CLIENT_FRAMES, names.CLIENT_STATS)


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a client's container ended (`exit.json`)."""

    exit_code: int | None
    oom_killed: bool


@dataclass(frozen=True, kw_only=True)
class Headed:
    """One client file to read: which, of what kind, into what; `torn_tail` whether its last line may be torn."""

    path: Path
    kind: str
    torn_tail: bool

    def read(self, convert: Callable[[Lines], T], empty: T, problems: Problems) -> T:
        """Return what the file holds; `empty`, and one more of `problems`, when it cannot be read."""
        try:
            lines = read_headed(self.path, self.kind, allow_torn_tail=self.torn_tail)
            value = convert(lines)
        except EvidenceError as error:
            problems.unread(self.path, error)
            return empty
        if lines.torn:
            problems.broken(lines.torn)
        return value


def read_client(run: Path, place: Place, problems: Problems) -> ClientEvidence:
    """Return what the client at `place` left in the run folder; what is missing or broken goes to `problems`."""
    folder = run / names.CLIENTS / place.name
    ended = _exit(folder / names.CLIENT_EXIT, problems)
    torn_tail = ended.exit_code != 0

    def piece(name: str, kind: str) -> Headed:
        return Headed(path=folder / name, kind=kind, torn_tail=torn_tail)

    publishes = place.role != "subscriber"
    samples = piece(names.CLIENT_STATS, STATS).read(stats, Stats(), problems)
    return ClientEvidence(
        name=place.name,
        role=place.role,
        address=place.ip,
        events=piece(names.CLIENT_EVENTS, EVENTS).read(events, (), problems),
        frames=piece(names.CLIENT_FRAMES, FRAMES).read(frames, (), problems) if publishes else (),
        inbound=samples.inbound,
        outbound=samples.outbound,
        pairs=samples.pairs,
        exit_code=ended.exit_code,
        oom_killed=ended.oom_killed,
        heard=heard(folder, problems, killed=torn_tail),
        played=played(folder / names.CLIENT_AUDIO, problems),
        clock_offsets_ns=tuple(_clock_offsets(folder)),
    )


def _clock_offsets(folder: Path) -> Iterator[int]:
    """Yield the clock's offset when each file was begun; one that cannot be read is told by who reads all of it."""
    reads = sorted(folder.glob(names.CLIENT_READS.format(publisher="*")))
    for file in (*(folder / name for name in _TIMED), *reads):
        if (offset_ns := offset_of(file)) is not None:
            yield offset_ns


def _exit(path: Path, problems: Problems) -> Exit:
    """Return how the client ended, unknown when nobody wrote it down."""
    try:
        return decode(Exit, parse(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path)), str(path))
    except OSError as error:
        problems.note(f"{path}: {error.strerror}")
    except EvidenceError as error:
        problems.unread(path, error)
    return Exit(exit_code=None, oom_killed=False)
