"""Stored recordings of real runs: the same bytes again, blind to what was injected, worthless once touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import yaml
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from lab.analysis.values import Outcome
from lab.batch.runs.one import judged
from lab.evidence import names
from lab.evidence.reading import read
from tests.replay.conftest import Copy, Whole
from tests.replay.harm import delete, pieces, shorten, tear
from tests.replay.keep import LARGEST, NAMES, STORED, reseal, unpacked

SEEN = ("twenty-percent", "sender-stalls")
"""The network's fault and the client's: what is tried with every piece is tried on these."""


def test_the_recordings_are_there() -> None:
    """Clean, impaired, and the client's own fault; small enough to live in the repository."""
    assert {"clean", *SEEN} <= set(NAMES)
    assert all((STORED / f"{name}.tar.xz").stat().st_size <= LARGEST for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_same_byte_for_byte(name: str, whole: Whole) -> None:
    """A recording means the same on every machine, at any time; its sound unpacks to what was sealed."""
    assert whole(name).json == (STORED / f"{name}.json").read_text()
    assert read(whole(name).folder).broken == ()


def test_a_machine_without_vector_instructions_says_the_same(whole: Whole) -> None:
    """Neither numpy's kernels nor BLAS's round the same way on every processor: no answer hangs on that."""
    vectors = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    poor = {"NPY_DISABLE_CPU_FEATURES": vectors, "OPENBLAS_CORETYPE": "Prescott"}
    said = (
        "import sys, pathlib; from lab.batch.runs.one import judged; "
        "sys.stdout.write(judged(pathlib.Path(sys.argv[1])).json)"
    )
    command = [sys.executable, "-c", said, str(whole("twenty-percent").folder)]
    done = subprocess.run(command, env={**os.environ, **poor}, capture_output=True, text=True, check=True)
    assert done.stdout == whole("twenty-percent").json


@pytest.mark.parametrize("name", NAMES)
def test_the_judge_is_blind_to_what_was_injected(name: str, copy: Copy) -> None:
    """Links, faults, timeline, limits out of the scenario, commands out of the steps, logs away: the same bytes."""
    run = copy(name)
    scenario = yaml.safe_load((run / names.RESOLVED).read_text())
    asked = {key: scenario[key] for key in ("version", "name", "seed", "media", "expect") if key in scenario}
    (run / names.RESOLVED).write_text(yaml.safe_dump(asked, sort_keys=False))
    steps = [json.loads(line) for line in (run / names.STEPS).read_text().splitlines()]
    for step in steps:
        for direction in step["directions"]:
            direction["argv"] = []
    (run / names.STEPS).write_text("".join(json.dumps(step) + "\n" for step in steps))
    (run / names.AS_WRITTEN).write_text("")
    for told in (*run.glob("**/injected.jsonl"), *run.glob("clients/*/config.json"), run / names.SERVER_CONFIG):
        told.unlink(missing_ok=True)
    reseal(run)
    assert judged(run).json == (STORED / f"{name}.json").read_text()


HARMS = (delete, tear, shorten)


def _pieces(whole: Whole, name: str) -> list[str]:
    return pieces(whole(name).folder)


@pytest.mark.parametrize("name", SEEN)
def test_a_piece_that_is_not_what_was_sealed_is_broken_by_name(name: str, whole: Whole, copy: Copy) -> None:
    """Every piece that a verdict is read from, taken away, torn or cut: the recording is broken, and names it."""
    for harm in HARMS:
        run = copy(name)
        harmed = [piece for piece in _pieces(whole, name) if (run / piece).stat().st_size or harm is delete]
        for piece in harmed:
            harm(run / piece, Random(1), run)
        told = read(run).broken
        assert [piece for piece in harmed if not any(words.startswith(piece) for words in told)] == [], harm.__name__


@pytest.mark.parametrize("piece", ["captures/core.pcap", "clients/publisher/frames.jsonl", names.PACER])
def test_a_broken_recording_is_unknown(piece: str, copy: Copy) -> None:
    """Whatever the rest would say: UNKNOWN, and both the reasons and the table name the piece."""
    run = copy("twenty-percent")
    (run / piece).write_bytes((run / piece).read_bytes()[:-1])
    found = judged(run)
    assert (found.verdict.outcome, found.exit_code, found.verdict.void) == (Outcome.UNKNOWN, 3, ())
    assert found.verdict.reasons[0].startswith(piece)
    assert piece in found.text(10_000)


DECIDING = ("captures/core.pcap", "clients/publisher/frames.jsonl", "clients/subscriber/stats.jsonl", names.RESOLVED)
"""Pieces that no verdict can do without, the seal apart."""


@pytest.mark.parametrize("name", SEEN)
def test_a_piece_that_was_never_recorded_is_missed_by_name_or_decides_nothing(
    name: str, whole: Whole, copy: Copy
) -> None:
    """Sealed without it: the same verdict, or UNKNOWN with the piece among the reasons; never another owner."""
    before = whole(name).verdict
    for piece in _pieces(whole, name)[SEEN.index(name) :: len(SEEN)]:
        run = copy(name)
        (run / piece).unlink()
        reseal(run)
        found = judged(run).verdict
        if (found.outcome, found.owner) != (before.outcome, before.owner):
            assert found.outcome == Outcome.UNKNOWN, piece
            assert any(piece in reason for reason in found.reasons), (piece, found.reasons)
        assert found.outcome == Outcome.UNKNOWN or piece not in DECIDING, piece


def test_a_seal_without_files_seals_nothing(copy: Copy) -> None:
    """The manifest's list was emptied: UNKNOWN."""
    run = copy("clean")
    manifest = json.loads((run / names.MANIFEST).read_text())
    (run / names.MANIFEST).write_text(json.dumps(manifest | {"files": {}}))
    assert judged(run).verdict.outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("kept", [0.6, 0.3, 0.1])
@pytest.mark.parametrize("name", SEEN)
def test_half_a_log_is_unknown_however_it_is_sealed(name: str, kept: float, copy: Copy) -> None:
    """The wire goes on where the log ends: nobody is charged for that, and no share is above one."""
    run = copy(name)
    file = run / "clients/publisher/frames.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: int(len(lines) * kept)]))
    reseal(run)
    verdict = judged(run).verdict
    assert verdict.outcome == Outcome.UNKNOWN
    assert "frames of publisher: only" in verdict.reasons[0]
    assert sum(verdict.flows[0].damage.values()) < 1


def test_a_copy_is_no_other(whole: Whole, tmp_path: Path) -> None:
    """Unpacking twice gives the same folder twice."""
    first, again = whole("clean").folder, unpacked("clean", tmp_path)
    assert {piece: (first / piece).read_bytes() for piece in pieces(first)} == {
        piece: (again / piece).read_bytes() for piece in pieces(again)
    }
