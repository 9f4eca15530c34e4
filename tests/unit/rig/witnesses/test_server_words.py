"""The server's own words: asked before the clients leave, waited for until every track is closed, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.server_log import read_tracks
from lab.evidence.store import RunFolder
from lab.rig.engine.engine import Outcome
from lab.rig.standing.lab import Lab
from lab.rig.witnesses import server_words
from lab.secrecy import redacted
from tests.fakes.engine import FakeEngine
from tests.unit.evidence.test_server_log import CLOSED, OPENED, ROOM, ROOMS, log
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import scenario

PLAIN = scenario({"publisher": "publisher", "subscriber": "subscriber"}, ())


class Speaking(FakeEngine):
    """An engine whose server says more each time it is asked for its log, and answers requests with `answer`."""

    said_then: Sequence[str] = ()
    answer: Outcome | EnvironmentFault = Outcome(exit_code=0, stdout="", stderr="")
    patience_s: float = 0.0

    def logs(self, container: str) -> str:
        """Return the next log; the last one for ever."""
        first, *rest = self.said_then
        self.said_then = rest or [first]
        return first

    def execute(self, container: str, argv: Sequence[str], **given: Any) -> Outcome:
        """Answer, or take too long."""
        self.patience_s = given["timeout_s"]
        if isinstance(self.answer, EnvironmentFault):
            raise self.answer
        return self.answer


@pytest.fixture
def engine() -> Speaking:
    """Give an engine whose server has said nothing."""
    return Speaking()


@pytest.fixture
def lab(engine: Speaking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Give a lab whose clock only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    made = on_fake(engine, tmp_path, PLAIN)
    made.server, made.server_configuration = "server", "port: 1\n"
    return made


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Give a run folder."""
    return run_folder(tmp_path, PLAIN)


def test_the_last_track_is_waited_for(engine: Speaking, lab: Lab, folder: RunFolder) -> None:
    """The log is kept as it was when every track was closed in it, and so is what it says of them."""
    engine.said_then = [log(*OPENED), log(*OPENED, *CLOSED[:2]), log(*OPENED, *CLOSED)]
    server_words.keep_last_words(lab, folder, ROOM)
    found = read_tracks(folder.path / names.SERVER_TRACKS)
    assert ([each.direction for each in found.tracks], len(found.forwarders)) == (["downstream", "upstream"], 1)
    assert "closing forwarder" in (folder.path / names.SERVER_LOG).read_text()
    assert "eyJ" not in (folder.path / names.SERVER_LOG).read_text()
    assert not (folder.path / "server/tracks.log").exists()


def test_a_track_that_stays_open_is_not_waited_for_for_ever(engine: Speaking, lab: Lab, folder: RunFolder) -> None:
    """A client that was killed keeps its track open for 15 s; what there is is kept, and that it is not all."""
    engine.said_then = [log(*OPENED, *CLOSED[:1])]
    server_words.keep_last_words(lab, folder, ROOM)
    assert len(read_tracks(folder.path / names.SERVER_TRACKS).tracks) == 1
    assert "the tracks of publisher are still open" in (folder.path / "server/tracks.log").read_text()


def test_nobody_waits_for_a_crowd(engine: Speaking, lab: Lab, folder: RunFolder) -> None:
    """It is ended without leaving, and its tracks are nobody's evidence."""
    crowd = [line.replace('"publisher"', '"crowd-1"').replace('"subscriber"', '"crowd-2"') for line in OPENED]
    engine.said_then = [log(*OPENED, *crowd, *CLOSED), "asked again"]
    server_words.keep_last_words(lab, folder, ROOM)
    assert len(read_tracks(folder.path / names.SERVER_TRACKS).tracks) == 2
    assert not (folder.path / "server/tracks.log").exists()


@pytest.mark.parametrize("words", ["", log(CLOSED[0].replace("extStartSN", "start"))])
def test_a_log_that_says_nothing_leaves_no_account(engine: Speaking, lab: Lab, folder: RunFolder, words: str) -> None:
    """Another level of logging, or another version: the log is kept all the same."""
    engine.said_then = [words]
    server_words.keep_last_words(lab, folder, ROOM)
    assert not (folder.path / names.SERVER_TRACKS).exists()
    assert (folder.path / names.SERVER_LOG).read_text() == redacted(words)
    assert (folder.path / "server/tracks.log").exists() == bool(words)


def test_the_room_is_kept_without_tokens(engine: Speaking, lab: Lab, folder: RunFolder) -> None:
    """As the server answered, and when."""
    rooms = json.loads(json.dumps(ROOMS))
    rooms[1]["Metadata"] = "eyJhbGciOiJIUzI1NiJ9.e.s"
    engine.answer = Outcome(exit_code=0, stdout=json.dumps(rooms), stderr="")
    server_words.keep_rooms(lab, folder, ROOM)
    kept = json.loads((folder.path / names.SERVER_ROOMS).read_text())
    assert (kept["room"]["Name"], kept["room"]["Metadata"]) == (ROOM, "(token)")


def test_what_it_ran_with_and_counted_is_kept(engine: Speaking, lab: Lab, folder: RunFolder) -> None:
    """The configuration as it was given, the metrics as they were answered; wget gives up before the engine does."""
    engine.answer, engine.said_then = Outcome(exit_code=0, stdout="livekit_rooms 1\n", stderr=""), [""]
    server_words.keep_last_words(lab, folder, ROOM)
    assert (folder.path / names.SERVER_CONFIG).read_text() == "port: 1\n"
    assert (folder.path / names.SERVER_METRICS).read_text() == "livekit_rooms 1\n"
    assert not (folder.path / "server/metrics.log").exists()
    assert engine.patience_s > server_words.ANSWER_S


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Outcome(exit_code=1, stdout="", stderr="download timed out\n"), "did not answer {}: download timed out\n"),
        (Outcome(exit_code=143, stdout="", stderr=""), "did not answer {}: 143\n"),
        (EnvironmentFault("wget: no end after 3 s"), "no end after 3 s"),
    ],
)
def test_why_there_are_no_metrics_and_no_rooms_is_kept(
    engine: Speaking, lab: Lab, folder: RunFolder, answer: Outcome | EnvironmentFault, words: str
) -> None:
    """In its own words, else with its exit code."""
    engine.answer, engine.said_then = answer, [""]
    server_words.keep_rooms(lab, folder, ROOM)
    server_words.keep_last_words(lab, folder, ROOM)
    assert words.format("debug/rooms") in (folder.path / "server/rooms.log").read_text()
    assert words.format("metrics") in (folder.path / "server/metrics.log").read_text()
    assert not (folder.path / names.SERVER_METRICS).exists()


@pytest.mark.parametrize(
    "answer",
    [
        Outcome(exit_code=1, stdout="", stderr="download timed out"),
        Outcome(exit_code=0, stdout="<html>", stderr=""),
        EnvironmentFault("wget: no end after 3 s"),
    ],
)
def test_a_server_that_does_not_answer_fails_no_run(
    engine: Speaking, lab: Lab, folder: RunFolder, answer: Outcome | EnvironmentFault
) -> None:
    """One that is starved takes longer than anybody waits: a file says so, and there is no room."""
    engine.answer, engine.said_then = answer, [""]
    server_words.keep_rooms(lab, folder, ROOM)
    server_words.keep_last_words(lab, folder, ROOM)
    assert (folder.path / "server/rooms.log").read_text()
    assert not (folder.path / names.SERVER_ROOMS).exists()
