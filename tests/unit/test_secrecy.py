"""No secret gets into what is kept or shown: tokens and the lab's own API secret, wherever they stand."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from pathlib import Path

import pytest

from lab.batch.runs.one import noted
from lab.clients.journal import Journal
from lab.errors import ClientFailed, LabError
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.rig.engine import words
from lab.rig.standing.server import Credentials, token
from lab.secrecy import redacted
from tests.unit.evidence.test_store import SCENARIO

KEY = Credentials()
TOKEN = token(KEY, "room", "publisher", 60)
LOG = f"connecting to ws://10.0.0.1:7880/rtc?access_token={TOKEN}&sdk=python\nkeys: {KEY.secret}\n"


def hides_all(text: str) -> bool:
    """Say whether `text` tells nothing, and tells that it does not."""
    return TOKEN not in text and KEY.secret not in text and "(token)" in text and "(secret)" in text


def test_a_lab_s_secrets_are_known_by_their_shape() -> None:
    """And only they go."""
    assert redacted(LOG) == "connecting to ws://10.0.0.1:7880/rtc?access_token=(token)&sdk=python\nkeys: (secret)\n"


@pytest.mark.parametrize("innocent", ["eyJ", "eyJust one word", "sha256:" + 64 * "a", "lab-5c0ffee-server", ""])
def test_what_only_looks_like_a_secret_stays(innocent: str) -> None:
    """Digests, names of containers, words."""
    assert redacted(innocent) == innocent


def test_no_error_says_a_secret() -> None:
    """Whatever a container said last, in the message and in what to do about it."""
    error = LabError(f"it ended:\n{words.tail(LOG)}", fix=f"try {TOKEN}")
    assert all(map(hides_all, (str(error), error.message)))
    assert error.fix == "try (token)"


@pytest.mark.parametrize("error", [ClientFailed, ValueError], ids=["foreseen", "unforeseen"])
def test_no_manifest_holds_the_secrets_of_a_run_that_failed(tmp_path: Path, error: type[Exception]) -> None:
    """A client that dies has its last words in the manifest, as the reason."""
    folder = RunFolder.at(tmp_path / "run", SCENARIO, as_written="", resolved="")
    with suppress(error), noted(folder):
        raise error(f"client publisher ended with exit code 1:\n{words.tail(LOG)}")
    manifest = (folder.path / names.MANIFEST).read_text()
    assert hides_all(manifest)
    assert "client publisher ended" in json.loads(manifest)["phases"][-1]["facts"]["why"]


def test_no_file_of_a_run_holds_a_secret(tmp_path: Path) -> None:
    """Neither one that is written whole nor one that grows."""
    folder = RunFolder.at(tmp_path / "run", SCENARIO, as_written="", resolved="")
    folder.write(names.SERVER_LOG, LOG)
    folder.append(names.STEPS, json.dumps(LOG))
    assert hides_all((folder.path / names.SERVER_LOG).read_text())
    assert hides_all((folder.path / names.STEPS).read_text())


def test_no_client_s_journal_holds_a_secret(tmp_path: Path) -> None:
    """The SDK may say with which address it failed."""
    with closing(Journal.create(tmp_path)) as journal:
        journal.note("error", text=LOG)
    assert hides_all((tmp_path / "events.jsonl").read_text())
