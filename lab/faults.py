"""The faults that can be put into a call: a closed union, one value per kind, each naming where it is put.

Shared by scenarios and by the programs inside the containers, which are told of them in `config.json`, so it needs the
standard library and nothing else.

Law: the judge never sees these. What really happened, and when, is in the injectors' own logs (`injected.jsonl` of a
client, `router/injected.jsonl`). Times are milliseconds; what happens several times is spread evenly over the media.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SERVER = "server"
"""The container of a `Pause` that is no client's."""
READ_MS = 10
"""What a listener reads at a time."""


@dataclass(frozen=True, kw_only=True)
class Stall:
    """Client fault: it stops pushing for `length_ms`, `times` times; its event loop stays free."""

    client: str
    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Client fault: every `every`-th frame is made but never pushed."""

    client: str
    every: int


@dataclass(frozen=True, kw_only=True)
class BackendLate:
    """Client fault: the program gets its audio `length_ms` late, `times` times."""

    client: str
    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class BackendBursts:
    """Client fault: the program gets `every_ms` of audio at once, each such burst `gap_ms` after it was due."""

    client: str
    every_ms: int
    gap_ms: int


@dataclass(frozen=True, kw_only=True)
class Slow:
    """Client fault: each frame takes the program `per_frame_ms`, more than it lasts; its event loop stays free."""

    client: str
    per_frame_ms: float


@dataclass(frozen=True, kw_only=True)
class BlockLoop:
    """Client fault: synchronous work blocks the event loop for `length_ms`, `times` times."""

    client: str
    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Client fault: `length_ms` of audio is pushed frame by frame without waiting, `times` times."""

    client: str
    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Mute:
    """Client fault: the track is muted right after a push for `length_ms`, `times` times.

    Meanwhile the program goes on `pushing`, or pauses and goes on afterwards where it was.
    """

    client: str
    length_ms: int
    times: int
    pushing: bool


@dataclass(frozen=True, kw_only=True)
class SubscribeLate:
    """Client fault: the listener lets go of its tracks when the media begins and subscribes again `by_ms` later."""

    client: str
    by_ms: int


@dataclass(frozen=True, kw_only=True)
class SlowReader:
    """Client fault: each read of `READ_MS` takes `per_frame_ms` during the media, and the queue holds `capacity_ms`."""

    client: str
    per_frame_ms: float
    capacity_ms: int


@dataclass(frozen=True, kw_only=True)
class CutEnd:
    """Client fault: the listener stops reading `by_ms` before the end of the media."""

    client: str
    by_ms: int


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Machine fault: every process of a client's or the server's container stands still for `length_ms`."""

    container: str
    length_ms: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Server fault: of every `every` packets to the media port, a filter in its namespace drops the first `drop`."""

    drop: int
    every: int


@dataclass(frozen=True, kw_only=True)
class SocketBuffer:
    """Server fault: the receive buffer of its media sockets holds `size_bytes` (SO_RCVBUF, socket(7))."""

    size_bytes: int


PublisherFault = Stall | Skip | BackendLate | BackendBursts | Slow | BlockLoop | Overlap | Mute
SubscriberFault = SubscribeLate | SlowReader | CutEnd
ClientFault = PublisherFault | SubscriberFault
RigFault = Pause | Filter | SocketBuffer
Fault = ClientFault | RigFault

_CLIENT_KINDS: Mapping[str, type[ClientFault]] = {
    "stall": Stall,
    "skip": Skip,
    "backend_late": BackendLate,
    "backend_bursts": BackendBursts,
    "slow": Slow,
    "block_loop": BlockLoop,
    "overlap": Overlap,
    "mute": Mute,
    "subscribe_late": SubscribeLate,
    "slow_reader": SlowReader,
    "cut_end": CutEnd,
}
KINDS: Mapping[str, type[Fault]] = {
    **_CLIENT_KINDS,
    "pause": Pause,
    "filter": Filter,
    "socket_buffer": SocketBuffer,
}
"""The kind of each fault as `inject:` and the logs spell it."""


def kind(fault: Fault) -> str:
    """Return how `inject:` spells the kind of `fault`."""
    return next(name for name, each in KINDS.items() if type(fault) is each)


def written(fault: ClientFault) -> Mapping[str, Any]:
    """Return `fault` as an entry of `inject` in `config.json`."""
    return {"kind": kind(fault), **asdict(fault)}


def read(raw: Mapping[str, Any]) -> ClientFault:
    """Return what `written` wrote; ValueError for a kind or a parameter that is not known, or missing."""
    told = {name: value for name, value in raw.items() if name != "kind"}
    found = _CLIENT_KINDS.get(raw.get("kind", ""))
    if found is None or set(told) != {field.name for field in fields(found)}:
        raise ValueError(f"inject: {dict(raw)} is no fault that this program knows ({', '.join(_CLIENT_KINDS)})")
    return found(**told)
