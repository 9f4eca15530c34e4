"""`lab compare` as a user types it: exit codes, formats, and what stands on stdout and stderr."""

from __future__ import annotations

import csv
import io
import json
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from lab.analysis.values import Outcome, Owner
from lab.batch.runs.one import noted
from lab.errors import Interrupted
from lab.evidence.store import RunFolder
from lab.scenario.load import loads
from tests.cli.test_exit_codes import lab
from tests.fakes.judged import FILE, Said, run

SCENARIO = loads(FILE, source="mine")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return a run that passed."""
    return run(tmp_path / "good" / "20260101-000000-0000")


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Return the same with a fifth of the audio lost."""
    failed = Said(outcome=Outcome.FAIL, owner=Owner.SERVER, audio_loss=0.2, server="sha256:two")
    return run(tmp_path / "bad" / "20260102-000000-0000", failed)


def test_a_regression_exits_1_only_when_asked(good: Path, bad: Path) -> None:
    """The same words either way; stderr stays empty."""
    told, gate = lab("compare", good, bad), lab("compare", good, bad, "--fail-on-regression")
    assert (told.returncode, gate.returncode) == (0, 1)
    assert told.stdout == gate.stdout
    assert told.stderr == gate.stderr == ""
    assert "compared: server.version: image server sha256:one → sha256:two" in told.stdout
    assert "B is worse within these two runs: 1 of 1 runs fail instead of 0; audio_loss" in told.stdout


def test_ids_and_formats(good: Path, bad: Path) -> None:
    """A run is named by the beginning of its id; --json is a document, --format csv are lines."""
    run(good.parents[1] / "results" / "mine" / "20260103-000000-0000")
    inside = ("-o", good.parents[1] / "results", "--metric", "audio_loss")
    (found,) = json.loads(lab("compare", "20260103", bad, "--json", *inside).stdout)["comparisons"]
    assert [row["finding"] for row in found["differences"]] == ["worse"]
    lines = list(csv.DictReader(io.StringIO(lab("compare", "last", bad, "--format", "csv", *inside).stdout)))
    assert [line["metric"] for line in lines] == ["verdict", "audio_loss"]


def test_2_for_what_cannot_be_compared(good: Path, bad: Path, tmp_path: Path) -> None:
    """More than one thing differs, unknown metrics, one side alone: nothing on stdout."""
    other = run(tmp_path / "c" / "1", Said(cpus=4), None, "media.red=false")
    for refused, words in (
        (lab("compare", good, other), "differ in 2 things"),
        (lab("compare", good, bad, "--metric", "audio_los"), 'did you mean "audio_loss"?'),
        (lab("compare", good), "nothing to be compared with"),
        (lab("compare", good, tmp_path / "nowhere", "-o", tmp_path / "none"), "no runs in"),
    ):
        assert refused.returncode == 2
        assert words in refused.stderr
        assert refused.stdout == ""


def test_3_when_no_run_counts(good: Path, tmp_path: Path) -> None:
    """A void run is no evidence; why stands in the result."""
    done = lab("compare", good, run(tmp_path / "void" / "1", Said(outcome=Outcome.VOID)))
    assert done.returncode == 3
    assert "VOID: pacer: ticked late" in done.stdout
    assert "nothing could be compared" in done.stdout


def test_5_for_a_recording_that_was_cut_short(good: Path, tmp_path: Path) -> None:
    """The gate is not open for it; in a folder of runs it is one that was not compared, and its figures are none."""
    short = RunFolder.at(tmp_path / "short" / "20260104-000000-0000", SCENARIO, as_written="", resolved="")
    with suppress(Interrupted), noted(short):
        raise Interrupted(signal.SIGINT)
    why = "never sealed, the recording ended in phase interrupted: interrupted by SIGINT"
    for refused in (
        lab("compare", good, short.path, "--fail-on-regression"),
        lab("show", short.path, "--metric", "audio_loss"),
    ):
        assert (refused.returncode, refused.stdout) == (5, "")
        assert why in refused.stderr
    run(tmp_path / "short" / "20260105-000000-0000")
    some = lab("compare", good.parent, short.path.parent)
    assert some.returncode == 0
    assert why in " ".join(some.stdout.split())
