"""The SDK's own statistics, cut down to what the evidence needs.

Field names are W3C webrtc-stats', in snake case. The SDK reports 0 for what it was not told, so 0 may mean "not
reported": nothing here hides that, and nothing here computes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]

_INBOUND = (
    "packets_discarded",
    "fec_packets_received",
    "total_samples_received",
    "concealed_samples",
    "silent_concealed_samples",
    "concealment_events",
    "inserted_samples_for_deceleration",
    "removed_samples_for_acceleration",
    "jitter_buffer_emitted_count",
)


async def sample(own: Sequence[Any], heard: Mapping[Any, str]) -> Record:
    """Ask the SDK about its tracks and return one line's lists `inbound`, `outbound` and `pairs`.

    `own` are the published tracks, `heard` maps each subscribed track to its publisher: only a track's own
    statistics say whose they are, the room's carry random identifiers. Raises what the SDK raises. They are asked one
    after another: the SDK hands every answer to everybody who is waiting for one.
    """
    tracks = [*own, *heard]
    grouped = {track: await _ask(track) for track in tracks}
    return {
        "inbound": [_inbound(s, track, heard[track]) for track in heard for s in grouped[track]["inbound_rtp"]],
        "outbound": [_outbound(s, grouped[track]) for track in own for s in grouped[track]["outbound_rtp"]],
        "pairs": _pairs(grouped[tracks[0]]) if tracks else [],
    }


async def _ask(track: Any) -> Mapping[str, list[Any]]:
    """Return the `RtcStats` messages of `track` by the W3C kind each one carries."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for entry in await track.get_stats():
        kind = entry.WhichOneof("stats")
        found[kind].append(getattr(entry, kind))
    return found


def _inbound(entry: Any, track: Any, publisher: str) -> Record:
    """Return an InboundSample's fields."""
    inbound, received = entry.inbound, entry.received
    return {
        "publisher": publisher,
        "track": track.sid,
        "ssrc": entry.stream.ssrc,
        "packets_received": received.packets_received,
        "packets_lost": received.packets_lost,
        "jitter_s": received.jitter,
        "jitter_buffer_delay_s": inbound.jitter_buffer_delay,
        **{name: getattr(inbound, name) for name in _INBOUND},
    }


def _outbound(entry: Any, by_kind: Mapping[str, list[Any]]) -> Record:
    """Return an OutboundSample's fields; what the far end has not reported yet is 0."""
    ssrc = entry.stream.ssrc
    remote = next((s for s in by_kind["remote_inbound_rtp"] if s.stream.ssrc == ssrc), None)
    return {
        "ssrc": ssrc,
        "packets_sent": entry.sent.packets_sent,
        "bytes_sent": entry.sent.bytes_sent,
        "remote_packets_lost": remote.received.packets_lost if remote else 0,
        "remote_fraction_lost": remote.remote_inbound.fraction_lost if remote else 0.0,
        "round_trip_time_s": remote.remote_inbound.round_trip_time if remote else 0.0,
    }


def _pairs(by_kind: Mapping[str, list[Any]]) -> list[Record]:
    """Return a PairSample's fields for each nominated candidate pair; all tracks share one connection."""
    found = []
    for pair in (s.candidate_pair for s in by_kind["candidate_pair"] if s.candidate_pair.nominated):
        local = _candidate(by_kind["local_candidate"], pair.local_candidate_id)
        remote = _candidate(by_kind["remote_candidate"], pair.remote_candidate_id)
        found.append(
            {
                "local": _address(local),
                "remote": _address(remote),
                "protocol": local.protocol if local else "",
                "round_trip_time_s": pair.current_round_trip_time,
            }
        )
    return found


def _candidate(entries: Iterable[Any], identifier: str) -> Any:
    """Return the candidate called `identifier`, None when it is not listed."""
    return next((s.candidate for s in entries if s.rtc.id == identifier), None)


def _address(candidate: Any) -> str:
    """Return `address:port`, empty when unknown."""
    return f"{candidate.address}:{candidate.port}" if candidate else ""
