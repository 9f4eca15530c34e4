"""Several runs, without a lab: what one of them cannot end, what ends all of them, and which text each is made of."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.batch.runs import many
from lab.batch.runs.many import Request, run_all
from lab.errors import EnvironmentFault, EvidenceError, LabError, StorageError
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.store import RunFolder
from lab.rig.process.watch import FAILED, Progress
from lab.scenario.model import Scenario


@dataclass
class Runs:
    """Stands in for recording and judging: every run fails, of what stands in `ends`, else of the machine."""

    folder: Path
    ends: dict[str, LabError] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def one(self, _record: object, scenario: Scenario, folder: RunFolder, _watch: object) -> None:
        """Remember what it was made of, and have every file be another one from now on."""
        self.texts[scenario.name] = (folder.path / names.AS_WRITTEN).read_bytes()
        for file in self.folder.glob("*.yaml"):
            file.write_text("not the one that was asked for")
        raise self.ends.get(scenario.name, EnvironmentFault("no engine"))

    def __call__(self, *names: str) -> int:
        """Run scenarios of these names; return the exit code."""
        files = tuple(self.folder / f"{name}.yaml" for name in names)
        for file in files:
            file.write_bytes(words(file.stem))
        return run_all(Request(files=files, results=self.folder / "results"), self.watch, print).exit_code

    def watch(self, progress: Progress) -> bool:
        """Note what failed."""
        if progress.phase == FAILED:
            self.told.append(progress.detail)
        return False


def words(name: str) -> bytes:
    """Return a scenario file as somebody wrote it."""
    return f"version: 1\r\nname: {name}  # mine\r\n".encode()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Return runs without a machine, a lab or a judge."""
    made = Runs(tmp_path)

    @contextmanager
    def lab(*_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(many, "machine", lambda *_, **__: SimpleNamespace(results=tmp_path / "results"))
    monkeypatch.setattr(many, "Machines", lambda *_: lambda _: None)
    monkeypatch.setattr(many, "_lab", lab)
    monkeypatch.setattr(many, "_recording", lambda *_: None)
    monkeypatch.setattr(many, "run_one", made.one)
    return made


def refused(number: int) -> StorageError:
    """Return what a write that the system refuses with `number` raises."""
    try:
        with storing(Path("results")):
            raise OSError(number, "refused")
    except StorageError as error:
        return error


@pytest.mark.parametrize(
    "error", [EvidenceError("a: foreign"), refused(errno.ENOENT), refused(errno.EACCES), StorageError("no names left")]
)
def test_a_recording_that_cannot_be_read_or_was_moved_stops_no_other(runs: Runs, error: LabError) -> None:
    """It is told, its exit code counts, and the others are run."""
    runs.ends["a"] = error
    assert runs("a", "b", "c") == 5
    assert (list(runs.texts), runs.told) == (["a", "b", "c"], [f"a: {error}", "b: no engine", "c: no engine"])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_stores_nothing_more_stops_the_others_and_they_are_named(runs: Runs, number: int) -> None:
    """Each would be recorded in vain; after the last one nothing is left to name."""
    runs.ends["b"] = error = refused(number)
    assert runs("a", "b", "c", "d") == 5
    assert (list(runs.texts), runs.told) == (["a", "b"], ["a: no engine", f"b: {error}", "not run: c, d"])
    runs.told.clear()
    runs("b")
    assert runs.told == [f"b: {error}"]


def test_what_is_kept_as_written_is_what_was_run(runs: Runs) -> None:
    """Its file may be changed, or gone, before its turn comes: it was read once, byte for byte."""
    runs("a", "b")
    assert runs.texts == {"a": words("a"), "b": words("b")}
