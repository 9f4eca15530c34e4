"""`lab show` of a run's frames and logs, and what it exits with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_exit_codes import Done, lab
from tests.replay.keep import unpacked


@pytest.mark.parametrize(
    ("frames", "why"),
    [("99990-99999", "ask for some of 0-"), ("20-10", "not a range of frames"), ("x", "e.g. 800-820")],
)
def test_2_for_frames_that_are_not_there(tmp_path: Path, frames: str, why: str) -> None:
    """A bad range is refused, and the error says which frames there are, or how a range is written."""
    done = lab("show", unpacked("clean", tmp_path), "--frames", frames)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_log_is_said_to_be_empty(tmp_path: Path) -> None:
    """A client that has nothing to complain of prints nothing; what it did stands elsewhere, and stderr says where."""
    run = unpacked("clean", tmp_path)
    done = lab("show", run, "--logs", "publisher")
    assert (done.returncode, done.stdout) == (0, "")
    events = run / "clients" / "publisher" / "events.jsonl"
    assert "the log of publisher is empty" in done.stderr
    assert "--frames" in done.stderr
    assert str(events) in done.stderr
    assert events.exists()
    (run / "clients" / "publisher" / "log.txt").write_text("a word\n")
    assert lab("show", run, "--logs", "publisher") == Done(returncode=0, stdout="a word\n", stderr="")


def test_5_for_frames_of_a_torn_recording_with_what_is_wrong_above_them(tmp_path: Path) -> None:
    """Where one goes for proof: what the torn file would have shown is not called lost."""
    run = unpacked("clean", tmp_path)
    assert lab("show", run, "--frames", "250").returncode == 0
    capture = run / "captures" / "edge-publisher.pcap"
    capture.write_bytes(capture.read_bytes()[: capture.stat().st_size // 2])
    done = lab("show", run, "--frames", "250")
    assert (done.returncode, done.stderr) == (5, "")
    changed, torn, empty, _, frame = done.stdout.splitlines()
    assert changed.startswith("captures/edge-publisher.pcap: changed since it was sealed")
    assert torn.startswith("captures/edge-publisher.pcap: ends at byte ")
    assert (empty, "not known: captures/edge-publisher.pcap ends at" in frame) == ("", True)
    outside = lab("show", run, "--frames", "99990")
    assert (outside.returncode, outside.stdout) == (5, "")
    assert "captures/edge-publisher.pcap: changed" in outside.stderr
