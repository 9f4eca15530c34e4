"""What a sweep came to: every cell in one row, done or missing; only runs that count are pooled."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders.committed import Committed, SweepFolder
from lab.batch.folders.journal import CELLS, Journal, Opened
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.cells import Cell
from lab.batch.plans.planning import plan
from lab.batch.tables.results import of_run, results
from lab.errors import EvidenceError, UsageError
from lab.evidence import names
from lab.report.rows import Row, SweepTable
from lab.report.spreadsheet import frame, to_json
from lab.report.sweep_table import words
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import BASE, laid, swept
from tests.fakes.verdicts import Figures, JudgedRuns

LOSS, RED = "links.publisher.up.loss", "media.red"
AXES = (f"{LOSS}=0%,20%,5%", f"{RED}=true,false")


def value(setting: dict[str, str]) -> float:
    """Return the loss that a setting leads to here."""
    share = float(setting.get(LOSS, "0%").removesuffix("%")) / 100
    return share / 10 if setting.get(RED) == "true" else share


def figures(cell: Cell) -> Figures:
    """Return what a cell's run measured: a little more with every repetition; controls lose nothing."""
    found = 0.0 if cell.control else value(dict(cell.setting)) + cell.repetition / 1000
    return {"audio_loss": (found, max(0.0, found - 0.01), found + 0.01), "delay_p95": (350, 340, 360)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sweep of two axes, three repetitions and clean controls; one cell was void twice, one is still."""
    return made(tmp_path_factory.mktemp("whole")).path


@pytest.fixture
def sweep(whole: Path, tmp_path: Path) -> SweepFolder:
    """Return a copy of it that a test may harm."""
    return SweepFolder(Path(shutil.copytree(whole, tmp_path / "copy")))


def made(tmp_path: Path, subscribers: tuple[str, ...] = ("subscriber",)) -> SweepFolder:
    """Run the sweep with fake runs."""
    (tmp_path / "base.yaml").write_text(BASE)
    found = plan(tmp_path / "base.yaml", SweepAsked(axes=AXES, repeat=3))
    folder = laid(found, tmp_path / "sweep")
    void, bad = picked(found.cells, "5%", "true", 1), picked(found.cells, "20%", "false", 2)
    ends = {void.id: ("VOID", "VOID", "FAIL"), bad.id: ("VOID", "VOID", "VOID")}
    return swept(folder, InOrder(JudgedRuns(figures, ends, subscribers)))


def picked(cells: tuple[Cell, ...], loss: str, red: str, repetition: int) -> Cell:
    """Return one cell of the sweep."""
    wanted = {LOSS: loss, RED: red}
    return next(
        each for each in cells if dict(each.setting) == wanted and each.repetition == repetition and not each.control
    )


def row(table: SweepTable, *values: str) -> Row:
    """Return the row of these values."""
    return next(each for each in table.rows if tuple(value for _, value in each.setting) == values)


def test_rows_stand_in_the_order_of_the_axes_and_the_control_last(sweep: SweepFolder) -> None:
    """Not in the random order in which the cells were run."""
    table = results(sweep)
    assert [tuple(value for _, value in each.setting) for each in table.rows[:-1]] == [
        ("0%", "true"), ("0%", "false"), ("20%", "true"), ("20%", "false"), ("5%", "true"), ("5%", "false"),
    ]  # fmt: skip
    assert [each.control for each in table.rows] == [False] * 6 + [True]


def test_repetitions_are_taken_together(sweep: SweepFolder) -> None:
    """Their mean, and an interval that covers how far they are apart."""
    pooled = row(results(sweep), "20%", "true").metrics["audio_loss"]
    assert (pooled.value, pooled.n) == (pytest.approx(0.022), 3)
    assert pooled.low is not None
    assert pooled.high is not None
    assert pooled.low < 0.021 < 0.023 < pooled.high


def test_void_runs_are_tried_and_never_pooled(sweep: SweepFolder) -> None:
    """Three cells valid of five tried; one that stayed void is planned, tried three times, and missing."""
    table = results(sweep)
    retried, short = row(table, "5%", "true"), row(table, "20%", "false")
    assert (retried.planned, retried.valid, retried.tried) == (3, 3, 5)
    assert (retried.outcomes, retried.owners) == ({"FAIL": 1, "PASS": 2}, ("NETWORK/uplink",))
    assert (short.planned, short.valid, short.tried) == (3, 2, 5)
    assert short.metrics["audio_loss"].value == pytest.approx(0.202)


def test_controls_are_a_row_of_their_own(sweep: SweepFolder) -> None:
    """Whatever neighbour they have: nothing is lost in any of them."""
    control = results(sweep).rows[-1]
    assert control.valid == sum(each.control for each in sweep.plan.cells) >= 3
    assert control.metrics["audio_loss"].value == 0


def test_by_one_axis_takes_the_other_together_and_says_so(sweep: SweepFolder) -> None:
    """Six runs a row, and `over` names what was mixed; every cell is still in exactly one row."""
    table = results(sweep, by="loss")
    assert (table.by, table.over) == ((LOSS,), (RED,))
    assert results(sweep, by="loss,loss").by == (LOSS,)
    assert row(table, "0%").planned == 6
    assert sum(each.planned for each in table.rows) == len(sweep.plan.cells)


def test_axes_that_advance_together_are_not_mixed(tmp_path: Path) -> None:
    """By one of them, each row has one value of the other."""
    (tmp_path / "base.yaml").write_text(BASE)
    keys = (LOSS, "links.publisher.up.delay")
    found = plan(tmp_path / "base.yaml", SweepAsked(axes=(f"{LOSS}=0%,5%", f"{keys[1]}=0ms,50ms"), zips=(keys,)))
    table = results(SweepFolder(laid(found, tmp_path / "sweep")), by="delay")
    assert ([each.setting for each in table.rows[:-1]], table.over) == ([((keys[1], "0ms"),), ((keys[1], "50ms"),)], ())


def test_by_repetition_shows_every_run(sweep: SweepFolder) -> None:
    """One run a row: its own value and its own interval."""
    table = results(sweep, by="red,loss,repetition", wanted=("audio_loss",))
    found = row(table, "false", "5%", "2").metrics["audio_loss"]
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.052), pytest.approx(0.042), pytest.approx(0.062),
    )  # fmt: skip
    assert table.over == ()
    assert table.metrics == ("audio_loss",)


def delays(tmp_path: Path, *axes: str, repeat: int = 1) -> SweepTable:
    """Return the table by loss of a sweep whose runs have delays of 60, 68, 76 ms and so on, each sure to 0.1 ms."""
    tmp_path.mkdir()
    (tmp_path / "base.yaml").write_text(BASE)
    found = plan(tmp_path / "base.yaml", SweepAsked(axes=(f"{LOSS}=5%", *axes), repeat=repeat, controls=False))
    measured = iter((value, value - 0.1, value + 0.1) for value in range(60, 160, 8))
    runs = JudgedRuns(lambda _: {"delay_p95": next(measured)})
    return results(swept(laid(found, tmp_path / "sweep"), InOrder(runs)), by="loss", wanted=("delay_p95",))


def test_runs_with_seeds_of_their_own_are_repetitions(tmp_path: Path) -> None:
    """Five seeds are as sure as five repetitions, and five settings of one repetition no surer than one run."""
    seeds, again = delays(tmp_path / "s", "seed=1,2,3,4,5"), delays(tmp_path / "r", repeat=5)
    assert seeds.rows == again.rows
    assert (seeds.rows[0].dice, seeds.rows[0].metrics["delay_p95"].n) == (5, 5)
    assert any(
        "takes seed together; runs of one seed and repetition count as one" in each for each in words(seeds).notes
    )
    alike = delays(tmp_path / "d", "links.publisher.up.delay=0ms,1ms,2ms,3ms,4ms")
    assert (alike.rows[0].dice, alike.rows[0].metrics["delay_p95"].n) == (1, 5)
    assert any("together; runs of one repetition count as one" in each for each in words(alike).notes)


def test_a_deleted_cell_is_a_row_that_misses_it(sweep: SweepFolder) -> None:
    """Two of three are left; with all three gone the row is there, and empty."""
    for repetition, left in ((1, 2), (2, 1), (3, 0)):
        valid = sweep.valid(picked(sweep.plan.cells, "0%", "true", repetition))
        assert valid is not None
        shutil.rmtree(valid.folder)
        now = row(results(SweepFolder(sweep.path)), "0%", "true")
        assert (now.planned, now.valid, now.tried) == (3, left, 3)
    assert (now.metrics, now.outcomes) == ({}, {})


def test_a_sweep_that_nobody_ran_is_all_missing(sweep: SweepFolder, tmp_path: Path) -> None:
    """Rows, and nothing in them."""
    table = results(SweepFolder(laid(sweep.plan, tmp_path / "fresh")))
    assert len(table.rows) == 7
    assert {(each.valid, each.tried, len(each.metrics)) for each in table.rows} == {(0, 0, 0)}


def test_every_flow_has_its_row(tmp_path: Path) -> None:
    """Two listeners are two flows: never one mean."""
    table = results(made(tmp_path, subscribers=("one", "two")))
    assert len(table.rows) == 14
    assert {each.flow for each in table.rows} == {"publisher → one", "publisher → two"}
    assert {each.metrics["audio_loss"].n for each in table.rows if each.setting == ((LOSS, "0%"), (RED, "true"))} == {3}


@pytest.mark.parametrize(
    ("by", "metrics", "said"),
    [
        ("los", ("audio_loss",), "no axis 'los' .*links.publisher.up.loss"),
        ("loss,", ("audio_loss",), "no axis ''"),
        ("loss", ("audio_los",), "no metric 'audio_los' .did you mean \"audio_loss\""),
        ("loss", ("verdict",), "no metric 'verdict'"),
        ("loss", ("",), "no metric ''"),
    ],
)
def test_what_there_is_not_is_an_error(sweep: SweepFolder, by: str, metrics: tuple[str, ...], said: str) -> None:
    """Unknown axes and metrics, with what was probably meant."""
    with pytest.raises(UsageError, match=said):
        results(sweep, by=by, wanted=metrics)


def test_a_cell_of_another_sweep_is_refused(sweep: SweepFolder) -> None:
    """Somebody copied folders together: nobody could say which row its run belongs to."""
    (sweep.path / CELLS / "0123456789ab").mkdir()
    with pytest.raises(EvidenceError, match=r"cell 0123456789ab is not in its plan: two sweeps are mixed"):
        results(SweepFolder(sweep.path))


def test_runs_without_a_journal_are_not_called_never_run(sweep: SweepFolder) -> None:
    """Nobody could say which of them counted; whoever deleted it may still have it."""
    (sweep.path / "journal.ndjson").write_bytes(b"")
    with pytest.raises(EvidenceError, match=r"its journal\.ndjson is gone or empty \(restore journal\.ndjson"):
        results(SweepFolder(sweep.path))


def test_a_journal_of_another_plan_is_refused(sweep: SweepFolder) -> None:
    """The same cells in another order are another sweep; this one's own journal is none."""
    with Journal(sweep.path) as journal:
        journal.append(Opened(plan=sweep.plan.digest, lab="1", pid=7))
    assert results(SweepFolder(sweep.path)).rows
    with Journal(sweep.path) as journal:
        journal.append(Opened(plan=replace(sweep.plan, cells=sweep.plan.cells[::-1]).digest, lab="1", pid=7))
    with pytest.raises(EvidenceError, match="its journal was written for another plan: two sweeps are mixed"):
        results(SweepFolder(sweep.path))


def test_a_newer_plan_is_refused_by_name(sweep: SweepFolder) -> None:
    """Which file, and that a newer lab wrote it."""
    file = sweep.path / "plan.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))
    with pytest.raises(EvidenceError, match=r"plan.json: format 99 needs a newer lab"):
        results(SweepFolder(sweep.path))


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"format": 99}', "format 99 needs a newer lab"), ("{", "not JSON"), ('{"format": 1}', "not what lab writes")],
)
def test_a_verdict_that_cannot_be_read_is_a_missing_cell(sweep: SweepFolder, text: str, said: str) -> None:
    """Broken, foreign or newer: its cell is missing, the reason names cell and file, and all other cells are there."""
    broken, before = sweep.committed()[0], sum(row.valid for row in results(sweep).rows)
    (broken.folder / names.VERDICT).write_text(text)
    found = results(SweepFolder(sweep.path))
    assert sum(row.valid for row in found.rows) == before - 1
    (why,) = found.unread
    assert why.startswith(f"{broken.cell.label}: {broken.folder / names.VERDICT}")
    assert said in why
    assert f"missing although it was run: {why}" in words(found).notes
    document = json.loads(to_json(found))
    assert document["unread"] == [why]
    assert [each["unread"] for each in document["rows"] if each["unread"]] == [[why]]
    assert [line.unread for line in frame(found).itertuples() if line.unread] == [why]


def test_a_run_that_is_gone_is_a_missing_cell_that_says_why(sweep: SweepFolder) -> None:
    """Deleted after it was told: not as if it had never been run; what is only void says nothing here."""
    assert results(sweep).unread == ()
    gone = sweep.committed()[0]
    shutil.rmtree(gone.folder)
    (why,) = results(SweepFolder(sweep.path)).unread
    assert why.startswith(f"{gone.cell.label}: its run is not there as it was: {gone.folder}")
    assert why.endswith(f"(lab sweep --resume {sweep.path} makes it again)")


def test_a_row_of_several_says_why_of_each(tmp_path: Path) -> None:
    """In the rows of both flows, and once below the table."""
    sweep = made(tmp_path, subscribers=("one", "two"))
    two = [each for each in sweep.committed() if not each.cell.control and dict(each.cell.setting)[LOSS] == "0%"][:2]
    for each in two:
        (each.folder / names.VERDICT).write_text("")
    found = results(SweepFolder(sweep.path), by="loss")
    assert len(found.unread) == 2
    assert {each.unread for each in found.rows if each.unread} == {found.unread}
    assert sum(bool(each.unread) for each in found.rows) == 2
    (line, _) = (line.unread for line in frame(found).itertuples() if line.unread)
    assert line == "; ".join(found.unread)
    for each in two:
        assert f"{each.folder / names.VERDICT}: not JSON" in line
        assert f"(make it again: lab judge {each.folder})" in line


def rejudged(sweep: SweepFolder, loss: str, red: str, repetition: int, **said: object) -> Committed:
    """Give the run of a cell another verdict than its journal knows."""
    valid = sweep.valid(picked(sweep.plan.cells, loss, red, repetition))
    assert valid is not None
    document = json.loads((valid.folder / names.VERDICT).read_text())
    document["runs"][0] |= said
    (valid.folder / names.VERDICT).write_text(json.dumps(document))
    return valid


def test_a_run_without_the_flow_is_counted_with_its_own_outcome(sweep: SweepFolder) -> None:
    """One PASS and two UNKNOWN of which nothing could be followed are no three PASS."""
    for repetition in (1, 2):
        rejudged(sweep, "0%", "true", repetition, outcome="UNKNOWN", owner="UNDECIDED", flows=[])
    mixed = row(results(SweepFolder(sweep.path)), "0%", "true")
    assert (mixed.valid, mixed.outcomes, mixed.owners) == (3, {"PASS": 1, "UNKNOWN": 2}, ("UNDECIDED",))
    last = rejudged(sweep, "0%", "true", 3, outcome="UNKNOWN", owner="UNDECIDED", flows=[])
    table = results(SweepFolder(sweep.path))
    lost = row(table, "0%", "true")
    assert (lost.outcomes, lost.metrics["audio_loss"].value) == ({"UNKNOWN": 3}, None)
    assert "missing" not in words(table).rows[0]
    (alone,) = of_run(last.folder).rows
    assert (alone.valid, alone.outcomes, alone.metrics["audio_loss"].value) == (1, {"UNKNOWN": 1}, None)


def test_a_run_that_was_judged_void_since_does_not_count(sweep: SweepFolder) -> None:
    """The journal still says PASS: the cell is missing, and why is said."""
    gone = rejudged(sweep, "0%", "true", 1, outcome="VOID", void=["pacer: ticked late"])
    found = results(SweepFolder(sweep.path))
    assert row(found, "0%", "true").valid == 2
    assert found.unread == (f"{gone.cell.label}: VOID: pacer: ticked late",)
