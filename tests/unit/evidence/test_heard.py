"""What a listener's program read: sound and counts must agree, and what is no good is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lab.evidence import names
from lab.evidence.heard import heard
from lab.evidence.problems import Problems
from lab.evidence.values import HeardAudio, Read

OFFSET_NS = 1_000_000


def written(
    folder: Path, *, samples: int, counts: list[tuple[int, int]], kind: str = "reads", tail: bytes = b""
) -> None:
    """Write `samples` rising samples of publisher `ada`, `tail` behind them, and the notes (t, samples)."""
    (folder / "heard-ada.pcm").write_bytes(np.arange(samples, dtype="<i2").tobytes() + tail)
    header = {"format": 1, "kind": kind, "clock": "monotonic", "realtime_minus_monotonic_ns": OFFSET_NS}
    notes = [header, *({"t": t, "samples": count} for t, count in counts)]
    (folder / "heard-ada.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))


def read(folder: Path, *, killed: bool = False) -> tuple[tuple[HeardAudio, ...], Problems]:
    """Read the folder, and what was wrong with it."""
    problems = Problems()
    return heard(folder, problems, killed=killed), problems


def test_sound_is_mapped_and_dated(tmp_path: Path) -> None:
    """Samples as written, counts in real time; nothing is wrong."""
    written(tmp_path, samples=9600, counts=[(100, 4800), (200, 9600)])
    (found,), problems = read(tmp_path)
    assert found.publisher == "ada"
    assert found.samples[:3].tolist() == [0, 1, 2]
    assert isinstance(found.samples, np.memmap)
    assert found.reads == (Read(t_ns=OFFSET_NS + 100, samples=4800), Read(t_ns=OFFSET_NS + 200, samples=9600))
    assert not problems.all


def test_sound_that_was_noted_and_is_not_there_is_broken(tmp_path: Path) -> None:
    """Nobody can tell any more what would have been unexplained; what was never recorded at all is no problem."""
    written(tmp_path, samples=9600, counts=[(100, 4800)])
    (tmp_path / "heard-ada.pcm").unlink()
    found, problems = read(tmp_path)
    assert found == ()
    assert problems.breaking == [f"{tmp_path}/heard-ada.pcm: missing, although heard-ada.jsonl tells how much was read"]
    (tmp_path / "heard-ada.jsonl").unlink()
    assert read(tmp_path)[1].all == []


def test_a_program_that_read_nothing_leaves_an_empty_file(tmp_path: Path) -> None:
    """Nothing was heard, and that is evidence."""
    written(tmp_path, samples=0, counts=[(100, 0)])
    (found,), problems = read(tmp_path)
    assert (found.samples.size, problems.all) == (0, [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": 4000}, "4000 samples where 9600 were noted"),
        ({"samples": 12000}, "12000 samples where 9600 were noted"),
        ({"tail": b"x"}, "no whole samples"),
        ({"kind": "frames"}, "a file of frames, not of reads"),
        ({"counts": [(100, 9600), (200, 4800)]}, "heard-ada.jsonl:3: fewer samples"),
        ({"counts": [(200, 4800), (100, 9600)]}, "heard-ada.jsonl:3: earlier than the line before"),
    ],
)
def test_sound_that_is_not_what_was_noted_is_broken(tmp_path: Path, change: dict[str, object], words: str) -> None:
    """Short, long, torn, foreign and contradictory: there is no ear, and the file is named."""
    written(tmp_path, **{"samples": 9600, "counts": [(100, 4800), (200, 9600)], **change})  # type: ignore[arg-type]
    found, problems = read(tmp_path)
    assert found == ()
    assert words in problems.breaking[0]


def test_sound_without_counts_is_broken(tmp_path: Path) -> None:
    """Nobody can tell when it was heard."""
    written(tmp_path, samples=10, counts=[])
    (tmp_path / "heard-ada.jsonl").unlink()
    found, problems = read(tmp_path)
    assert found == ()
    assert "heard-ada.jsonl" in problems.breaking[0]


def test_a_killed_program_may_have_read_more_than_it_noted(tmp_path: Path) -> None:
    """Its last sample may be torn; fewer than noted is still a contradiction."""
    written(tmp_path, samples=9000, counts=[(100, 4800)], tail=b"x")
    (found,), problems = read(tmp_path, killed=True)
    assert (found.samples.size, problems.breaking) == (9000, [])
    written(tmp_path, samples=4000, counts=[(100, 4800)])
    assert read(tmp_path, killed=True)[0] == ()


def test_sound_and_counts_are_judged() -> None:
    """They decide, so a change to them since the sealing is broken evidence; a log's is not."""
    assert names.is_judged("clients/bob/heard-ada.pcm")
    assert names.is_judged("clients/bob/heard-ada.jsonl")
    assert not names.is_judged("clients/bob/log.txt")


def test_a_pause_between_two_notes_is_no_fault(tmp_path: Path) -> None:
    """Nothing came for a while: the count stands still."""
    written(tmp_path, samples=4800, counts=[(100, 4800), (200, 4800)])
    (found,), problems = read(tmp_path)
    assert [each.samples for each in found.reads] == [4800, 4800]
    assert problems.all == []


def test_sound_without_notes_counts_for_nothing(tmp_path: Path) -> None:
    """Where none was noted there is nothing to miss; samples that nobody noted are too many."""
    written(tmp_path, samples=0, counts=[])
    assert read(tmp_path)[1].all == []
    written(tmp_path, samples=1, counts=[])
    assert "1 samples where 0 were noted" in read(tmp_path)[1].breaking[0]


def test_a_note_cut_by_the_killing_is_named(tmp_path: Path) -> None:
    """What was read before it counts."""
    written(tmp_path, samples=9600, counts=[(100, 4800)])
    with (tmp_path / "heard-ada.jsonl").open("a") as notes:
        notes.write('{"t": 200, "sam')
    (found,), problems = read(tmp_path, killed=True)
    assert [each.samples for each in found.reads] == [4800]
    assert "heard-ada.jsonl" in problems.breaking[0]
