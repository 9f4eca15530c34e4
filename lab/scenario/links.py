"""Links: what each direction does to packets from the start, and what the timeline makes of it.

Law: a change is merged as it was written onto what was written before it, and the whole is resolved anew, so
that every state of a link obeys the same rules as one written at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from lab.scenario.fields import Queue
from lab.scenario.model import Background, Change, Direction, Impairment, Link, Loss
from lab.scenario.profiles import Shape, profile
from lab.scenario.tree import FieldError, Path
from lab.scenario.units import format_duration
from lab.scenario.written import BackgroundWritten, ChangeWritten, ImpairmentWritten, LinkWritten, LossWritten

MAX_LINKS = 12
PACKET_BYTES = 1514
"""A full Ethernet frame; a queue that holds less drops every one."""
MAX_QUEUE_BYTES = 2**32 - 1
"""The `limit` of tc's tbf has 32 bits (struct tc_tbf_qopt)."""
_DEFAULT_QUEUE_MS = 200
_MAX_BACKGROUND_BPS = 50_000_000
_DIRECTIONS: tuple[Direction, Direction] = ("up", "down")


@dataclass(frozen=True, kw_only=True)
class _State:
    """Both directions of one client's link, as written so far."""

    up: ImpairmentWritten
    down: ImpairmentWritten


def links(written: Mapping[str, LinkWritten], names: Mapping[str, tuple[str, ...]], end_ms: int) -> tuple[Link, ...]:
    """Return the link of every client; `names` says which clients a written name stands for."""
    resolved = tuple(
        Link(client=client, **{side: _arriving(getattr(state, side), (*path, side), end_ms) for side in _DIRECTIONS})
        for client, (state, path) in _initial(written, names).items()
    )
    if len(resolved) > MAX_LINKS:
        raise FieldError(("links",), f"{len(resolved)} impaired links; the router has room for {MAX_LINKS}")
    return resolved


def timeline(
    changes: list[ChangeWritten], start: Mapping[str, LinkWritten], names: Mapping[str, tuple[str, ...]], end_ms: int
) -> Iterator[Change]:
    """Yield what each change makes of each direction it names; FieldError where time or place is wrong."""
    states = {client: state for client, (state, _) in _initial(start, names).items()}
    before_ms = 0
    for position, change in enumerate(changes):
        path: Path = ("timeline", position)
        if not before_ms < change.at < end_ms:
            message = f"{change.at}ms: times rise, from after 0ms to before the end of the media at {end_ms}ms"
            raise FieldError((*path, "at"), message)
        before_ms = change.at
        if not change.links:
            raise FieldError((*path, "links"), "names no link; say what changes")
        yield from _step(change, path, states, names, end_ms - change.at)


def _step(
    change: ChangeWritten, path: Path, states: dict[str, _State], names: Mapping[str, tuple[str, ...]], left_ms: int
) -> Iterator[Change]:
    for name, link in change.links.items():
        here = (*path, "links", name)
        for client in _clients(name, names, here):
            if client not in states:
                raise FieldError(here, f'has no link to change; add "{name}: {{}}" under links')
            _check_says_something(link, here)
            before, states[client] = states[client], _merged(states[client], link, here)
            for side in _named(link):
                was, becomes = getattr(before, side), getattr(states[client], side)
                state = _arriving(becomes, (*here, side), left_ms if _longest(becomes) > _longest(was) else math.inf)
                yield Change(at_ms=change.at, client=client, direction=side, impairment=state)


def _check_says_something(link: LinkWritten, path: Path) -> None:
    """Refuse a change of a link, or of a direction, that names no field: `{}` reads as if it ended something."""
    empty = [side for side in _DIRECTIONS if side in link.model_fields_set and not getattr(link, side).model_fields_set]
    if empty or not any(_named(link)):
        raise FieldError((*path, *empty[:1]), "changes nothing; say what changes, or write null to end all of it")


def _named(link: LinkWritten) -> Iterator[Direction]:
    return (side for side in _DIRECTIONS if link.profile or side in link.model_fields_set)


def _initial(
    written: Mapping[str, LinkWritten], names: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[_State, Path]]:
    states: dict[str, tuple[_State, Path]] = {}
    clean = _State(up=ImpairmentWritten(), down=ImpairmentWritten())
    for name, link in written.items():
        path: Path = ("links", name)
        for client in _clients(name, names, path):
            if client in states:
                raise FieldError(path, f'a second link for "{client}"; keep one')
            states[client] = (_merged(clean, link, path), path)
    return states


def _clients(name: str, names: Mapping[str, tuple[str, ...]], path: Path) -> tuple[str, ...]:
    if name not in names:
        raise FieldError(path, f'no client is called "{name}" (there are: {", ".join(names)})')
    return names[name]


def _merged(state: _State, link: LinkWritten, path: Path) -> _State:
    if link.profile is not None:
        try:
            named = profile(link.profile)
        except ValueError as error:
            raise FieldError((*path, "profile"), f"{link.profile}: {error}") from error
        state = _State(up=_over(state.up, _written(named.up)), down=_over(state.down, _written(named.down)))
    return _State(up=_over(state.up, link.up), down=_over(state.down, link.down))


def _over(below: ImpairmentWritten, above: ImpairmentWritten) -> ImpairmentWritten:
    return below.model_copy(update={name: getattr(above, name) for name in above.model_fields_set})


def _written(shape: Shape) -> ImpairmentWritten:
    """Return a profile's direction in full, so that in a timeline it also ends what it does not impair."""
    return ImpairmentWritten.model_validate({name: text or None for name, text in asdict(shape).items()})


def _longest(written: ImpairmentWritten) -> float:
    """Return how long (ms) what is sent takes, jitter included as it is written."""
    return (written.delay or 0.0) + (written.jitter or 0.0)


def _arriving(written: ImpairmentWritten, path: Path, left_ms: float) -> Impairment:
    """Return what `written` does while `left_ms` of the media are left; FieldError where nothing arrives in them."""
    state = impairment(written, path)
    if (longest_ms := _longest(written)) >= left_ms:
        added = f"{format_duration(longest_ms)}{' with its jitter' if state.jitter_ms else ''}"
        late = f"what is sent in the {format_duration(left_ms)} of media that are left would arrive after them"
        raise FieldError((*path, "delay"), f"{added}: {late}; give a shorter delay, or more media")
    return state


def impairment(written: ImpairmentWritten, path: Path) -> Impairment:
    """Return what `written` does, every default filled in; FieldError at the field that contradicts another."""
    delay, jitter, block = written.delay or 0.0, written.jitter or 0.0, written.block or []
    if jitter > delay:
        raise FieldError((*path, "jitter"), f"{jitter:g}ms is more than the delay of {delay:g}ms; no packet is early")
    if len(set(block)) != len(block):
        raise FieldError((*path, "block"), "names a protocol twice; remove one")
    return Impairment(
        delay_ms=delay,
        jitter_ms=jitter,
        distribution=written.distribution,
        order=written.order,
        loss=_loss(written.loss, (*path, "loss")),
        rate_bps=written.rate,
        queue_bytes=_queue_bytes(written.queue, written.rate, (*path, "queue")),
        duplicate=written.duplicate or 0.0,
        corrupt=written.corrupt or 0.0,
        outage=written.outage,
        block=tuple(block),
        background=_background(written.background, written.rate, (*path, "background")),
    )


def _loss(written: LossWritten | None, path: Path) -> Loss | None:
    if written is None or written.share == 0:
        return None
    if written.burst is not None and written.share > written.burst / (1 + written.burst):
        most = 100 * written.burst / (1 + written.burst)
        message = f"bursts of {written.burst:g} lose at most {most:.1f}%; use longer bursts, or outage: true"
        raise FieldError((*path, "share"), message)
    return Loss(share=written.share, burst=written.burst)


def _queue_bytes(written: Queue | None, rate_bps: int | None, path: Path) -> int | None:
    if rate_bps is None:
        if written is None:
            return None
        raise FieldError(path, "needs a rate on the same direction; add rate: (for example 400kbit)")
    if written is None:
        return max(math.ceil(rate_bps * _DEFAULT_QUEUE_MS / 8000), 2 * PACKET_BYTES)
    held = written.size_bytes or math.ceil(rate_bps * (written.time_ms or 0.0) / 8000)
    if held < PACKET_BYTES:
        raise FieldError(path, f"holds {held} bytes and would drop every full packet; give at least {PACKET_BYTES}B")
    if held > MAX_QUEUE_BYTES:
        raise FieldError(path, f"holds {held} bytes, more than tc can count; give at most {MAX_QUEUE_BYTES}B")
    return held


def _background(written: BackgroundWritten | None, rate_bps: int | None, path: Path) -> Background | None:
    if written is None:
        return None
    if rate_bps is None:
        raise FieldError(path, "competes with nothing without a rate on the same direction; add rate:")
    if written.rate > _MAX_BACKGROUND_BPS:
        raise FieldError((*path, "rate"), "more than 50mbit; beyond it the emulation itself may drop packets")
    return Background(rate_bps=written.rate, pattern=written.pattern)
