"""Attempts: what is made again and how often, what stops a sweep, what is told, and what is found after a kill."""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt
from lab.batch.folders import committed
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import CELLS, NAME, Began, Ended, Journal, Noted
from lab.batch.folders.parcel import PARTIAL
from lab.batch.plans.cells import Cell
from lab.batch.plans.images import recipes_for
from lab.batch.sweeps import attempts
from lab.batch.sweeps.attempts import GIVE_UP, TRIES, Moment
from lab.errors import EnvironmentFault, EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.manifest import Image
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import FakeRuns, begun, in_order, laid, planned, swept


def test_every_cell_gets_its_run_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """Controls included."""
    plan = planned(tmp_path, repeat=2, controls=True)
    done = swept(laid(plan, tmp_path / "sweep"), in_order())
    assert [each.cell.id for each in done.committed()] == [cell.id for cell in plan.cells]
    assert [each.cell for each in begun(done)] == [cell.id for cell in plan.cells]


def test_a_void_cell_is_made_again_after_the_others_and_not_for_ever(tmp_path: Path) -> None:
    """Its turn comes last; all its runs are kept; it stays without an answer, and a later go gives it new tries."""
    plan = planned(tmp_path)
    first, second = plan.cells
    folder = laid(plan, tmp_path / "sweep")
    done = swept(folder, in_order({first.id: ("VOID",) * 9}))
    assert [each.cell for each in begun(done)] == [first.id, second.id, *[first.id] * (TRIES - 1)]
    assert (done.missing(), done.tried(first), done.tried(second)) == ((first,), TRIES, 1)
    assert len(list((folder / "cells" / first.id).iterdir())) == TRIES
    done = swept(folder, in_order())
    assert (done.missing(), done.tried(first), done.tried(second)) == ((), TRIES + 1, 1)


def test_no_two_runs_of_a_cell_have_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even those of one second whose four random digits are the same, which used to end the sweep."""
    plan = planned(tmp_path)
    digits = iter(["beef", "beef", "beef", "cafe"])
    monkeypatch.setattr(attempts, "token", lambda: next(digits))
    monkeypatch.setattr(attempts, "utc_stamp", lambda _: "20261130-203253")
    done = swept(laid(plan, tmp_path / "sweep"), in_order({plan.cells[0].id: ("VOID",)}))
    assert done.missing() == ()
    assert [each.run[-4:] for each in begun(done)] == ["beef", "beef", "cafe"]


def test_unknown_is_an_answer(tmp_path: Path) -> None:
    """More of the same evidence is no second try."""
    plan = planned(tmp_path)
    done = swept(laid(plan, tmp_path / "sweep"), in_order({plan.cells[0].id: ("UNKNOWN",)}))
    assert [each.outcome for each in done.committed()] == ["UNKNOWN", "PASS"]


def test_a_machine_that_can_run_nothing_stops_the_sweep(tmp_path: Path) -> None:
    """Not after every cell was tried three times; what to do next is said."""
    plan = planned(tmp_path, axis="media.duration=11s..40s/1s")
    folder = laid(plan, tmp_path / "sweep")
    with pytest.raises(EnvironmentFault, match=f"{GIVE_UP} cells in a row came to nothing, the last: no lab") as said:
        swept(folder, in_order({cell.id: ("ERROR",) * 3 for cell in plan.cells}))
    assert "--resume" in said.value.fix
    assert sum(SweepFolder(folder).tried(cell) for cell in plan.cells) == GIVE_UP


def test_a_lab_that_nobody_can_have_ends_only_its_own_cells(tmp_path: Path) -> None:
    """There is no such version: the other one's cells are made, all of them, whatever the order."""
    plan = planned(tmp_path, axis="clients.publisher.sdk=1.2.1,99.99.99", repeat=2 * GIVE_UP)
    bad = [cell for cell in plan.cells if ("clients.publisher.sdk", "99.99.99") in cell.setting]
    good = [cell for cell in plan.cells if cell not in bad]
    folder = laid(replace(plan, cells=(*bad, *good)), tmp_path / "sweep")
    with pytest.raises(EnvironmentFault, match=f"{GIVE_UP} cells in a row came to nothing"):
        swept(folder, in_order({cell.id: ("ERROR",) * 9 for cell in bad}))
    done = SweepFolder(folder)
    assert {cell.id for cell in done.missing()} == {cell.id for cell in bad}


def test_what_may_not_begin_hides_no_failure(tmp_path: Path) -> None:
    """There is no time left for the cells that could be made: what is wrong with the others is told all the same."""
    plan = planned(tmp_path, axis="clients.publisher.sdk=1.2.1,99.99.99", repeat=2 * GIVE_UP)
    bad = {cell.id for cell in plan.cells if ("clients.publisher.sdk", "99.99.99") in cell.setting}
    folder = laid(plan, tmp_path / "sweep")
    with pytest.raises(EnvironmentFault, match=f"{GIVE_UP} cells in a row came to nothing, the last: no lab"):
        swept(folder, in_order(dict.fromkeys(bad, ("ERROR",) * 9)), may_begin=lambda cell: cell.id in bad)


def test_few_cells_that_nobody_can_make_are_tried_as_often_as_any(tmp_path: Path) -> None:
    """A few of one version that is not there are missing in the end, and that is all."""
    plan = planned(tmp_path, axis="clients.publisher.sdk=1.2.1,99.99.99", repeat=3)
    bad = [cell for cell in plan.cells if ("clients.publisher.sdk", "99.99.99") in cell.setting]
    done = swept(laid(plan, tmp_path / "sweep"), in_order({cell.id: ("ERROR",) * 9 for cell in bad}))
    assert set(done.missing()) == set(bad)
    assert [done.tried(cell) for cell in bad] == [TRIES] * 3


def test_a_version_that_nobody_can_have_is_told_of_each_of_its_cells_once(tmp_path: Path) -> None:
    """No second attempt, and no end of the sweep, however many there are: everything else is made."""
    plan = planned(tmp_path, axis="clients.publisher.sdk=1.2.1,99.99.99", repeat=2 * GIVE_UP)
    runs = FakeRuns()

    def run(cell: Cell, folder: Path) -> Attempt:
        if "99.99.99" in cell.label:
            return Attempt(outcome="ERROR", why="client 99.99.99 cannot be had", exit_code=4, final=True)
        return runs(cell, folder)

    done = swept(laid(plan, tmp_path / "sweep"), InOrder(run))
    assert len(done.missing()) == len(done.committed()) == 2 * GIVE_UP
    assert {(done.tried(cell), done.unanswered(cell)) for cell in done.missing()} == {
        (1, "client 99.99.99 cannot be had")
    }


def test_a_full_disk_stops_the_sweep_and_keeps_what_is_done(tmp_path: Path) -> None:
    """The next go makes the rest."""
    plan = planned(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    runs = FakeRuns()

    def full(cell: Cell, path: Path) -> Attempt:
        if cell is not None and runs.made.total() == 1:
            raise StorageError("no room")
        return runs(cell, path)

    with pytest.raises(StorageError):
        swept(folder, InOrder(full))
    assert len(SweepFolder(folder, every_byte=True).committed()) == 1
    assert swept(folder, in_order()).missing() == ()


@pytest.mark.parametrize("what", ["", NAME])
def test_what_is_moved_while_it_runs_stops_the_sweep(tmp_path: Path, what: str) -> None:
    """The sweep's folder, or its journal: nobody is told of what nobody could find, and no folder is made again."""
    plan = planned(tmp_path, repeat=2)
    folder, told = laid(plan, tmp_path / "sweep"), list[str]()

    def moving(moment: Moment) -> None:
        if moment.cell and moment.attempt:
            told.append(moment.cell.id)
            (folder / what).rename(tmp_path / "elsewhere")

    with pytest.raises(StorageError, match="moved or replaced while the sweep ran"):
        swept(folder, in_order(), moving)
    assert folder.exists() is bool(what)
    (tmp_path / "elsewhere").rename(folder / what)
    assert [each.cell.id for each in SweepFolder(folder, every_byte=True).committed()] == told == [plan.cells[0].id]
    assert swept(folder, in_order()).missing() == ()


def test_a_run_that_came_damaged_is_an_error_and_made_again(tmp_path: Path) -> None:
    """Whoever made it says that it passed; its files say otherwise."""
    plan = planned(tmp_path)
    folder, runs = laid(plan, tmp_path / "sweep"), FakeRuns()

    def damaging(cell: Cell, path: Path) -> Attempt:
        attempt = runs(cell, path)
        if runs.made.total() == 1:
            (path / names.SERVER_LOG).write_text("another\n")
        return attempt

    done = swept(folder, InOrder(damaging))
    assert [each.outcome for each in done.ended(plan.cells[0])] == ["ERROR", "PASS"]
    assert "not what was recorded" in done.ended(plan.cells[0])[0].why
    assert done.missing() == ()


def test_without_a_bad_line_of_the_journal_a_sweep_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    """Where there is no copy: whichever line is taken out, no run that is whole is made again."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    runs = {each.folder for each in swept(folder, in_order()).committed()}
    lines = (folder / NAME).read_bytes().splitlines(keepends=True)
    for bad in range(len(lines) - 1):
        changed = bytes([lines[bad][0] ^ 1]) + lines[bad][1:]
        (folder / NAME).write_bytes(b"".join([*lines[:bad], changed, *lines[bad + 1 :]]))
        with pytest.raises(EvidenceError, match=rf"{NAME}:{bad + 1}: its checksum .*take the line out and --resume"):
            SweepFolder(folder)
        (folder / NAME).write_bytes(b"".join([*lines[:bad], *lines[bad + 1 :]]))
        assert {each.folder for each in swept(folder, in_order()).committed()} == runs


def test_a_finished_cell_that_is_made_again_is_said_to_be(tmp_path: Path) -> None:
    """Also when attempts came after the run that is lost."""
    plan = planned(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    lost = swept(folder, in_order()).committed()[0]
    (lost.folder / names.MANIFEST).unlink()
    swept(folder, in_order({lost.cell.id: ("VOID",) * TRIES}))
    said = list[str]()
    swept(folder, in_order(), lambda moment: said.append(moment.words))
    assert any(f"cell {lost.cell.id}: {lost.folder / names.MANIFEST}" in each and "made again" in each for each in said)


@pytest.mark.parametrize("told", [True, False])
def test_a_run_that_cannot_be_read_now_stops_who_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """It is not made again behind anybody's back, whether it was told or is only whole."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    done = swept(folder, in_order())
    if not told:
        lines = (folder / NAME).read_bytes().splitlines(keepends=True)
        (folder / NAME).write_bytes(b"".join(lines[:-1]))
    run = done.committed()[-1].folder
    with monkeypatch.context() as patched:
        patched.setattr(committed, "_damage", denied)
        with pytest.raises(StorageError, match=rf"nobody can say whether the run counts .* or remove {folder}"):
            swept(folder, in_order())
    assert [each.folder for each in swept(folder, in_order()).committed()][-1] == run


def denied(run: Path, *_: object, **__: object) -> None:
    """Fail as a disk that cannot be read."""
    with storing(run):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_what_was_recorded_but_not_told_is_taken_in_and_not_made_again(tmp_path: Path) -> None:
    """Killed between the end of a recording and the journal: the next go judges it."""
    plan = planned(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    with Journal(folder) as journal:
        journal.append(Began(cell=plan.cells[0].id, attempt=1, run="20260101-000000-beef"))
    FakeRuns({plan.cells[0].id: ("FAIL",)})(plan.cells[0], folder / "cells" / plan.cells[0].id / "20260101-000000-beef")
    made = FakeRuns()
    done = swept(folder, InOrder(made))
    assert made.made == {plan.cells[1].id: 1}
    assert [(each.outcome, each.attempt) for each in done.committed()] == [("FAIL", 1), ("PASS", 1)]


def test_what_was_being_unpacked_when_it_was_killed_is_removed_and_told(tmp_path: Path) -> None:
    """A run on its way from a worker: who goes on is the only one who writes."""
    plan = planned(tmp_path)
    left = laid(plan, tmp_path / "sweep") / CELLS / plan.cells[0].id / f"{PARTIAL}20260101-000000-beef-1234"
    (left / "server").mkdir(parents=True)
    said = list[str]()
    done = swept(tmp_path / "sweep", in_order(), lambda moment: said.append(moment.words))
    assert (left.exists(), done.missing()) == (False, ())
    assert f"removed {left}, which was being unpacked when the sweep was killed" in said


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_whole_runs_that_no_line_names_any_more_are_taken_in(tmp_path: Path, kept: int) -> None:
    """An older copy of the journal was put back, or bad lines were taken out: void attempts come along too."""
    plan = planned(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    before = swept(folder, in_order({plan.cells[0].id: ("VOID", "FAIL")}))
    lines = (folder / NAME).read_bytes().splitlines(keepends=True)
    (folder / NAME).write_bytes(b"".join(lines[:kept]))
    made, said = FakeRuns(), list[str]()
    done = swept(folder, InOrder(made), lambda moment: said.append(moment.words))
    assert made.made.total() == 0
    assert done.committed() == before.committed()
    assert [done.tried(cell) for cell in plan.cells] == [2, 1]
    assert sum(words.endswith("is whole, and taken in") for words in said) > 0


def test_a_run_without_a_line_changes_no_answer(tmp_path: Path) -> None:
    """A cell that has its answer keeps it; of two nameless runs the first was it."""
    plan = planned(tmp_path)
    folder, cell = laid(plan, tmp_path / "sweep"), plan.cells[0]
    answer = swept(folder, in_order()).committed()[0].folder
    FakeRuns({cell.id: ("FAIL",)})(cell, answer.with_name("99991231-000000-beef"))
    assert swept(folder, in_order()).committed()[0].folder == answer
    lines = (folder / NAME).read_bytes().splitlines(keepends=True)
    (folder / NAME).write_bytes(lines[0])
    done = swept(folder, in_order())
    assert (done.committed()[0].folder, done.tried(cell)) == (answer, 1)


@pytest.mark.parametrize("what", ["cell", "name", "image", "half"])
def test_a_run_of_something_else_is_not_taken_in(tmp_path: Path, what: str) -> None:
    """Another cell's, a renamed one, one on other images, one that is not whole: the cell is made."""
    plan = planned(tmp_path)
    folder, cell = laid(plan, tmp_path / "sweep"), plan.cells[0]
    run = folder / CELLS / cell.id / "20260101-000000-beef"
    (folder / CELLS).mkdir()
    Strange(what)(plan.cells[what == "cell"], run)
    if what == "name":
        run = run.rename(run.with_name("20260101-000000-dead"))
    if what == "half":
        (run / names.SERVER_LOG).unlink()
    with Journal(folder) as journal:
        journal.append(Noted(words="begun"))
    made = FakeRuns()
    swept(folder, InOrder(made))
    assert made.made == dict.fromkeys((each.id for each in plan.cells), 1)


class Strange(FakeRuns):
    """Runs on another router, when asked to be."""

    def __init__(self, what: str) -> None:
        """Make runs that pass."""
        super().__init__()
        self._what = what

    def images(self, cell: Cell) -> dict[str, Image]:
        """Return what stands in the manifest."""
        recipe = "router:other" if self._what == "image" else recipes_for(cell.scenario)["router"]
        return {"router": Image(reference="router", digest="sha256:1", recipe=recipe, how="built")}


def test_what_was_killed_half_way_is_made_again_as_the_next_attempt(tmp_path: Path) -> None:
    """The torn recording stays where it is, and is no attempt that ended."""
    plan = planned(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    with Journal(folder) as journal:
        journal.append(Began(cell=plan.cells[0].id, attempt=1, run="20260101-000000-beef"))
    torn = folder / "cells" / plan.cells[0].id / "20260101-000000-beef"
    FakeRuns()(plan.cells[0], torn)
    (torn / names.SERVER_LOG).write_text("half")
    done = swept(folder, in_order())
    assert [(each.attempt, done.tried(each.cell)) for each in done.committed()] == [(2, 1), (1, 1)]
    assert torn.is_dir()


def test_who_watches_is_told_after_it_is_written(tmp_path: Path) -> None:
    """At each end the journal holds it already; the numbers add up; the rest is estimated."""
    plan = planned(tmp_path, repeat=2)
    folder = laid(plan, tmp_path / "sweep")
    seen: list[Moment] = []

    def told(moment: Moment) -> None:
        seen.append(moment)
        written = [line.event for line in SweepFolder(folder).lines]
        kinds = Counter(map(type, written))
        began = moment.cell is not None and moment.attempt is None
        assert (kinds[Ended], kinds[Began]) == (moment.tried, moment.tried + began)

    swept(folder, in_order({plan.cells[0].id: ("VOID",)}), told)
    assert [(m.done, m.of, m.tried, m.void) for m in seen if m.attempt][-1] == (4, 4, 5, 1)
    assert seen[0].left_s is None
    assert seen[-1].left_s == 0.0


def test_no_cell_begins_that_may_not(tmp_path: Path) -> None:
    """Time is up after the first; the rest is missing, not lost."""
    plan = planned(tmp_path, repeat=2)
    runs = FakeRuns()
    done = swept(laid(plan, tmp_path / "sweep"), InOrder(runs), may_begin=lambda _: runs.made.total() < 1)
    assert (len(done.committed()), len(done.missing())) == (1, 3)
    (said,) = [line.event.words for line in done.lines if isinstance(line.event, Noted)]
    assert said == "3 cells not begun: there is no time left for that"
