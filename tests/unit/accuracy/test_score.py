"""Journal and score: what counts, what does not, and what is written about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.accuracy.__main__ import _open, _quick_code
from tests.accuracy.journal import NAME, Journal, Line, sha256
from tests.accuracy.matrix import Cell
from tests.accuracy.page import Made, render
from tests.accuracy.score import Score, score
from tests.bench.page import PAGE, with_part


def line(cell: str, owner: str = "NONE", *, right: bool = True, sabotage: str = "", **more: Any) -> Line:
    """Return one line of a journal."""
    found = {
        "outcome": owner if owner in ("VOID", "UNKNOWN") else "PASS" if owner == "NONE" else "FAIL",
        "owner": owner, "hops": ["x"], "reasons": ["y"], "points": {}, "unexplained": 0.0, "made": 500.0, "why": ["z"],
        "truth_owner": "NONE", "truth_hop": "none", "truth_reason": "none", "sure": True, "bounds": [],
        "right_owner": right, "right_hop": right, "right_reason": right,
        "naive_owner": "CODE", "naive_right_owner": False, "contradiction": "",
    }  # fmt: skip
    fields = {"attempt": 1, "text_sha256": "", "faults": (), "strengths": (), "folder": "run", "wall_s": 19.0, **more}
    return Line(cell=cell, sabotage=sabotage, found=found, **fields)


def test_void_runs_count_as_runs_and_their_cells_once() -> None:
    """The last answer of a cell is its answer; runs made void by the machine are told beside."""
    done = score([line("a", "VOID", right=False), line("a"), line("b", "UNKNOWN", right=False), line("c")])
    assert {key: done.summary[key] for key in ("runs", "void", "judged", "unknown", "right_owner", "wrong_blame")} == {
        "runs": 4,
        "void": 1,
        "judged": 3,
        "unknown": 1,
        "right_owner": 2,
        "wrong_blame": 0,
    }


def test_blaming_the_wrong_one_is_not_the_same_as_finding_nobody() -> None:
    """Owner NONE where there is one is wrong, but blames nobody."""
    done = score(
        [line("a", "CODE/client", right=False), line("b", "NONE", right=False), line("c", "BOTH", right=False)]
    )
    assert (done.summary["wrong_blame"], done.summary["right_owner"]) == (2, 0)


def test_harness_faults_count_apart() -> None:
    """Void is right there, code is never to blame; one that was never done proves nothing."""
    done = score(
        [
            line("a", "VOID", right=False, sabotage="cpu-hog"),
            line("b", "CODE/client-host", right=False, sabotage="cpu-hog"),
            line("c", "NETWORK/uplink", right=False, sabotage="vm-stopped"),
            line("d", "NONE", sabotage="vm-stopped"),
            line("e", "CODE/sdk", right=False, sabotage="vm-killed", error="EnvironmentFault: the VM is gone"),
            line("f", "CODE/sdk", right=False, sabotage="vm-killed", error="the sabotage failed: no such process"),
            line("g", "UNKNOWN", right=False, sabotage="vm-killed"),
        ]
    )
    figures = done.summary
    assert (figures["runs"], figures["harness_runs"], figures["harness_unknown"]) == (0, 6, 1)
    assert (figures["harness_void"], figures["harness_true"]) == (2, 1)
    assert (figures["harness_blamed_code"], figures["harness_blamed_network"]) == (1, 1)


def test_a_proof_that_falls_short_says_where() -> None:
    """Shares as promised for 300 runs; what was never run proves nothing."""
    right = [line(f"c{number}") for number in range(100)]
    assert score(right).shortfalls == []
    wrong = [line("x", "CODE/sdk", right=False), line("y", "NONE", right=False)]
    assert score([*right, *wrong]).shortfalls == [
        "right_owner 100 of 102 < 99.0%",
        "right_hop 100 of 102 < 98.3%",
        "wrong_blame 1 of 102 > 0.3%",
    ]
    assert len(score([]).shortfalls) == 3


def test_the_quick_proof_fails_on_a_wrong_blame_alone() -> None:
    """Or when it proved nothing, most of its runs being void."""
    right = [line(f"c{number}") for number in range(10)]
    assert _quick_code(score(right), 10) == 0
    assert _quick_code(score([*right, line("x", "NONE", right=False)]), 11) == 0
    assert _quick_code(score([*right, line("x", "BOTH", right=False)]), 11) == 1
    assert _quick_code(score([*right, line("x", "CODE/sdk", right=False, sabotage="cpu-hog")]), 11) == 1
    assert _quick_code(score(right[:4]), 10) == 1


def test_a_journal_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """A torn last line is no line; the others are as they were."""
    journal = Journal(tmp_path)
    journal.append(line("a"))
    journal.append(line("b", "VOID"))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"cell": "c", "att')
    again = Journal(tmp_path)
    again.append(line("d"))
    assert [each.cell for each in again.lines()] == ["a", "b", "d"]
    assert again.lines()[0] == line("a")


def test_only_what_is_missing_is_run_again() -> None:
    """A cell with an answer is done; a void one has another try, in the quick proof an unknown one too."""
    cell = Cell(id="a", text="")
    assert _open([], cell, retry_unknown=False)
    assert not _open([line("a")], cell, retry_unknown=False)
    assert _open([line("a", "VOID")], cell, retry_unknown=False)
    assert not _open([line("a", "VOID"), line("a", "VOID"), line("a", "VOID")], cell, retry_unknown=False)
    assert not _open([line("a", "UNKNOWN")], cell, retry_unknown=False)
    assert _open([line("a", "UNKNOWN")], cell, retry_unknown=True)
    assert not _open([line("a", "UNKNOWN"), line("a", "UNKNOWN")], cell, retry_unknown=True)


def test_a_cell_that_was_drawn_otherwise_is_another_one(tmp_path: Path) -> None:
    """A matrix that changed does not take over the answers of the old one."""
    journal, old, new = Journal(tmp_path), Cell(id="a", text="one"), Cell(id="a", text="two")
    journal.append(line("a", text_sha256=sha256(old)))
    assert len(journal.of(old)) == 1
    assert journal.of(new) == []


def scored() -> Score:
    """Return a small score with a mistake in it."""
    return score([line("c000-clean"), line("c001-clean", "CODE/client", right=False), line("c002", sabotage="cpu-hog")])


def made(**more: Any) -> Made:
    """Return where a score is from: answered once, and read by nobody."""
    who = {"written_by": "abc", "judged_by": "newer", "recorded_by": ("old", "new"), "programs": ("1f",)}
    return Made(**{**who, "date": "2026-11-22", "seed": 1, "first": scored(), "unread": scored(), **more})


def test_the_report_tells_intervals_and_each_mistake() -> None:
    """Commit, date and seed first; exact intervals; who was blamed wrongly, and why the judge thought so."""
    text = render(scored(), made())
    assert text.startswith(
        "Recorded by commit old, then new (clients' programs 1f, as the manifests say), and all judged again by newer. "
        "Counted by abc, 2026-11-22. Seed 1.\n"
    )
    assert "| right owner | 1 | 2 | 50.0% | 1.3% to 98.7% |" in text
    assert "| c001-clean | NONE none | CODE/client y **(blame)** | z |" in text


def test_the_report_tells_what_was_answered_first_and_where_the_judge_was_blind() -> None:
    """Only where that is not the figures above: a proof that was judged once has neither section."""
    headings = ("### Where nobody had looked before the judge was last changed", "### As first answered")
    plain = render(scored(), made())
    assert not any(heading in plain for heading in headings)
    first = score([line("c000-clean", "VOID", right=False), line("c001-clean", "CODE/client", right=False)])
    text = render(
        scored(), made(first=first, unread=score([line("c000-clean")]), recorded_by=(), programs=(), judged_by=None)
    )
    assert all(heading in text for heading in headings)
    assert "| right owner | 1 | 1 | 100.0% | 2.5% to 100.0% |" in text
    assert "The same recordings, 1 of them void, by the judges of the time:" in text
    assert "| right owner | 0 | 1 | 0.0% | 0.0% to 97.5% |" in text
    assert text.startswith("Recorded by a commit that nobody noted, and judged by the same. Counted by abc")


def test_a_part_of_the_page_is_written_in_its_place() -> None:
    """What people wrote around it stays."""
    page = with_part("# Title\n\n<!-- proof -->\nold\n<!-- end of proof -->\n\nmore words\n", "proof", "new")
    assert page == "# Title\n\n<!-- proof -->\nnew\n<!-- end of proof -->\n\nmore words\n"


@pytest.mark.parametrize("page", ["", "<!-- proof -->", "<!-- end of proof -->\n<!-- proof -->"])
def test_a_page_without_the_part_is_refused(page: str) -> None:
    """Nothing is written to nowhere."""
    with pytest.raises(ValueError, match="has no part"):
        with_part(page, "proof", "new")


def test_the_page_has_every_part_that_is_written() -> None:
    """By the proof and by the benches."""
    page = PAGE.read_text()
    for name in ("proof", "emulator", "judging"):
        assert with_part(page, name, "new") != page
