"""From what is written to what will be done: `resolve` is the one way between the two.

Law: what two fields say together is checked here, with the path of the field that must change; nothing is
adjusted to make it fit.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import Literal

from lab.scenario import expectations
from lab.scenario.injecting import faults
from lab.scenario.links import links, timeline
from lab.scenario.media import media as audio
from lab.scenario.model import Change, Client, Crowd, Limits, Media, Scenario, Server
from lab.scenario.tree import FieldError, Path
from lab.scenario.written import (
    SHORT_FORM,
    ClientWritten,
    CrowdWritten,
    LimitsWritten,
    ScenarioWritten,
    ServerWritten,
)

VERSION = 1
MAX_CLIENTS = 50
MAX_CHANGES = 400
"""More would make a resolved scenario that the guard refuses to read back."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_NAME_IN_WORDS = "lower case letters, digits and dashes are expected, 64 at most"
_RESERVED = frozenset({"server", "router", "background", "crowd", "pacer", "core", "open"})
"""What the lab calls its own containers and segments."""
_CLIENT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_SHORT_FORM = {name: ClientWritten(role=role) for name, role in SHORT_FORM.items()}
_Names = Mapping[str, tuple[str, ...]]


def resolve(written: ScenarioWritten, *, name: str, folder: File | None = None, recorded: bool = False) -> Scenario:
    """Return the scenario that `written` describes, its `sweep` aside: that is about many of them.

    `name`, the file's, counts where none is written; `folder` is where its files are, None nowhere. What was `recorded`
    is read also where it would be refused today. FieldError where fields contradict.
    """
    _check_version(written.version)
    media = audio(written.media, folder)
    people = _SHORT_FORM if written.clients is None else written.clients
    names = _names(people)
    clients = tuple(_client(each, client) for each, client in people.items() for each in _spread(each, client))
    _check_flow(clients)
    _check_pushes(clients, media)
    scenario_links = links(written.links, names, media.duration_ms)
    blocked = any(side.block for link in scenario_links for side in (link.up, link.down))
    return Scenario(
        version=written.version,
        description=written.description,
        seed=_seed(written.seed, written.name or name),
        media=media,
        clients=clients,
        links=scenario_links,
        timeline=_changes(written, names, media),
        impair_only=written.impair_only,
        impair=_impair(written, blocked),
        server=_server(written.server),
        inject=tuple(faults(written.inject, names, clients, media, recorded=recorded)),
        expect=tuple(
            expectations.expectations(
                expectations.DEFAULT if written.expect is None else written.expect, recorded=recorded
            )
        ),
        # Last, so that what a file is called hides nothing of what is wrong in it.
        name=_file_name(name) if written.name is None else _checked_name(written.name),
    )


def _check_version(version: int) -> None:
    if version > VERSION:
        raise FieldError(("version",), f"{version} needs a newer lab; this one reads version {VERSION}")
    if version < VERSION:
        raise FieldError(("version",), f"{version} never existed; write version: {VERSION}")


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FieldError(("name",), f"{name!r}: {_NAME_IN_WORDS}")
    return name


def _file_name(name: str) -> str:
    """Return the file's `name` as the scenario's; where it cannot be one, the FieldError says what to write."""
    if not _NAME.fullmatch(name):
        near = re.sub("[^a-z0-9]+", "-", name.lower())[:64].strip("-") or "my-call"
        message = f"the file's name, {name!r}, cannot serve as `name:` ({_NAME_IN_WORDS}); add name: {near}"
        raise FieldError((), message)
    return name


def _seed(written: int | None, name: str) -> int:
    return written if written is not None else int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _impair(written: ScenarioWritten, blocked: bool) -> Literal["after_join", "from_start"]:
    if blocked and written.impair == "after_join":
        raise FieldError(("impair",), "a blocked protocol stands in the way from the start; write from_start")
    return written.impair or ("from_start" if blocked else "after_join")


def _spread(name: str, client: ClientWritten) -> tuple[str, ...]:
    return (name,) if client.count == 1 else tuple(f"{name}-{number}" for number in range(1, client.count + 1))


def _names(people: Mapping[str, ClientWritten]) -> dict[str, tuple[str, ...]]:
    """Return which clients each name stands for: the written ones for all their copies, each copy for itself."""
    names: dict[str, tuple[str, ...]] = {}
    for name, client in people.items():
        copies = _spread(name, client)
        for copy in copies:
            if not _CLIENT_NAME.fullmatch(copy):
                message = f"{copy!r}: lower case letters, digits and dashes are expected, 32 at most"
                raise FieldError(("clients", name), message)
            if copy in _RESERVED or copy.startswith("background-"):
                raise FieldError(("clients", name), f"{copy!r} is the lab's own; rename the client")
            if copy in names:
                raise FieldError(("clients", name), f'two clients would be called "{copy}"; rename one')
        names.update({**{copy: (copy,) for copy in copies}, name: copies})
    return names


def _client(name: str, written: ClientWritten) -> Client:
    path: Path = ("clients", name)
    if written.queue % 10 or written.queue == 0:
        raise FieldError((*path, "queue"), f"{written.queue}ms: a multiple of 10ms above 0 is expected")
    if written.ahead > written.queue:
        raise FieldError((*path, "ahead"), f"{written.ahead}ms does not fit into the queue of {written.queue}ms")
    return Client(
        name=name,
        role=written.role,
        sdk=written.sdk,
        queue_ms=written.queue,
        ahead_ms=written.ahead,
        limits=_limits(written),
        after_join=_limits(written.after_join),
    )


def _check_flow(clients: tuple[Client, ...]) -> None:
    if len(clients) > MAX_CLIENTS:
        raise FieldError(("clients",), f"{len(clients)} clients; one machine runs {MAX_CLIENTS} at most")
    speaks = [client.name for client in clients if client.role != "subscriber"]
    hears = [client.name for client in clients if client.role != "publisher"]
    if not any(speaker != listener for speaker in speaks for listener in hears):
        raise FieldError(("clients",), "nobody hears anybody; give one the role publisher and another subscriber")


def _check_pushes(clients: tuple[Client, ...], media: Media) -> None:
    """Refuse a push that the SDK's queue does not hold: it would be turned away, or wait for itself."""
    for client in clients:
        if client.role != "subscriber" and client.queue_ms < media.frame_ms:
            message = f"{media.frame_ms}ms at a time do not fit into the queue of {client.name}, {client.queue_ms}ms"
            raise FieldError(("media", "frame"), message)


def _changes(written: ScenarioWritten, names: _Names, media: Media) -> tuple[Change, ...]:
    changes = tuple(timeline(written.timeline, written.links, names, media.duration_ms))
    if len(changes) > MAX_CHANGES:
        raise FieldError(("timeline",), f"changes {len(changes)} directions of links; {MAX_CHANGES} are possible")
    return changes


def _server(written: ServerWritten) -> Server:
    if "keys" in written.config:
        raise FieldError(("server", "config", "keys"), "the lab makes keys for each run; leave it out")
    return Server(
        version=written.version,
        config_json=json.dumps(written.config, sort_keys=True, ensure_ascii=False),
        limits=_limits(written),
        after_join=_limits(written.after_join),
        crowd=_crowd(written.crowd),
    )


def _crowd(written: CrowdWritten) -> Crowd:
    if written.camera and not written.publishers:
        raise FieldError(("server", "crowd", "camera"), "nobody has one; give publishers")
    return Crowd(publishers=written.publishers, subscribers=written.subscribers, camera=written.camera)


def _limits(written: LimitsWritten) -> Limits:
    return Limits(cpus=written.cpus, memory_bytes=written.memory)
