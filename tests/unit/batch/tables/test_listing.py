"""`lab ls`: a line for everything that is there, whatever state it is in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab.batch.folders.committed import PLAN
from lab.batch.folders.journal import CELLS
from lab.batch.folders.stored import find, find_any
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.batch.tables.listing import cells, listed
from lab.batch.tables.showing import there
from lab.errors import EvidenceError, UsageError
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.report.listing import to_json, words, words_of_cells
from lab.report.table import FIXED
from lab.scenario.load import loads
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import BASE, FakeRuns, laid, planned, swept

SCENARIO = loads("version: 1\nname: mine\n", source="mine")
DAY_S = 86_400


CAPTURE = f"{names.CAPTURES}/core.pcap"


def run(results: Path, day: int, *, sealed: bool = True, verdict: str | None = None) -> Path:
    """Make a run that began on a day of 1970, with a capture that has nothing in it."""
    clock = iter(range(day * DAY_S * 10**9, (day + 1) * DAY_S * 10**9, 10**9))
    folder = RunFolder.create(
        results, SCENARIO, as_written="", resolved="", clock=lambda: next(clock), entropy=lambda: "abcd"
    )
    folder.write(CAPTURE, b"\0")
    if sealed:
        folder.seal()
    if verdict is not None:
        folder.write(names.VERDICT, verdict)
    return folder.path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return a folder with a sweep that is half done, and runs in every state."""
    where = tmp_path / "results"
    run(where, 2)
    run(where, 3, sealed=False)
    judged = run(where, 4, verdict="")
    document = (Path(__file__).parents[3] / "replay" / "recordings" / "clean.json").read_text()
    made = json.loads(document)
    made["runs"][0]["run"] = judged.name
    (judged / names.VERDICT).write_text(json.dumps(made))
    (run(where, 5) / names.MANIFEST).write_text("{}")
    run(where, 6, verdict='{"format": 99}')
    found = planned(tmp_path)
    half = laid(found, where / found.name / "19700102-000000-0001")
    swept(half, InOrder(FakeRuns({found.cells[0].id: ("VOID",) * 3})))
    return where


def test_everything_there_is_a_line_the_oldest_first(results: Path) -> None:
    """Judged, not judged, not finished, broken, newer, and a sweep with a missing cell: none hides another."""
    table = words(listed(results), "results")
    assert table.title == "results   5 runs, 1 sweep"
    said = {row[0]: row[2].replace(FIXED, " ") for row in table.rows}
    assert [name.partition("-")[0] for name in said] == [f"1970010{day}" for day in range(2, 8)]
    assert list(said.values())[:4] == ["1 of 2 cells", "not judged yet", "not finished: started", "PASS"]
    broken, newer = list(said.values())[4:]
    assert "manifest.json: not a manifest of lab" in broken
    assert "verdict.json: format 99 needs a newer lab" in newer


def test_a_broken_sweep_is_a_line_too(results: Path) -> None:
    """Its plan is cut: it says so, and every run is still there."""
    (sweep,) = results.glob(f"*/*/{PLAN}")
    sweep.write_text(sweep.read_text()[:100])
    found = listed(results)
    assert len(found) == 6
    assert words(found, "results").title == "results   5 runs, 1 sweep"
    assert "plan.json" in found[0].note
    assert (found[0].done, words(found[:1], "results").rows[0][2]) == (None, found[0].note)


def test_a_run_whose_manifest_names_no_file_is_a_line_too(results: Path) -> None:
    """Damaged before manifests had checksums: no system call takes such a name, and every other run is still there."""
    before = listed(results)
    (judged,) = (Path(each.folder) for each in before if each.outcome == "PASS")
    manifest = json.loads((judged / names.MANIFEST).read_text())
    del manifest["checksum"]
    manifest["files"]["captures/\0"] = manifest["files"].pop(CAPTURE)
    (judged / names.MANIFEST).write_text(json.dumps(manifest))
    found = {each.folder: each for each in listed(results)}
    assert found.pop(str(judged)).note.startswith(f"{judged / names.MANIFEST}: 'captures/\\x00' is no name for a piece")
    assert [*found.values()] == [each for each in before if each.folder != str(judged)]


@pytest.mark.parametrize("left", [None, b""], ids=["deleted", "cut"])
def test_a_verdict_whose_ground_is_gone_is_not_told(results: Path, left: bytes | None) -> None:
    """A capture was deleted, or cut, after the run was judged: the line names it, and who tells what is left."""
    judged = next(Path(each.folder) for each in listed(results) if each.outcome == "PASS")
    (judged / CAPTURE).unlink() if left is None else (judged / CAPTURE).write_bytes(left)
    found = next(each for each in listed(results) if each.folder == str(judged))
    assert (found.outcome, found.owner) == ("", "")
    assert found.note == f"{CAPTURE} is not there as it was sealed; lab show {judged} tells what is left"


def test_json_has_everything_and_null_for_what_is_unknown(results: Path) -> None:
    """A run has no cells, a sweep no verdict."""
    lines = json.loads(to_json("results", listed(results)))["results"]
    assert (lines[0]["done"], lines[0]["planned"], lines[0]["outcome"]) == (1, 2, None)
    assert (lines[3]["done"], lines[3]["outcome"], lines[3]["owner"]) == (None, "PASS", "NONE")


def test_the_cells_of_a_sweep_name_their_runs_and_what_is_missing(results: Path) -> None:
    """In the order of the plan: how often tried, how it ended, and the folder that `lab show` takes."""
    (folder,) = (file.parent for file in results.glob(f"*/*/{PLAN}"))
    void, done = cells(folder)
    assert (void.tried, void.outcome, void.run, void.note) == (3, "", "", "VOID")
    assert (done.tried, done.outcome) == (1, "PASS")
    assert (Path(done.run) / names.MANIFEST).is_file()
    assert dict(done.setting)["links.publisher.up.loss"] in ("0%", "5%")
    shown = words_of_cells((void, done), "x").rows[1]
    assert (shown[1].partition("=")[0], shown[6]) == ("loss", Path(done.run).name)
    assert [row[4] for row in words_of_cells((void, done), "x").rows] == ["missing: VOID", "PASS"]
    shutil.rmtree(done.run)
    gone = cells(folder)[1].note
    assert "No such file" in gone
    assert "what it cost" not in gone


def test_a_cell_that_was_never_tried_says_so(tmp_path: Path) -> None:
    """Nothing is wrong with it."""
    found = laid(planned(tmp_path), tmp_path / "sweep")
    assert {(each.tried, each.note) for each in cells(found)} == {(0, "not run yet")}


def test_clean_controls_are_called_so(tmp_path: Path) -> None:
    """Their setting is their neighbour's, which was not done to them."""
    (tmp_path / "base.yaml").write_text(BASE)
    folder = laid(plan(tmp_path / "base.yaml", SweepAsked(axes=("media.red=true,false",))), tmp_path / "sweep")
    table = words_of_cells(cells(folder), "x")
    assert [row[1] for row in table.rows].count("clean control") == 2


def test_last_and_prefixes_find_runs_and_sweeps(results: Path) -> None:
    """`find` knows runs only, `find_any` sweeps as well."""
    (sweep,) = (file.parent for file in results.glob(f"*/*/{PLAN}"))
    assert find_any("19700102-", results) == find_any(str(sweep), Path("nowhere")) == sweep
    assert find_any("last", results).name == "19700107-000000-abcd"
    with pytest.raises(UsageError, match="no run '19700102-'"):
        find("19700102-", results)
    with pytest.raises(UsageError, match="could be 19700102-000000-0001, 19700103"):
        find_any("1970010", results)
    with pytest.raises(UsageError, match="no runs in"):
        find_any("last", results / "nowhere")


def test_a_folder_that_is_there_and_is_none_is_said_to_be(results: Path) -> None:
    """Where a run is expected, a sweep is refused as one; a folder of results is no result."""
    (sweep,) = (file.parent for file in results.glob(f"*/*/{PLAN}"))
    with pytest.raises(UsageError, match=r"a sweep, and a run is expected \(lab ls "):
        find(str(sweep), Path("nowhere"))
    for search in (find, find_any):
        with pytest.raises(UsageError, match=r"neither a run nor a sweep \(lab ls -o "):
            search(str(results), Path("nowhere"))
    for run in results.glob(f"*/*/{names.MANIFEST}"):
        run.unlink()
    with pytest.raises(UsageError, match="holds sweeps only"):
        find("last", results)


def test_a_run_of_a_sweep_is_found_by_its_id(results: Path) -> None:
    """As `lab ls SWEEP` prints it; many that begin alike are not all told."""
    done = Path(cells(find_any("19700102", results))[1].run)
    assert find(done.name, results) == find_any(done.name, results) == done
    assert done.is_relative_to(results)
    with pytest.raises(UsageError, match=r"'197001' could be (19700[^ ]* ?){5} and 1 more"):
        find_any("197001", results)


def test_a_run_is_no_sweep(results: Path) -> None:
    """Whoever asks for its cells is told."""
    with pytest.raises(UsageError, match="no sweep"):
        cells(find_any("19700103", results))


def test_mixed_sweeps_have_no_list_of_cells(results: Path) -> None:
    """A cell that the plan does not know: the table would say less than there is."""
    sweep = find_any("19700102", results)
    (sweep / CELLS / "0123456789ab").mkdir()
    with pytest.raises(EvidenceError, match="two sweeps are mixed"):
        cells(sweep)


def test_a_folder_one_level_too_deep_is_told_with_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no results of its own, and is not called empty; one that is empty is."""
    sweep = laid(planned(tmp_path / "x"), tmp_path / "results" / "base" / "20260101-000000-abcd")
    for deep, meant in ((sweep, f"lab show {sweep}"), (sweep.parent, f"lab ls -o {tmp_path / 'results'}")):
        with pytest.raises(UsageError) as refused:
            there(None, deep, "text", 80)
        assert refused.value.fix == meant
    monkeypatch.chdir(sweep.parent)
    with pytest.raises(UsageError) as refused:
        there(None, Path(), "text", 80)
    assert refused.value.fix == "lab ls -o .."
    assert "1 sweep" in there(None, tmp_path / "results", "text", 400)
    assert "0 sweeps" in there(None, tmp_path / "x", "text", 400)
