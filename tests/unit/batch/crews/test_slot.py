"""A slot: one lab for as long as it is fit, and never one that a run left in doubt."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.batch.crews import slot as place
from lab.batch.crews.crew import Attempt
from lab.batch.crews.slot import Slot
from lab.batch.plans.cells import Cell
from lab.batch.plans.images import releases
from lab.errors import ClientFailed, EnvironmentFault, ImageFault, LeftoverError, StorageError
from lab.evidence.manifest import read_manifest
from lab.evidence.store import RunFolder
from lab.faults import Slow
from lab.rig.layout.lifetime import lab_s
from lab.rig.process.watch import FAILED, Progress, Watch, silent
from lab.scenario.dump import dump
from lab.scenario.model import Scenario
from tests.fakes.sweeps import planned


@dataclass
class Labs:
    """Stands in for `Lab` and `session.record`; remembers what was built, used and taken down, in order."""

    did: list[str] = field(default_factory=list)
    lives_s: list[int] = field(default_factory=list)
    count: int = 0
    running: bool = True
    building: Exception | None = None
    recording: Exception | None = None
    leaving: Exception | None = None

    def lab(self, machine: SimpleNamespace, host: Scenario, *, watch: Watch, lives_s: int) -> FakeLab:
        """Plan a lab."""
        self.count += 1
        self.lives_s.append(lives_s)
        return FakeLab(self, self.count, host, machine.images)

    def record(
        self, lab: FakeLab, scenario: Scenario, folder: RunFolder, watch: Watch, measuring: AbstractContextManager[None]
    ) -> None:
        """Use a lab."""
        self.did.append(f"run on {lab.number}")
        if self.recording:
            raise self.recording
        with measuring:
            watch(Progress(phase="media"))
        folder.seal()


class FakeLab:
    """A lab that is only numbered."""

    def __init__(self, labs: Labs, number: int, host: Scenario, images: object) -> None:
        self.labs, self.number, self.host, self.server = labs, number, host, f"server-{number}"
        self.machine = SimpleNamespace(engine=self, images=images)

    def __enter__(self) -> FakeLab:
        if self.labs.building:
            raise self.labs.building
        self.labs.did.append(f"build {self.number}")
        return self

    def __exit__(self, _kind: object, first: BaseException | None, _trace: object) -> None:
        self.labs.did.append(f"remove {self.number}{f' after {type(first).__name__}' if first else ''}")
        if self.labs.leaving and first is None:
            raise self.labs.leaving

    def state(self, server: str) -> object:
        """Say how the server is."""
        assert server == self.server
        return SimpleNamespace(running=self.labs.running)


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> Labs:
    """Return labs that slots build instead of real ones."""
    found = Labs()
    monkeypatch.setattr(place, "Lab", found.lab)
    monkeypatch.setattr(place, "record", found.record)
    return found


@pytest.fixture
def cells(tmp_path: Path) -> tuple[Cell, ...]:
    """Return three cells of one host."""
    return planned(tmp_path, axis="links.publisher.up.loss=0%,5%,10%").cells


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """Return paths of runs that are not there yet."""
    return iter(tmp_path / "cells" / f"run-{number}" for number in range(10))


def machine_for(scenario: Scenario) -> SimpleNamespace:
    """Return a machine with the SDKs of `scenario`."""
    return SimpleNamespace(images=SimpleNamespace(others=dict.fromkeys(releases(scenario))))


def slot(over: bool = False, watch: Watch = silent) -> Slot:
    """Return a slot whose runs all pass."""
    return Slot(machine_for, lambda _: Attempt(outcome="PASS"), watch, lambda: over)  # type: ignore[arg-type,return-value]


def test_cells_of_one_host_share_a_lab(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """Built once, for longer than a run, and taken down in the end; each run is as written in its cell."""
    with slot() as made:
        ends = [made(cell, next(runs)) for cell in cells]
    assert labs.did == ["build 1", "run on 1", "run on 1", "run on 1", "remove 1"]
    assert {end.outcome for end in ends} == {"PASS"}
    assert all(end.wall_s > 0 for end in ends)


def test_a_lab_has_the_sdk_of_its_cell_and_not_that_of_its_host(
    labs: Labs, tmp_path: Path, runs: Iterator[Path]
) -> None:
    """One whose SDK came later gets a new one; nobody asks for an SDK that is only the host's: maybe nobody has it."""
    asked: list[set[str]] = []

    def fitted(scenario: Scenario) -> SimpleNamespace:
        asked.append(releases(scenario) - {"1.2.1"})
        return machine_for(scenario)

    cells = planned(tmp_path, axis="clients.publisher.sdk=99.99.99,1.2.1,1.1.2").cells
    (bad,) = (cell for cell in cells if "99.99.99" in cell.label)
    new, old = (replace(cell, host=bad.text) for name in ("1.2.1", "1.1.2") for cell in cells if name in cell.label)
    with Slot(fitted, lambda _: Attempt(outcome="PASS"), silent, lambda: False) as made:  # type: ignore[arg-type]
        for cell in (new, old, new):
            made(cell, next(runs))
    assert labs.did == ["build 1", "run on 1", "remove 1", "build 2", "run on 2", "run on 2", "remove 2"]
    assert asked == [set(), {"1.1.2"}]


def test_a_version_that_cannot_be_had_takes_no_lab_down(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]
) -> None:
    """The attempt is the last one of its cell, and the next cell finds the lab that stood."""
    bad = replace(cells[1], host=cells[1].host.replace("sdk", "sdk "))

    def fitted(scenario: Scenario) -> SimpleNamespace:
        if labs.count:
            raise ImageFault("server v9.9.9 cannot be had")
        return machine_for(scenario)

    with Slot(fitted, lambda _: Attempt(outcome="PASS"), silent, lambda: False) as made:  # type: ignore[arg-type]
        ends = [made(cell, next(runs)) for cell in (cells[0], bad, cells[2])]
    assert [(end.outcome, end.why, end.final) for end in ends] == [
        ("PASS", "", False),
        ("ERROR", "server v9.9.9 cannot be had", True),
        ("PASS", "", False),
    ]
    assert labs.did == ["build 1", "run on 1", "run on 1", "remove 1"]


def test_another_host_needs_another_lab(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """The old one goes first: there is one at a time."""
    other = replace(cells[1], host=cells[1].host.replace("sdk", "sdk "))
    with slot() as made:
        made(cells[0], next(runs))
        made(other, next(runs))
    assert other.host != cells[0].host
    assert labs.did == ["build 1", "run on 1", "remove 1", "build 2", "run on 2", "remove 2"]


def test_a_lab_whose_server_is_gone_serves_nobody(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """A run may have killed it on purpose."""
    with slot() as made:
        made(cells[0], next(runs))
        labs.running = False
        made(cells[1], next(runs))
    assert labs.did[:5] == ["build 1", "run on 1", "remove 1", "build 2", "run on 2"]


def test_a_lab_is_replaced_before_its_containers_end_themselves(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a whole run more, with all its patience, would not fit into its life."""
    now = [0.0]
    monkeypatch.setattr(place, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with slot() as made:
        made(cells[0], next(runs))
        life_s, run_s = made._until, place.lab_s(cells[1].scenario)
        now[0] = life_s - run_s - 1
        made(cells[1], next(runs))
        now[0] = life_s - run_s
        made(cells[2], next(runs))
    assert labs.did == ["build 1", "run on 1", "run on 1", "remove 1", "build 2", "run on 2", "remove 2"]
    assert life_s > 1_800


def stalled(cell: Cell) -> Cell:
    """Return `cell`, each of its frames pushed so slowly that all of them take ten times as long."""
    slow = Slow(client="publisher", per_frame_ms=200)
    return replace(cell, text=dump(replace(cell.scenario, inject=(slow,))))


def test_a_lab_lives_as_long_as_the_cell_that_it_is_made_for_needs(
    labs: Labs, tmp_path: Path, runs: Iterator[Path]
) -> None:
    """However long its media is, or its pushes are held up, whatever the scenario that its lab is built for says."""
    cells = planned(tmp_path, axis="media.duration=5m,60m").cells
    short, long = sorted(cells, key=lambda cell: cell.scenario.media.duration_ms)
    short, long = replace(short, host=short.text), replace(long, host=short.text)
    for cell in (long, stalled(short), short):
        with slot() as made:
            made(cell, next(runs))
        assert labs.lives_s[-1] >= lab_s(cell.scenario)
    long_s, stalled_s, short_s = labs.lives_s
    assert (long_s, stalled_s) == (lab_s(long.scenario), lab_s(stalled(short).scenario))
    assert 1_800 < short_s < min(long_s, stalled_s)


@pytest.mark.parametrize("error", [ClientFailed("died"), EnvironmentFault("no engine")])
def test_a_failed_run_is_an_attempt_and_its_lab_goes(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path], error: Exception
) -> None:
    """The recording says why; the next cell gets a new lab."""
    path = next(runs)
    with slot() as made:
        labs.recording = error
        end = made(cells[0], path)
        labs.recording = None
        made(cells[1], next(runs))
    assert (end.outcome, end.why, end.exit_code) == ("ERROR", str(error), 4)
    assert labs.did[:4] == ["build 1", "run on 1", "remove 1", "build 2"]
    assert read_manifest(path).phase == "failed"


def test_a_lab_that_cannot_be_built_is_an_attempt(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """And the slot tries again with the next one."""
    with slot() as made:
        labs.building = EnvironmentFault("address blocks are taken")
        assert made(cells[0], next(runs)).outcome == "ERROR"
        labs.building = None
        assert made(cells[1], next(runs)).outcome == "PASS"


def test_a_full_disk_is_no_attempt(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """Whoever makes the sweep must hear of it."""
    labs.recording = StorageError("the disk is full")

    def make() -> None:
        with slot() as made:
            made(cells[0], next(runs))

    with pytest.raises(StorageError):
        make()
    assert labs.did[-1] == "remove 1 after StorageError"


@pytest.mark.parametrize("left", ["link", "socket"])
def test_what_a_client_leaves_behind_is_an_attempt(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path], left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that cannot be sealed for it has failed; the disk has not, and the next cell is made."""
    path, clean = next(runs), labs.record

    def record(lab: FakeLab, scenario: Scenario, folder: RunFolder, *rest: Any) -> None:
        if folder.path == path:
            leave(folder.path / "core", left)
        clean(lab, scenario, folder, *rest)

    monkeypatch.setattr(place, "record", record)
    with slot() as made:
        end = made(cells[0], path)
        assert made(cells[1], next(runs)).outcome == "PASS"
    assert (end.outcome, end.exit_code) == ("ERROR", 4)
    assert f"{path / 'core'}: neither a file nor a folder" in end.why
    assert read_manifest(path).phase == "failed"


def leave(path: Path, kind: str) -> None:
    """Leave something at `path` that is neither a file nor a folder."""
    if kind == "link":
        path.symlink_to("/etc/hostname")
    else:
        os.mknod(path, stat.S_IFSOCK | 0o600)


def test_what_cannot_be_taken_down_is_told(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """In the end, when nothing else went wrong."""
    labs.leaving = LeftoverError("a network stays")

    def make() -> None:
        with slot() as made:
            made(cells[0], next(runs))

    with pytest.raises(LeftoverError):
        make()


@pytest.mark.parametrize("failing", [None, ClientFailed("died")])
def test_a_lab_that_stays_is_told_and_the_next_cell_gets_another(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path], failing: Exception | None
) -> None:
    """Whatever the lab had to go for: no cell pays for it, and whoever closes the slot hears of all that stays."""
    other = replace(cells[1], host=cells[1].host.replace("sdk", "sdk "))
    told: list[str] = []
    ends: list[str] = []

    def watch(progress: Progress) -> bool:
        told.extend([progress.detail] if progress.phase == FAILED else [])
        return False

    def make() -> None:
        with slot(watch=watch) as made:
            labs.recording, labs.leaving = failing, LeftoverError("a network stays")
            ends.append(made(cells[0], next(runs)).why)
            labs.recording = None
            ends.extend(made(cell, next(runs)).outcome for cell in (other, cells[2]))
            labs.leaving = LeftoverError("a router stays")

    with pytest.raises(LeftoverError, match="a network stays; a network stays; a router stays"):
        make()
    assert told == ["a network stays"] * 2
    assert ends == ["died" if failing else "", "PASS", "PASS"]


def test_a_run_is_given_up_when_all_is_over(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """At its next sign of life; it says so, and is no whole recording."""
    path = next(runs)
    with slot(over=True) as made:
        end = made(cells[0], path)
    assert (end.outcome, end.why) == ("ERROR", "the sweep ended before the run did")
    assert read_manifest(path).phase == "failed"


def test_the_next_run_may_begin_before_this_one_is_judged(
    labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]
) -> None:
    """A `Recorder` in two steps: the first gives back what judges."""
    judged: list[Path] = []

    def judge(run: Path) -> Attempt:
        judged.append(run)
        return Attempt(outcome="FAIL")

    first, second = next(runs), next(runs)
    with Slot(machine_for, judge, silent, lambda: False) as made:  # type: ignore[arg-type,return-value]
        finish = made.record(cells[0], first)
        made.record(cells[1], second)
        assert judged == []
        assert finish().outcome == "FAIL"
    assert judged == [first]


def test_every_moment_of_a_run_says_whose_it_is(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """Several lanes tell one person; the last moment of a run is that it is judged."""
    told: list[tuple[str, str]] = []

    def watch(progress: Progress) -> bool:
        told.append((progress.run, progress.phase))
        return False

    with slot(watch=watch) as made:
        for cell in cells[:2]:
            made(cell, next(runs))
    assert {run for run, _ in told} == {cell.label for cell in cells[:2]}
    assert [moment for moment in told if moment[1] == "judge"] == [(cell.label, "judge") for cell in cells[:2]]


def test_what_is_measured_is_measured_in_turn(labs: Labs, cells: tuple[Cell, ...], runs: Iterator[Path]) -> None:
    """The lab is brought up before, and taken down after it."""

    class Turn:
        def __enter__(self) -> None:
            labs.did.append("begin")

        def __exit__(self, *_: object) -> None:
            labs.did.append("end")

    with Slot(machine_for, lambda _: Attempt(outcome="PASS"), silent, lambda: False, Turn()) as made:  # type: ignore[arg-type,return-value]
        made(cells[0], next(runs))
    assert labs.did == ["build 1", "run on 1", "begin", "end", "remove 1"]
