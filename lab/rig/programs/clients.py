"""The clients of one run: started before the media, told when to push, waited for, and their leavings collected.

The contract, which foreign programs can meet too: environment (LIVEKIT_URL, LIVEKIT_TOKEN, LAB_DIR), files under
LAB_DIR, SIGTERM to end, a grace, then kill. Our own programs also read LAB_DIR/config.json, wait for LAB_DIR/join
before they connect, and for LAB_DIR/go before they push.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.errors import ClientFailed, EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.faults import ClientFault, written
from lab.rig.layout.containers import Program, open_to_programs
from lab.rig.layout.lifetime import TRANSITION_MS
from lab.rig.layout.topology import SIGNAL_PORT
from lab.rig.process.parallel import side_by_side
from lab.rig.programs import programs
from lab.rig.programs.programs import replace_now
from lab.rig.standing import server
from lab.rig.standing.lab import Lab
from lab.scenario.model import Client, Limits, Media, Scenario, Sound

MODULE = "lab.clients.__main__"
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started client, and where its files are."""

    client: Client
    program: programs.Running
    folder: Path

    @property
    def container(self) -> str:
        """Its container's id."""
        return self.program.container

    def events(self) -> list[str]:
        """Return the names of the events it has written so far."""
        try:
            lines = (self.folder / names.CLIENT_EVENTS).read_text().splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line).get("event", "") for line in lines if line.endswith("}")]


def frames_total(scenario: Scenario) -> int:
    """Return how many times a publisher pushes: for settle, control, media and the allowance for changes."""
    media = scenario.media
    return pushes(media.whole_ms + TRANSITION_MS, media)


def pushes(length_ms: int, media: Media) -> int:
    """Return how many pushes begin within `length_ms`."""
    return -(-length_ms // media.frame_ms)


def client_config(scenario: Scenario, client: Client) -> Mapping[str, Any]:
    """Return what `client` is told in its config.json."""
    media = scenario.media
    publishers = [c.name for c in scenario.clients if c.role != "subscriber" and c.name != client.name]
    audible = publishers if client.role != "publisher" else []
    return {
        "format": 1,
        "role": client.role,
        "audio": names.CLIENT_AUDIO if media.audio and client.role != "subscriber" else None,
        "frame_ms": media.frame_ms,
        "sample_rate": media.sample_rate,
        "frames_total": frames_total(scenario),
        "media_frame": pushes(media.before_ms, media),
        "media_frames": pushes(media.duration_ms, media),
        "bitrate_bps": media.bitrate_bps,
        "red": media.red,
        "dtx": media.dtx,
        "queue_ms": client.queue_ms,
        "ahead_ms": client.ahead_ms,
        "inject": _faults(scenario, client),
        "peers": audible,
        "audible": audible,
    }


def _faults(scenario: Scenario, client: Client) -> list[Mapping[str, Any]]:
    """Return the faults that `client`'s own program is to make."""
    own = (fault for fault in scenario.inject if isinstance(fault, ClientFault) and fault.client == client.name)
    return [written(fault) for fault in own]


@contextmanager
def started(lab: Lab, scenario: Scenario, folder: RunFolder, room: str) -> Iterator[tuple[Running, ...]]:
    """Start every client, subscribers and publishers alike; on exit end them, and keep their logs."""
    running: list[Running] = []

    def start(client: Client) -> None:
        running.append(_start(lab, scenario, client, folder, room))

    try:
        side_by_side(partial(start, client) for client in scenario.clients)
        yield tuple(running)
    finally:
        side_by_side(partial(programs.finish, lab, each.program, folder) for each in running)


def _start(lab: Lab, scenario: Scenario, client: Client, folder: RunFolder, room: str) -> Running:
    place = f"{names.CLIENTS}/{client.name}"
    if scenario.media.audio and client.role != "subscriber":
        folder.write(f"{place}/{names.CLIENT_AUDIO}", _sound(scenario.media.audio))
    folder.write(f"{place}/{names.CLIENT_CONFIG}", json.dumps(client_config(scenario, client), indent=1))
    open_to_programs(folder.path / place)
    program = Program(
        part=names.container(client.name),
        module=MODULE,
        sdk=client.sdk,
        node=lab.nodes[client.name],
        limits=client.limits,
        once=client.limits != Limits() or client.after_join != Limits(),
    )
    environment = {
        "LIVEKIT_URL": f"ws://{lab.topology.server.ip}:{SIGNAL_PORT}",
        "LIVEKIT_TOKEN": server.token(lab.credentials, room, client.name, lab.identity.deadline_s),
    }
    running = programs.start(lab, program, folder, place, environment)
    return Running(client=client, program=running, folder=folder.path / place)


def _sound(audio: Sound) -> bytes:
    """Return the sound file's bytes, which are still the ones that the scenario was resolved with. EnvironmentFault."""
    try:
        content = audio.path.read_bytes() if audio.path else b""
    except OSError as error:
        raise EnvironmentFault(f"{audio.file}: cannot be read ({error.strerror})", fix="it was there before") from error
    if hashlib.sha256(content).hexdigest() != audio.sha256:
        raise EnvironmentFault(f"{audio.file} changed since the scenario was read", fix="run it again")
    return content


def wait_for(clients: Sequence[Running], event: str, deadline_s: float) -> tuple[Running, ...]:
    """Wait until every client has written `event`; return those that had not when the deadline came or they gave up.

    A client that gave up (exit code 3: it could not connect, or heard nothing) is evidence, to be judged.
    Raises ClientFailed, with its last words, for a client that died of anything else.
    """
    until = time.monotonic() + deadline_s
    waiting = without(clients, event)
    while waiting and time.monotonic() < until:
        if [each for each in waiting if _gave_up(each)]:
            return without(waiting, event)
        time.sleep(POLL_S)
        waiting = without(waiting, event)
    return waiting


def without(clients: Sequence[Running], event: str) -> tuple[Running, ...]:
    """Return the clients that have not written `event` yet; reads their files alone, and asks no engine."""
    return tuple(each for each in clients if event not in each.events())


def check_alive(clients: Sequence[Running]) -> None:
    """Raise ClientFailed, with its last words, for the first client that has ended."""
    for each in clients:
        if _gave_up(each):
            raise ClientFailed(f"client {each.client.name} lost its connection for good", fix="see its log")


def _gave_up(running: Running) -> bool:
    end = running.program.fork.end()
    if end is None:
        return False
    if end.exit_code == GAVE_UP:
        return True
    raise ClientFailed(f"client {running.client.name} {programs.how(running.program, end)}")


def admit(clients: Sequence[Running]) -> None:
    """Tell every client that the server is there to be joined."""
    for each in clients:
        replace_now(each.folder / "join", "{}")


def release(clients: Sequence[Running], start_monotonic_ns: int) -> None:
    """Tell every client when the first frame is due, on the machine's CLOCK_MONOTONIC that all containers share."""
    for each in clients:
        replace_now(each.folder / "go", json.dumps({"start_monotonic_ns": start_monotonic_ns}))


GAVE_UP = 3
"""Exit code of a client program that could not connect, or got no media, in time."""
