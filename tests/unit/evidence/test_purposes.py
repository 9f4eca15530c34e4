"""What a piece of a recording would have decided."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from lab.evidence import names
from lab.evidence.purposes import purpose

RECORDINGS = Path(__file__).parents[2] / "replay" / "recordings"


@pytest.mark.parametrize("recording", ["clean", "jitter"])
def test_every_file_that_is_judged_has_a_purpose_and_no_other(recording: str) -> None:
    """In real recordings: whatever may make an answer UNKNOWN can say what it would have told."""
    with tarfile.open(RECORDINGS / f"{recording}.tar.xz") as archive:
        files = {member.name.partition("/")[2] for member in archive if member.isfile()}
    judged = {name for name in files if names.is_judged(name)}
    assert names.CORE_TAP in judged
    assert {name for name in files if purpose(name)} == judged


def test_the_first_that_fits_speaks() -> None:
    """A cgroup's file is no file of the machine as a whole; a log is nobody's evidence."""
    assert purpose("host/cgroup-server.jsonl") == "a starved or paused container from slow code"
    assert purpose("host/exit.json") == "whether the machine's witnesses ended by themselves"
    assert purpose("clients/a/frames.jsonl") == "push from send"
    assert purpose(names.SERVER_LOG) == ""
