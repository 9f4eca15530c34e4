"""What is known of a proof beside its figures: who recorded it, what was answered first, what was read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lab.evidence.manifest import Manifest, Phase
from tests.accuracy.journal import Journal
from tests.accuracy.provenance import Provenance
from tests.unit.accuracy.test_score import line


def test_every_commit_that_recorded_is_named_once(tmp_path: Path) -> None:
    """In order, across interruptions; none where nobody noted it."""
    assert Provenance(tmp_path).recorded_by == ()
    for commit in ("a", "a", "b", "a"):
        Provenance(tmp_path).recording(commit, "2026-11-23")
    assert Provenance(tmp_path).recorded_by == ("a", "b")


def test_who_judged_last_is_named(tmp_path: Path) -> None:
    """Nobody, while every answer is the first."""
    assert Provenance(tmp_path).judged_by is None
    for commit in ("a", "b", "b"):
        Provenance(tmp_path).judging(commit, "2026-11-23")
    assert Provenance(tmp_path).judged_by == "b"


def test_a_first_answer_stays_the_first(tmp_path: Path) -> None:
    """However often it is judged again; what was recorded since then is first answered later."""
    journal, known = Journal(tmp_path), Provenance(tmp_path)
    journal.append(line("a", "UNKNOWN", right=False))
    known.keep(journal.lines())
    journal.replace([line("a")])
    journal.append(line("b", "BOTH", right=False))
    known.keep(journal.lines())
    journal.replace([line("a"), line("b")])
    assert [each.found["owner"] for each in known.first(journal.lines())] == ["UNKNOWN", "BOTH"]
    assert known.first([line("c")]) == [line("c")]


def test_another_attempt_has_another_first_answer(tmp_path: Path) -> None:
    """A cell that was void is recorded again; both answers are first ones."""
    known = Provenance(tmp_path)
    known.keep([line("a", "VOID")])
    again = replace(line("a"), attempt=2)
    assert known.first([again]) == [again]


def test_what_was_read_is_never_blind_again(tmp_path: Path) -> None:
    """Whatever is recorded afterwards is."""
    known = Provenance(tmp_path)
    known.read([line("a"), line("b")])
    known.read([line("c")])
    assert [each.cell for each in Provenance(tmp_path).unread([line("a"), line("c"), line("d")])] == ["d"]


def test_recordings_name_their_programs(tmp_path: Path) -> None:
    """Each hash once; a recording without a manifest names none."""
    for folder, programs in (("x", "1f"), ("y", "1f"), ("z", "2e")):
        (tmp_path / folder).mkdir()
        known = Manifest(
            run=folder, scenario="a", phases=(Phase(name="sealed", t_ns=1),), versions={"programs": programs}
        )
        (tmp_path / folder / "manifest.json").write_text(known.dump())
    lines = [line("a", folder=folder) for folder in ("x", "gone", "y", None, "z")]
    assert Provenance(tmp_path).programs(lines) == ("1f", "2e")
