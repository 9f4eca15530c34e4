"""What a reader must know of a proof beside its figures; kept in files beside its journal.

Law: who recorded it and who judged it again (`recorded-by.txt`, `judged-by.txt`: a date and a commit, each time another
one did), what was answered first, before anything was judged again (`first.ndjson`), and which cells' answers somebody
had read before the judge was last changed (`read.txt`): on those it is no longer blind. Nothing is ever taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.errors import LabError
from lab.evidence.manifest import read_manifest
from tests.accuracy.journal import Journal, Line

_RECORDED_BY, _JUDGED_BY, _FIRST, _READ = "recorded-by.txt", "judged-by.txt", "first.ndjson", "read.txt"


class Provenance:
    """Of the proof in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Look at the files there."""
        self._folder = folder
        self._first = Journal(folder, _FIRST)

    def recording(self, commit: str, date: str) -> None:
        """Note that `commit` goes on recording."""
        self._signed(_RECORDED_BY, commit, date)

    def judging(self, commit: str, date: str) -> None:
        """Note that `commit` judges everything again."""
        self._signed(_JUDGED_BY, commit, date)

    @property
    def recorded_by(self) -> tuple[str, ...]:
        """Every commit that recorded some of it, in order; none where nobody noted it."""
        return tuple(dict.fromkeys(line.split()[-1] for line in self._lines(_RECORDED_BY)))

    @property
    def judged_by(self) -> str | None:
        """The commit that judged everything last, None when each run has its first answer."""
        return next((line.split()[-1] for line in reversed(self._lines(_JUDGED_BY))), None)

    def keep(self, lines: Iterable[Line]) -> None:
        """Keep `lines` as what was first answered, those of recordings that have no first answer yet."""
        known = {(line.cell, line.attempt, line.text_sha256) for line in self._first.lines()}
        for line in lines:
            if (line.cell, line.attempt, line.text_sha256) not in known:
                self._first.append(line)

    def first(self, lines: Iterable[Line]) -> list[Line]:
        """Return `lines` as they were first answered."""
        known = {(line.cell, line.attempt, line.text_sha256): line for line in self._first.lines()}
        return [known.get((line.cell, line.attempt, line.text_sha256), line) for line in lines]

    def read(self, lines: Iterable[Line]) -> None:
        """Note that the answers in `lines` were read."""
        self._write(_READ, sorted({*self._lines(_READ), *(line.cell for line in lines)}))

    def unread(self, lines: Iterable[Line]) -> list[Line]:
        """Return those of `lines` of whose cells nobody had read an answer."""
        known = set(self._lines(_READ))
        return [line for line in lines if line.cell not in known]

    def programs(self, lines: Sequence[Line]) -> tuple[str, ...]:
        """Return the hashes of the clients' programs that the recordings of `lines` name themselves."""
        manifests = (self._programs(line.folder) for line in lines if line.folder)
        return tuple(dict.fromkeys(found for found in manifests if found))

    def _programs(self, folder: str) -> str:
        try:
            return read_manifest(self._folder / folder).versions.get("programs", "")
        except LabError:
            return ""  # a recording that was sabotaged may have no manifest; it is counted all the same

    def _signed(self, name: str, commit: str, date: str) -> None:
        known = self._lines(name)
        if not known or known[-1].split()[-1] != commit:
            self._write(name, [*known, f"{date} {commit}"])

    def _lines(self, name: str) -> list[str]:
        path = self._folder / name
        return path.read_text().splitlines() if path.exists() else []

    def _write(self, name: str, lines: Iterable[str]) -> None:
        (self._folder / name).write_text("".join(f"{line}\n" for line in lines))
