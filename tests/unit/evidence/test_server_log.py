"""What LiveKit says of itself: lines as version 1.13.5 wrote them, shortened, and what is made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.errors import EvidenceError
from lab.evidence.server_log import account, read_tracks, room_json, track_lines

ROOM = "052f777cee-4329da"
COUNTS = {
    "packetsExpected": 787, "packetsSeenPrimary": 785, "packetsLost": 2, "packetsDuplicate": 3, "packetsPadding": 4,
    "frames": 1, "extStartSN": 3099, "extHighestSN": 3885, "jitter": 5.5, "lastPli": 0,
}  # fmt: skip
REFUSED = {
    "packetsDroppedPreStartTimestamp": 1, "packetsDroppedOldTimestamp": 0, "packetsDroppedPreStartSequenceNumber": 2,
    "packetsDroppedOldSequenceNumber": 4,
}  # fmt: skip


def said(message: str, participant: str = "publisher", room: str = ROOM, **more: Any) -> str:
    """Return one line of the server's log."""
    fields = {"level": "debug", "ts": 1795375003.5, "logger": "livekit.pub", "msg": message, "room": room}
    return json.dumps(
        {**fields, "participant": participant, "trackID": "TR_a", "token": "eyJhbGciOiJIUzI1NiJ9.e.s", **more},
        separators=(",", ":"),
    )


UP = said("rtp stats", direction="upstream", ssrc=159, mime="audio/red", reason="close", stats=COUNTS | REFUSED)
DOWN = said("rtp stats", "subscriber", direction="downstream", ssrc=144, stats=COUNTS, statsRTX={})
FORWARDER = said("closing forwarder", numPacketsForwarded=787, numPacketsDropped=1, layer=0, error="EOF")
OPENED = (
    said("starting forwarder"),
    said("rtp receiver stream start"),
    said("rtp sender stream start", "subscriber"),
)
CLOSED = (DOWN, UP, FORWARDER)


def log(*lines: str) -> str:
    """Return a log with `lines`, and words of others between them that are no JSON."""
    return "\n".join(f"{line}\nWarning: rtp stats of the operating system" for line in lines)


def test_each_direction_of_a_track_is_an_account() -> None:
    """Numbers and names alone; what was refused is added up, and where nobody counts it, it is unknown."""
    found = account(log(*OPENED, *CLOSED), ROOM)
    down, up = found.tracks
    assert (up.participant, up.track, up.direction, up.ssrc, up.t_ns) == (
        "publisher", "TR_a", "upstream", 159, 1_795_375_003_500_000_000,
    )  # fmt: skip
    assert (up.first_seq, up.last_seq, up.packets_expected, up.packets_seen, up.packets_lost) == (
        3099, 3885, 787, 785, 2,
    )  # fmt: skip
    assert (up.packets_duplicate, up.packets_padding, up.packets_marked, up.packets_dropped) == (3, 4, 1, 7)
    assert (down.participant, down.direction, down.ssrc, down.packets_dropped) == (
        "subscriber",
        "downstream",
        144,
        None,
    )
    (forwarder,) = found.forwarders
    assert (forwarder.participant, forwarder.track, forwarder.forwarded, forwarder.dropped) == (
        "publisher", "TR_a", 787, 1,
    )  # fmt: skip


@pytest.mark.parametrize(("missing", "whose"), [(DOWN, "subscriber"), (UP, "publisher"), (FORWARDER, "publisher")])
def test_who_has_not_finished_is_told(missing: str, whose: str) -> None:
    """Each of the three lines is waited for; a restart ends nothing; a room in which nothing began is whole."""
    assert account(log(*OPENED, *CLOSED), ROOM).unfinished == set()
    assert account(log(*OPENED, *(line for line in CLOSED if line != missing)), ROOM).unfinished == {whose}
    restarted = account(log(*OPENED, DOWN, UP.replace("close", "stream-restart"), FORWARDER), ROOM)
    assert (restarted.unfinished, len(restarted.tracks)) == ({"publisher"}, 2)
    assert account("", ROOM).unfinished == set()


def test_other_rooms_are_none_of_ours() -> None:
    """A lab is shared by runs, and each has a room."""
    found = account(log(*(line.replace(ROOM, "another") for line in (*OPENED, *CLOSED)), UP), ROOM)
    assert (len(found.tracks), len(found.forwarders), found.unfinished) == (1, 0, set())


@pytest.mark.parametrize(
    "line",
    [
        UP.replace("packetsSeenPrimary", "packetsSeen"),
        UP.replace('"upstream"', '"sideways"'),
        UP.replace("785", '"785"'),
        UP[:-1],
        FORWARDER.replace("numPacketsForwarded", "forwarded"),
        said("rtp stats", direction="upstream", ssrc=159),
    ],
)
def test_a_line_of_another_version_is_refused_by_its_place(line: str) -> None:
    """Nothing is taken for zero."""
    with pytest.raises(EvidenceError, match="the server's log:3"):
        account(log(OPENED[0], line), ROOM)


def test_accounts_survive_the_file_without_secrets(tmp_path: Path) -> None:
    """What was taken is written and read; nothing else of the lines is."""
    found = account(log(*OPENED, *CLOSED), ROOM)
    path = tmp_path / "tracks.jsonl"
    text = "".join(f"{line}\n" for line in track_lines(found))
    path.write_text(text)
    assert read_tracks(path) == found
    assert "eyJ" not in text
    path.write_text(text[:-5])
    with pytest.raises(EvidenceError, match=r"tracks\.jsonl:3: the last line is torn"):
        read_tracks(path)
    path.write_text('{"track":{"t_ns":1}}\n')
    with pytest.raises(EvidenceError, match=r"tracks\.jsonl:1: track: missing"):
        read_tracks(path)


ROOMS = [
    {"Name": "another", "Participants": {}},
    {
        "Name": ROOM,
        "Participants": {
            "publisher": {"ID": "PA_p", "UpTrackManager": {"PublishedTracks": {"TR_a": {"ID": "TR_a"}}}},
            "subscriber": {"ID": "PA_s", "UpTrackManager": {"PublishedTracks": {}}},
        },
    },
]


def test_of_the_rooms_this_run_s_is_kept() -> None:
    """As it was answered; other runs' rooms are not."""
    kept = room_json(json.dumps(ROOMS), ROOM, 5)
    assert json.loads(kept) == {"t_ns": 5, "room": ROOMS[1]}


@pytest.mark.parametrize("answer", ["", "{}", "[1]", "404 page not found", '[{"Name": "another"}]'])
def test_an_answer_without_the_room_is_refused(answer: str) -> None:
    """Another version, a closed room, or no answer at all."""
    with pytest.raises(EvidenceError, match="/debug/rooms"):
        room_json(answer, ROOM, 5)


def test_which_extension_is_the_level_is_in_the_session_description() -> None:
    """Codec and number as answered; a track without the extension has none; another shape is refused by its place."""
    extensions = [{"URI": "urn:ietf:params:rtp-hdrext:sdes:mid", "ID": 4}, {"URI": LEVEL, "ID": 3}]
    parameters = {"HeaderExtensions": extensions}
    lines = (
        said("onMediaTrack", codec={"MimeType": "audio/red"}, parameters=parameters),
        said("onMediaTrack", "other", codec={"MimeType": "audio/opus"}, parameters={"HeaderExtensions": None}),
    )
    found = account(log(*lines), ROOM).described
    assert [(one.participant, one.codec, one.level_id) for one in found] == [
        ("publisher", "audio/red", 3), ("other", "audio/opus", None),
    ]  # fmt: skip
    with pytest.raises(EvidenceError, match="the server's log:1: not what LiveKit"):
        account(said("onMediaTrack", codec={}), ROOM)


LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
