"""The lab slots of a worker: how many there are is for its own runs to say."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from lab.batch.crews.crew import Attempt, RunCell
from lab.batch.crews.fidelity import Fidelity
from lab.batch.plans.cells import Cell
from lab.batch.remote.orders import Answer, Order
from lab.batch.remote.slots import Slots
from lab.errors import EnvironmentFault, LeftoverError, StorageError
from lab.evidence.durable import storing
from lab.scenario.model import Scenario
from tests.fakes.sweeps import FakeRuns, planned


def test_a_bad_round_takes_one_slot_away(tmp_path: Path) -> None:
    """Four orders at once, all void through the machine: the last two were begun while there were four slots."""
    together = Barrier(4)

    def void(cell: Cell, folder: Path) -> Attempt:
        together.wait(10)
        return replace(FakeRuns()(cell, folder), outcome="VOID", failed=("pacer",))

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield void

    cells = planned(tmp_path, axis="links.publisher.up.loss=0%..3%/1%").cells
    words: list[str] = []
    with Slots(opened, Fidelity(4), tmp_path, lambda _: {}, lambda: None) as slots, ThreadPoolExecutor(4) as threads:
        slots.changed = words.append
        answers = threads.map(slots.carry_out, [Order(cell=cell, run="run", images={}) for cell in cells])
        assert not [answer.trouble for answer in answers if answer.trouble]
        assert slots.count == 3
    assert [each.partition(":")[0] for each in words] == ["a lane is taken away, 3 lanes left"]


def test_a_failed_attempt_comes_back_without_what_cannot_be_carried(tmp_path: Path) -> None:
    """What a client left behind is no trouble of the worker's: it is not blamed for it."""
    failed = Attempt(outcome="ERROR", why="neither a file nor a folder", exit_code=4)

    def fail(_: Cell, folder: Path) -> Attempt:
        folder.mkdir()
        (folder / "core").symlink_to("/etc/hostname")
        return failed

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield fail

    with Slots(opened, Fidelity(1), tmp_path, lambda _: {}, lambda: None) as slots:
        answer = slots.carry_out(Order(cell=planned(tmp_path).cells[0], run="run", images={}))
    assert (answer.attempt, answer.trouble, answer.parcel.pieces) == (failed, "", ())


@contextmanager
def opened_for_nothing(_: object) -> Iterator[RunCell]:
    """Open a slot in which no run is begun."""
    yield lambda cell, folder: pytest.fail("a run was begun")


def unobtainable(scenario: Scenario) -> Mapping[str, str]:
    """Have no image for `scenario`."""
    raise EnvironmentFault(f"no version {scenario.server.version}")


def test_images_that_cannot_be_had_are_a_failed_attempt(tmp_path: Path) -> None:
    """The engine answers: maybe nobody can have them, and then they are no worker's trouble."""
    order = Order(cell=planned(tmp_path).cells[0], run="run", images={})
    with Slots(opened_for_nothing, Fidelity(1), tmp_path, unobtainable, lambda: None) as slots:
        answer = slots.carry_out(order)
    failed = Attempt(outcome="ERROR", why="no version v1.13.5", exit_code=4, final=True)
    assert (answer.attempt, answer.trouble, answer.parcel.pieces) == (failed, "", ())


def test_an_engine_that_is_gone_is_the_workers_trouble(tmp_path: Path) -> None:
    """Whatever the cell: it could make no other one either."""
    order = Order(cell=planned(tmp_path).cells[0], run="run", images={})

    def gone() -> None:
        raise EnvironmentFault("no engine answers")

    with Slots(opened_for_nothing, Fidelity(1), tmp_path, unobtainable, gone) as slots:
        answer = slots.carry_out(order)
    assert (answer.attempt, answer.trouble) == (None, "EnvironmentFault: no engine answers")


@pytest.mark.parametrize("way", ["raises", "attempts"])
def test_a_full_disk_is_told_with_the_option_that_a_worker_has(tmp_path: Path, way: str) -> None:
    """While a run is recorded it is the worker's trouble, while it is judged its attempt's failure: -o is not here."""

    def full(_: Cell, folder: Path) -> Attempt:
        try:
            with storing(folder):
                raise OSError(errno.ENOSPC, "No space left on device")
        except StorageError as error:
            if way == "raises":
                raise
            return Attempt(outcome="ERROR", why=str(error), exit_code=error.exit_code)

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield full

    with Slots(opened, Fidelity(1), tmp_path, lambda _: {}, lambda: None) as slots:
        answer = slots.carry_out(Order(cell=planned(tmp_path).cells[0], run="run", images={}))
    words = answer.attempt.why if answer.attempt else answer.trouble
    assert words.endswith("the disk is full: free some space, or choose another folder with --scratch)")


def test_a_scratch_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """Whatever removes old files from /tmp took it: it is named, and so is the option."""
    order = Order(cell=planned(tmp_path).cells[0], run="run", images={})
    with Slots(opened_for_nothing, Fidelity(1), tmp_path / "gone", lambda _: {}, lambda: None) as slots:
        trouble = slots.carry_out(order).trouble
    assert trouble.startswith(f"StorageError: {tmp_path / 'gone'}: No such file")
    assert trouble.endswith("choose another folder with --scratch)")


def test_what_a_slot_leaves_behind_costs_no_run(tmp_path: Path) -> None:
    """After a bad round one of two is closed and its lab stays: its last run counts, and the worker ends with that."""
    together, void = Barrier(2), 2

    def make(cell: Cell, folder: Path) -> Attempt:
        failed = len(answers) < void
        if failed:
            together.wait(10)
        return replace(FakeRuns()(cell, folder), failed=("pacer",) if failed else ())

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield make
        raise LeftoverError("a network stays")

    orders = [Order(cell=cell, run="run", images={}) for cell in planned(tmp_path).cells]
    words, answers = list[str](), list[Answer]()

    def work() -> None:
        with (
            Slots(opened, Fidelity(2), tmp_path, lambda _: {}, lambda: None) as slots,
            ThreadPoolExecutor(2) as threads,
        ):
            slots.changed = words.append
            answers.extend(list(threads.map(slots.carry_out, orders)))
            answers.append(slots.carry_out(orders[0]))

    with pytest.raises(LeftoverError, match=r"^a network stays; a network stays$"):
        work()
    assert [answer.trouble for answer in answers] == ["", "", ""]
    assert words[1:] == ["a network stays"]


def test_what_slots_leave_behind_hides_no_first_error(tmp_path: Path) -> None:
    """The scheduler was gone, and then a lab could not be removed: both are told, and the exit code is the first's."""

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield FakeRuns()
        raise LeftoverError("a network stays")

    order, words = Order(cell=planned(tmp_path).cells[0], run="run", images={}), list[str]()

    def work() -> None:
        with Slots(opened, Fidelity(1), tmp_path, lambda _: {}, lambda: None) as slots:
            slots.changed = words.append
            slots.carry_out(order)
            raise EnvironmentFault("the scheduler is gone")

    with pytest.raises(EnvironmentFault, match="the scheduler is gone"):
        work()
    assert words == ["a network stays"]


def test_a_slot_that_cannot_be_closed_leaves_the_others_closed(tmp_path: Path) -> None:
    """Whatever is wrong with one, the labs of the rest are taken down, and it is told."""
    together, closed = Barrier(2), list[str]()

    def make(cell: Cell, folder: Path) -> Attempt:
        together.wait(10)
        return FakeRuns()(cell, folder)

    @contextmanager
    def opened(_: object) -> Iterator[RunCell]:
        yield make
        closed.append("closed")
        raise RuntimeError("a fault of ours")

    orders = [Order(cell=cell, run="run", images={}) for cell in planned(tmp_path).cells]

    def work() -> None:
        with (
            Slots(opened, Fidelity(2), tmp_path, lambda _: {}, lambda: None) as slots,
            ThreadPoolExecutor(2) as threads,
        ):
            list(threads.map(slots.carry_out, orders))

    with pytest.raises(RuntimeError, match="a fault of ours"):
        work()
    assert closed == ["closed"] * 2
