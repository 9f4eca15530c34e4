"""From the entries of `inject:` to faults: who they are put into, and what fits into the media.

Law: a fault that could not show is refused at the field that must change: a sender's fault in a listener, times that
together are longer than the media, a slowness that is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from types import UnionType
from typing import assert_never

from lab.faults import (
    KINDS,
    READ_MS,
    SERVER,
    BackendBursts,
    BackendLate,
    BlockLoop,
    CutEnd,
    Fault,
    Filter,
    Mute,
    Overlap,
    Pause,
    PublisherFault,
    RigFault,
    Skip,
    Slow,
    SlowReader,
    SocketBuffer,
    Stall,
    SubscribeLate,
    SubscriberFault,
)
from lab.scenario.faults_written import FaultWritten
from lab.scenario.fields import Written
from lab.scenario.model import Client, Media
from lab.scenario.tree import FieldError, Path
from lab.scenario.units import format_duration

MIN_PAUSE_MS = 50
"""Freezing and thawing takes the engine some 20 ms each."""
_MAX_BUFFER = 4_000_000
_MAX_READ_MS = 1_000
_MAX_SLOWER = 10
_ALONE = RigFault | SubscriberFault | Slow
"""What goes on, or is done once: of two of a kind in one place, the program would do one."""
_Names = Mapping[str, tuple[str, ...]]


def faults(
    written: Sequence[FaultWritten], names: _Names, clients: Sequence[Client], media: Media, *, recorded: bool = False
) -> Iterator[Fault]:
    """Yield what `written` injects; `names` says which clients a written name stands for. FieldError.

    What was `recorded` is told as it was done, also where a part of it was not.
    """
    found: list[Fault] = []
    for position, entry in enumerate(written):
        kind, each = _chosen(entry, ("inject", position))
        path: Path = ("inject", position, kind)
        for whose in _places(kind, each, names, path):
            fault = _fault(kind, each, whose)
            _check_role(fault, clients, path)
            _check(fault, clients, media, path)
            found.append(fault)
            _check_alone(fault, found, path, RigFault if recorded else _ALONE)
            if not recorded:
                _ends(fault, media, path)
            yield fault


def _chosen(written: FaultWritten, path: Path) -> tuple[str, Written]:
    chosen = [(kind, fault) for kind, fault in written if fault is not None]
    if len(chosen) != 1:
        raise FieldError(path, f"exactly one of {', '.join(FaultWritten.model_fields)} is expected per `-` entry")
    return chosen[0]


def _places(kind: str, written: Written, names: _Names, path: Path) -> tuple[Mapping[str, str], ...]:
    """Return where the fault goes, once per client its name stands for; nowhere in particular is one place too."""
    field = next((name for name in ("client", "container") if name in type(written).model_fields), None)
    if field is None:
        return ({},)
    name = getattr(written, field)
    known = {**names, SERVER: (SERVER,)} if field == "container" else names
    if name not in known:
        raise FieldError((*path, field), f'no {field} is called "{name}" (there are: {", ".join(known)})')
    return tuple({field: each} for each in known[name])


def _fault(kind: str, written: Written, whose: Mapping[str, str]) -> Fault:
    """Return the value of `written`: `length` there is `length_ms` here, for the units are gone."""
    values = {**dict(written), **whose}
    units = ("", "_ms", "_bytes")
    named = {field.name for field in fields(KINDS[kind])}
    return KINDS[kind](**{next(n for u in units if (n := name + u) in named): v for name, v in values.items()})


def _check_role(fault: Fault, clients: Sequence[Client], path: Path) -> None:
    if isinstance(fault, RigFault):
        return
    idle, does = ("subscriber", "publishes") if isinstance(fault, PublisherFault) else ("publisher", "hears")
    if any(client.name == fault.client and client.role == idle for client in clients):
        raise FieldError((*path, "client"), f'"{fault.client}" {does} nothing; name a client that does')


def _check(fault: Fault, clients: Sequence[Client], media: Media, path: Path) -> None:
    if isinstance(fault, PublisherFault):
        _check_publisher(fault, clients, media, path)
    elif isinstance(fault, SubscriberFault):
        _check_subscriber(fault, media, path)
    else:
        _check_rig(fault, media, path)


def _check_alone(fault: Fault, found: Sequence[Fault], path: Path, alone: UnionType) -> None:
    """Refuse a second fault of the kinds `alone`, which hold their place for as long as they last."""
    others = [each for each in found[:-1] if type(each) is type(fault)]
    if isinstance(fault, alone) and any(_place(each) == _place(fault) for each in others):
        raise FieldError(path, "is given twice for the same place; remove one")


def _place(fault: Fault) -> str:
    """Return whose container the fault is in; one that names none is in the server's."""
    match fault:
        case Pause():
            return fault.container
        case Filter() | SocketBuffer():
            return SERVER
        case _:
            return fault.client


def _check_publisher(fault: PublisherFault, clients: Sequence[Client], media: Media, path: Path) -> None:
    match fault:
        case Stall() | BackendLate() | BlockLoop() | Mute():
            _fits(fault.length_ms, fault.times, media, path)
        case Overlap():
            _fits(fault.length_ms, fault.times, media, path)
            _whole_frames(fault.length_ms, "length", media, path)
            _more_than_the_queue(fault, clients, path)
        case BackendBursts():
            _fits(fault.gap_ms, 1, media, path, "gap")
            _whole_frames(fault.every_ms, "every", media, path)
        case Slow():
            _between(fault.per_frame_ms, media.frame_ms, _MAX_SLOWER * media.frame_ms, (*path, "per_frame"))
        case Skip():
            pass
        case _:
            assert_never(fault)


def _check_subscriber(fault: SubscriberFault, media: Media, path: Path) -> None:
    match fault:
        case SlowReader():
            _between(fault.per_frame_ms, READ_MS, _MAX_READ_MS, (*path, "per_frame"))
            if fault.capacity_ms % READ_MS or not fault.capacity_ms:
                message = f"{fault.capacity_ms}ms: a multiple of {READ_MS}ms above 0 is expected"
                raise FieldError((*path, "capacity"), message)
        case SubscribeLate() | CutEnd():
            _fits(fault.by_ms, 1, media, path, "by")
        case _:
            assert_never(fault)


def _check_rig(fault: RigFault, media: Media, path: Path) -> None:
    match fault:
        case Pause():
            if fault.length_ms < MIN_PAUSE_MS:
                raise FieldError((*path, "length"), f"{fault.length_ms}ms: at least {MIN_PAUSE_MS}ms is expected")
            _fits(fault.length_ms, fault.times, media, path)
        case Filter():
            if fault.drop >= fault.every:
                raise FieldError((*path, "drop"), f"{fault.drop} of {fault.every} is everything; use fewer")
        case SocketBuffer():
            if not 0 < fault.size_bytes <= _MAX_BUFFER:
                raise FieldError((*path, "size"), f"{fault.size_bytes}B: 1B to {_MAX_BUFFER}B is expected")
        case _:
            assert_never(fault)


def _fits(length_ms: int, times: int, media: Media, path: Path, field: str = "length") -> None:
    if not 0 < length_ms * times < media.duration_ms:
        message = f"{times} times {length_ms}ms does not fit into {media.duration_ms}ms of media"
        raise FieldError((*path, field), message)


def _ends(fault: Fault, media: Media, path: Path) -> None:
    """Refuse what moves no schedule and would outlast the media: each begins in the middle of its share."""
    if not isinstance(fault, Overlap | Pause) and not (isinstance(fault, Mute) and fault.pushing):
        return
    most_ms = media.duration_ms // (2 * fault.times)
    if fault.length_ms > most_ms:
        begins = format_duration(media.duration_ms - most_ms)
        message = f"{fault.length_ms}ms would outlast the media of {media.duration_ms}ms: the last begins at {begins}"
        raise FieldError((*path, "length"), f"{message}; give at most {most_ms}ms, or more media")


def _whole_frames(length_ms: int, field: str, media: Media, path: Path) -> None:
    if not 0 < length_ms < media.duration_ms or length_ms % media.frame_ms:
        message = f"{length_ms}ms: a multiple of {media.frame_ms}ms, shorter than the media, is expected"
        raise FieldError((*path, field), message)


def _more_than_the_queue(fault: Overlap, clients: Sequence[Client], path: Path) -> None:
    queue_ms = next(client.queue_ms for client in clients if client.name == fault.client)
    if fault.length_ms <= queue_ms:
        message = f"{fault.length_ms}ms fit into the queue of {queue_ms}ms and nothing would be refused"
        raise FieldError((*path, "length"), message)


def _between(value: float, above: float, most: float, path: Path) -> None:
    if not above < value <= most:
        raise FieldError(path, f"{value:g}ms: more than {above:g}ms, at most {most:g}ms is expected")
