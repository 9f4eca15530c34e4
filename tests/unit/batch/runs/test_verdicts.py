"""What runs were judged to be: kept, deleted, older, broken, somebody else's."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.batch.runs.one import judged, noted
from lab.batch.runs.verdicts import told, told_or_why
from lab.errors import ClientFailed, EvidenceError, Interrupted
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.scenario.load import loads
from tests.replay.keep import STORED, unpacked

NAME = "twenty-percent"
KEPT = (STORED / f"{NAME}.json").read_text()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored recording that nobody judged yet."""
    return unpacked(NAME, tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def run(recorded: Path) -> Iterator[Path]:
    """Yield the recording with the verdict that belongs to it; afterwards it has none again."""
    file = recorded / names.VERDICT
    file.parent.mkdir(exist_ok=True)
    file.write_text(KEPT)
    yield recorded
    file.unlink(missing_ok=True)


def test_a_verdict_that_was_kept_is_read(run: Path) -> None:
    """It is not judged again: what stands in the file is what is told."""
    changed = json.loads(KEPT)
    changed["runs"][0]["flows"][0]["metrics"]["lost_frames"]["value"] = 4711
    (run / names.VERDICT).write_text(json.dumps(changed))
    found = {each.name: each.value for each in told(run).flows[0].metrics}
    assert found["lost_frames"] == 4711


def test_one_that_was_deleted_or_is_older_is_made_again_and_not_written(run: Path) -> None:
    """The same values as were kept, from the evidence alone."""
    kept = told(run)
    older = json.loads(KEPT)
    del older["runs"][0]["flows"][0]["metrics"]["absence"]
    (run / names.VERDICT).write_text(json.dumps(older))
    assert told(run) == kept
    del older["runs"][0]["flows"][0]["metrics"]
    (run / names.VERDICT).write_text(json.dumps(older))
    assert told(run) == kept
    (run / names.VERDICT).unlink()
    assert told(run) == kept
    assert not (run / names.VERDICT).exists()


def test_evidence_that_is_not_as_it_was_sealed_has_no_verdict(run: Path) -> None:
    """What was judged before is no answer about what is there now, and is not made again from it either."""
    capture = run / names.CORE_TAP
    whole = capture.read_bytes()
    capture.write_bytes(whole[:-1])
    with pytest.raises(EvidenceError, match=r"captures/core\.pcap: not there as it was sealed \(lab show ") as raised:
        told(run)
    assert told_or_why(run) == str(raised.value)
    capture.write_bytes(whole)
    assert told(run)


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (Interrupted(signal.SIGINT), "interrupted: interrupted by SIGINT"),
        (ClientFailed("client bob ended:\nits last words"), "failed: client bob ended:"),
        (KeyError(), "failed"),
    ],
)
def test_a_recording_that_was_cut_short_has_no_verdict(tmp_path: Path, error: BaseException, ended: str) -> None:
    """Nothing of it was ever sealed: how it ended is told in a line; whoever looks at it alone gets UNKNOWN as ever."""
    folder = RunFolder.create(tmp_path, loads("version: 1\nname: mine\n", source="mine"), as_written="", resolved="")
    with suppress(type(error)), noted(folder):
        raise error
    with pytest.raises(EvidenceError, match=r"never sealed, .*tells what is left") as raised:
        told(folder.path)
    assert raised.value.message == f"{folder.path}: never sealed, the recording ended in phase {ended}"
    assert judged(folder.path).verdict.outcome == "UNKNOWN"
    folder.write(names.VERDICT, judged(folder.path).json)
    assert told_or_why(folder.path) == str(raised.value)


def test_the_verdict_of_another_run_is_refused(run: Path) -> None:
    """Copied from the folder beside: it would speak for a run that it does not know."""
    (run / names.VERDICT).write_text((STORED / "clean.json").read_text())
    with pytest.raises(EvidenceError, match=r"verdict.json: not the verdict of this run .*lab judge"):
        told(run)


def test_a_verdict_that_was_cut_is_refused_by_name(run: Path) -> None:
    """Half a file is no verdict, and no reason to go on with the half."""
    (run / names.VERDICT).write_text(KEPT[:500])
    with pytest.raises(EvidenceError, match=r"verdict.json: not JSON") as raised:
        told(run)
    assert raised.value.fix == f"make it again: lab judge {run}"
