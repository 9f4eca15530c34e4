"""What LiveKit says of itself: its account of each track, taken from its debug log, and its `/debug/rooms`.

Law: only numbers, names and identities are taken, of one room alone; a line that does not hold what version 1.13 wrote
there is refused by its place. An account is whole when every stream that began has ended.
Source: livekit-server v1.13.5, pkg/sfu/{buffer/buffer_base,downtrack,receiver_base}.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import EvidenceError
from lab.evidence.accounts import DescribedTrack, ServerForwarder, ServerTrack
from lab.evidence.decode import decode, parse
from lab.evidence.lines import read_bare

_STATS, _FORWARDER, _TRACK = "rtp stats", "closing forwarder", "onMediaTrack"
_OPENING = {
    "rtp receiver stream start": "upstream",
    "rtp sender stream start": "downstream",
    "starting forwarder": _FORWARDER,
}
_MESSAGES = (_STATS, _FORWARDER, _TRACK, *_OPENING)
_RESTARTED = "stream-restart"
_COUNTS = {
    "extStartSN": "first_seq",
    "extHighestSN": "last_seq",
    "packetsExpected": "packets_expected",
    "packetsSeenPrimary": "packets_seen",
    "packetsLost": "packets_lost",
    "packetsDuplicate": "packets_duplicate",
    "packetsPadding": "packets_padding",
    "frames": "packets_marked",
}
_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"  # RFC 6464
_REFUSED = ("PreStartTimestamp", "OldTimestamp", "PreStartSequenceNumber", "OldSequenceNumber")


@dataclass(frozen=True, kw_only=True)
class ServerAccount:
    """What one room's tracks came to; `unfinished` are the participants with a stream that began and has not ended."""

    tracks: tuple[ServerTrack, ...] = ()
    forwarders: tuple[ServerForwarder, ...] = ()
    described: tuple[DescribedTrack, ...] = ()
    unfinished: frozenset[str] = frozenset()


def account(log: str, room: str) -> ServerAccount:
    """Take the account of `room` out of the server's log (JSON lines, level debug). Raises EvidenceError."""
    tracks, forwarders, described = list[ServerTrack](), list[ServerForwarder](), list[DescribedTrack]()
    opened, closed = set[tuple[str, ...]](), set[tuple[str, ...]]()
    for where, said in _lines(log, room):
        message, whose = said["msg"], (str(said.get("participant")), str(said.get("trackID")))
        if message in _OPENING:
            opened.add((*whose, _OPENING[message]))
        elif message == _TRACK:
            described.append(_description(said, where))
        elif message == _FORWARDER:
            forwarders.append(_forwarder(said, where))
            closed.add((*whose, _FORWARDER))
        else:
            tracks.append(_track(said, where))
            if said.get("reason") != _RESTARTED:
                closed.add((*whose, tracks[-1].direction))
    return ServerAccount(
        tracks=tuple(tracks),
        forwarders=tuple(forwarders),
        described=tuple(described),
        unfinished=_whose(opened - closed),
    )


def _whose(streams: Set[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(stream[0] for stream in streams)


def _lines(log: str, room: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and content of the lines that matter; others, some of which are no JSON, are not looked at."""
    wanted = tuple(f'"msg":"{message}"' for message in _MESSAGES)
    for number, text in enumerate(log.splitlines(), 1):
        if f'"room":"{room}"' in text and any(words in text for words in wanted):
            where = f"the server's log:{number}"
            yield where, parse(text, where)


def _track(said: Mapping[str, Any], where: str) -> ServerTrack:
    counts = decode(Mapping[str, Any], said.get("stats"), f"{where}: stats")  # type: ignore[type-abstract]
    refused = [counts.get(f"packetsDropped{why}") for why in _REFUSED]
    fields = _named(said, where) | {name: counts.get(key) for key, name in _COUNTS.items()}
    fields |= {"direction": said.get("direction"), "ssrc": said.get("ssrc")}
    fields["packets_dropped"] = sum(decode(tuple[int, ...], refused, where)) if None not in refused else None
    return decode(ServerTrack, fields, where)


def _forwarder(said: Mapping[str, Any], where: str) -> ServerForwarder:
    counts = {"forwarded": said.get("numPacketsForwarded"), "dropped": said.get("numPacketsDropped")}
    return decode(ServerForwarder, _named(said, where) | counts, where)


def _description(said: Mapping[str, Any], where: str) -> DescribedTrack:
    """Take what the session description, as it was answered, says of a publisher's track."""
    try:
        extensions = said["parameters"]["HeaderExtensions"] or ()
        number = next((each["ID"] for each in extensions if each["URI"] == _LEVEL), None)
        codec = said["codec"]["MimeType"]
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"{where}: not what LiveKit 1.13 says of a track: {error}", fix="record again") from error
    fields = {"participant": said.get("participant"), "codec": codec, "level_id": number}
    return decode(DescribedTrack, fields, where)


def _named(said: Mapping[str, Any], where: str) -> dict[str, Any]:
    t_ns = round(decode(float, said.get("ts"), f"{where}: ts") * 1e9)
    return {"t_ns": t_ns, "participant": said.get("participant"), "track": said.get("trackID")}


def track_lines(found: ServerAccount) -> tuple[str, ...]:
    """Return `found` as the lines of `server/tracks.jsonl`, without line breaks: one object each, under its kind."""
    kinds = (("track", found.tracks), ("forwarder", found.forwarders), ("described", found.described))
    return tuple(json.dumps({kind: asdict(each)}, separators=(",", ":")) for kind, group in kinds for each in group)


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One line of `server/tracks.jsonl`."""

    track: ServerTrack | None = None
    forwarder: ServerForwarder | None = None
    described: DescribedTrack | None = None


def read_tracks(path: Path) -> ServerAccount:
    """Read `server/tracks.jsonl`. EvidenceError with file:line for a torn or foreign one."""
    lines = [decode(_Line, line.fields, line.where) for line in read_bare(path)]
    return ServerAccount(
        tracks=tuple(line.track for line in lines if line.track),
        forwarders=tuple(line.forwarder for line in lines if line.forwarder),
        described=tuple(line.described for line in lines if line.described),
    )


def room_json(answer: str, room: str, t_ns: int) -> str:
    """Return what `server/rooms.json` keeps of the `answer` of /debug/rooms: `room` alone. Raises EvidenceError."""
    where = "/debug/rooms"
    rooms = decode(tuple[Mapping[str, Any], ...], parse(f'{{"rooms": {answer}}}', where)["rooms"], where)
    found = next((each for each in rooms if each.get("Name") == room), None)
    if found is None:
        raise EvidenceError(f"{where}: no room {room}", fix="the server closed it, or is another version")
    return json.dumps({"t_ns": t_ns, "room": found}, indent=1)
