"""A sweep killed at every one of its effects on the disk: nothing told is lost, nothing finished is made again.

A child process runs the sweep and is killed (SIGKILL, by itself) before its i-th effect, for every i: opening to write,
renaming, making, truncating, removing, syncing, and half way through each write to the journal. The parent hears over a
pipe what the child told, then goes on with the sweep. SIGKILL keeps what was written; a power cut is up to the order of
syncs, which `test_what_counts_was_synced_before` looks at.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import CELLS, NAME, Ended, Journal, read
from lab.batch.plans.plan import Plan
from lab.batch.sweeps.attempts import Moment
from tests.fakes.sweeps import begun, in_order, laid, planned, swept

_WATCHED = {"open", "os.rename", "os.mkdir", "os.truncate", "os.remove"}
_Ends = dict[str, tuple[str, ...]]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of two cells."""
    return planned(tmp_path)


@pytest.fixture
def ends(plan: Plan) -> _Ends:
    """Return how its runs end: the first cell's first one is void."""
    return {plan.cells[0].id: ("VOID", "FAIL")}


class Effects:
    """Counts what a process does to files below `folder`, and kills it before the `last` one."""

    def __init__(self, folder: Path, last: int | None) -> None:
        """Watch from now on; there is no way back, so only in a child."""
        self.count, self._folder, self._last = 0, str(folder), last
        self._write, self._fsync = os.write, os.fsync
        os.write, os.fsync = self._torn_write, self._counted_fsync
        sys.addaudithook(self._audit)

    def happens(self) -> bool:
        """Count one; say whether it is the last."""
        self.count += 1
        return self.count == self._last

    def _audit(self, event: str, args: tuple[object, ...]) -> None:
        inside = event in _WATCHED and (str(args[0]).startswith(self._folder) or isinstance(args[0], int))
        writes = event != "open" or bool(int(str(args[2])) & (os.O_WRONLY | os.O_RDWR))
        if inside and writes and self.happens():
            os.kill(os.getpid(), signal.SIGKILL)

    def _counted_fsync(self, file: int) -> None:
        if self.happens():
            os.kill(os.getpid(), signal.SIGKILL)

    def _torn_write(self, file: int, data: bytes) -> int:
        if self.happens():
            self._write(file, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return self._write(file, data)


def child(work: Callable[[Callable[[str], None]], None]) -> list[str]:
    """Run `work` in a process of its own, whatever becomes of it; return the words it told."""
    hears, tells = os.pipe()
    pid = os.fork()
    if not pid:
        tell, status = os.write, 1
        with suppress(BaseException):
            work(lambda words: tell(tells, f"{words}\n".encode()) and None)
            status = 0
        os._exit(status)
    os.close(tells)
    with os.fdopen(hears) as file:
        told = file.read().splitlines()
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), "the child failed of itself"
    return told


def killed(folder: Path, ends: _Ends, last: int | None) -> tuple[list[str], int]:
    """Run the sweep until effect `last`; return the cells whose end it told, and how many effects there were."""

    def work(tell: Callable[[str], None]) -> None:
        effects = Effects(folder, last)

        def told(moment: Moment) -> None:
            if moment.attempt and moment.cell and moment.attempt.outcome != "VOID":
                tell(moment.cell.id)

        swept(folder, in_order(ends), told)
        tell(f"effects {effects.count}")

    words = child(work)
    count = next((int(each.split()[1]) for each in words if each.startswith("effects ")), 0)
    return [each for each in words if not each.startswith("effects ")], count


def test_wherever_a_sweep_is_killed_it_goes_on_without_a_loss(tmp_path: Path, plan: Plan, ends: _Ends) -> None:
    """At every effect: what was told counts, the journal reads, and only what was not finished is made again."""
    told, count = killed(laid(plan, tmp_path / "whole"), ends, None)
    assert sorted(told) == sorted(cell.id for cell in plan.cells)
    assert count > 60
    for last in range(1, count + 1):
        folder = laid(plan, tmp_path / f"at-{last}")
        told, _ = killed(folder, ends, last)
        there = {each.cell.id: each.folder for each in SweepFolder(folder, every_byte=True).committed()}
        assert set(told) <= set(there), f"told and lost, killed at effect {last}"
        before = len(begun(SweepFolder(folder)))
        done = swept(folder, in_order())
        assert done.missing() == (), f"killed at effect {last}"
        kept = {each.cell.id: each.folder for each in done.committed()}
        assert there.items() <= kept.items(), f"finished and made again, killed at effect {last}"
        assert len(begun(done)) - before <= len(plan.cells) - len(there)


def test_killed_again_and_again_while_it_resumes(tmp_path: Path, plan: Plan) -> None:
    """Each time a little later: it gets there, with no more attempts than kills explain."""
    folder, told, kills = laid(plan, tmp_path / "sweep"), set[str](), 0
    while SweepFolder(folder, every_byte=True).missing():
        kills += 1
        words, _ = killed(folder, {}, 20 + kills)
        told.update(words)
        assert told <= {each.cell.id for each in SweepFolder(folder, every_byte=True).committed()}
    assert kills > 2
    assert len(begun(SweepFolder(folder))) <= kills + 2


def test_what_counts_was_synced_before(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a run's end is written, its files, its folders and all names up to the sweep's are, and nothing since."""
    synced: set[tuple[int, int]] = set()
    named: set[str] = set()
    real, append, looked = os.fsync, Journal.append, []

    def fsync(file: int) -> None:
        synced.add((os.fstat(file).st_dev, os.fstat(file).st_ino))
        if os.path.samestat(os.fstat(file), folder.stat()):
            named.update(path.name for path in folder.iterdir())
        real(file)

    def looking(journal: Journal, event: object) -> None:
        if isinstance(event, Ended):
            run = folder / CELLS / event.cell / event.run
            places = (run, run.parent, run.parent.parent, *run.rglob("*"))
            assert {(p.stat().st_dev, p.stat().st_ino) for p in places} <= synced
            assert {CELLS, NAME} <= named
            looked.append(event)
        append(journal, event)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Journal, "append", looking)
    folder = laid(plan, tmp_path / "sweep")
    swept(folder, in_order())
    journal = (folder / NAME).stat()
    assert (journal.st_dev, journal.st_ino) in synced
    assert len(looked) == 2
    assert sum(isinstance(line.event, Ended) for line in read(folder)) == 2
