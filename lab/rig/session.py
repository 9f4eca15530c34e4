"""One run on a standing lab: the story of a recording.

Law: every capture is open before the first client starts and closed after the last packet has left the bump; every
change of the network is read back before it counts; what happened is written down as it happens. Nothing here judges.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import PurePosixPath

from lab.errors import ClientFailed, EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.rig import clients, facts, server
from lab.rig.background import Background, background
from lab.rig.capture import Captures
from lab.rig.clients import Running
from lab.rig.containers import RESULTS
from lab.rig.lab import Lab
from lab.rig.network import Network
from lab.rig.watch import Progress, Watch
from lab.rig.witnesses import witnesses
from lab.scenario.model import Scenario, Stall

JOIN_S = 25.0
"""How long clients may take to connect and hear each other; through a firewall they never will."""
LEAD_S = 0.3
"""From telling the publishers to the first frame's due time, so that all of them know in time."""
DRAIN_S = 1.0
"""From the last frame pushed to the end: jitter buffers empty, statistics are sampled once more."""


def record(lab: Lab, scenario: Scenario, folder: RunFolder, watch: Watch) -> None:
    """Record `scenario` on `lab` into `folder`. Raises ClientFailed, EnvironmentFault, StorageError."""
    folder.put(facts.known(folder.manifest, lab, scenario))
    with ExitStack() as stack:
        watch(Progress(phase="taps"))
        stack.callback(_keep_server_words, lab, folder)
        mounted = PurePosixPath(RESULTS) / folder.path.relative_to(lab.machine.results)
        stack.enter_context(
            Captures(
                engine=lab.machine.engine, router=lab.router, topology=lab.topology, folder=folder.path, mounted=mounted
            )
        )
        stack.enter_context(witnesses(lab, folder.path))
        traffic = stack.enter_context(background(lab, folder.path, scenario.seed))
        network = stack.enter_context(Network(lab.bump, scenario, folder))
        if scenario.impair == "from_start":
            _impair(lab, scenario, network, traffic)
        watch(Progress(phase="join"))
        joined = stack.enter_context(clients.started(lab, scenario, folder.path, lab.new_room()))
        if _all_hear(lab, scenario, joined, folder):
            _media(lab, scenario, joined, _Stage(network, traffic, folder, watch))
    folder.seal()


class _Stage:
    """What the media phase acts on."""

    def __init__(self, network: Network, traffic: Background, folder: RunFolder, watch: Watch) -> None:
        self.network = network
        self.traffic = traffic
        self.folder = folder
        self.watch = watch


def _all_hear(lab: Lab, scenario: Scenario, joined: tuple[Running, ...], folder: RunFolder) -> bool:
    """Wait until every client is ready. Not being heard is evidence when the impairment came first, else a failure."""
    late = clients.wait_for(lab.machine.engine, joined, "ready", JOIN_S)
    folder.phase("joined", ready=not late)
    if late and scenario.impair == "after_join":
        log = server.tail(lab.machine.engine.logs(late[0].container))
        raise ClientFailed(f"client {late[0].client.name} was not ready within {JOIN_S:g} s:\n{log}")
    return not late


def _media(lab: Lab, scenario: Scenario, joined: tuple[Running, ...], stage: _Stage) -> None:
    """Settle, measure the clean control, impair, follow the timeline, and wait for the last frame."""
    media = scenario.media
    start = time.monotonic_ns() + int(LEAD_S * 1e9)
    clients.release(joined, start)
    stage.folder.mark("go_ns", _realtime(start))
    _until(start + media.settle_ms * 1_000_000, "settle", stage.watch)
    stage.folder.mark("control_from_ns", time.time_ns())
    _until(start + (media.settle_ms + media.control_ms) * 1_000_000, "control", stage.watch)
    stage.folder.mark("control_to_ns", time.time_ns())
    if scenario.impair == "after_join":
        _impair(lab, scenario, stage.network, stage.traffic)
    stage.folder.mark("media_from_ns", time.time_ns())
    began = time.monotonic_ns()
    for change in stage.network.timeline():
        due = began + change.at_ms * 1_000_000
        _until(due, "media", stage.watch)
        stage.network.apply(change, _realtime(due))
        stage.traffic.follow(stage.network.in_force)
    _last_frame(lab, scenario, joined, stage.watch)
    stage.folder.mark("media_to_ns", time.time_ns())
    _until(time.monotonic_ns() + int(DRAIN_S * 1e9), "drain", stage.watch)


def _impair(lab: Lab, scenario: Scenario, network: Network, traffic: Background) -> None:
    network.impair()
    traffic.follow(network.in_force)
    limits = scenario.server.after_join
    if limits.cpus is not None or limits.memory_bytes is not None:
        lab.machine.engine.update(lab.server, cpus=limits.cpus, memory_bytes=limits.memory_bytes)


def _last_frame(lab: Lab, scenario: Scenario, joined: tuple[Running, ...], watch: Watch) -> None:
    """Wait until every publisher has pushed all its frames; stalls make that later, so does back-pressure."""
    publishers = tuple(each for each in joined if each.client.role != "subscriber")
    stalls = sum(fault.length_ms * fault.times for fault in scenario.inject if isinstance(fault, Stall))
    length_s = (scenario.media.duration_ms + clients.TRANSITION_MS + stalls) / 1000
    until = time.monotonic() + length_s * 1.5 + 20
    while time.monotonic() < until:
        clients.check_alive(lab.machine.engine, joined)
        left = clients.wait_for(lab.machine.engine, publishers, "pushed", 0.25)
        if not left or watch(Progress(phase="media")):
            return
    raise EnvironmentFault(
        f"{left[0].client.name} did not push all its frames in time", fix="is the machine overloaded?"
    )


def _until(due_monotonic_ns: int, phase: str, watch: Watch) -> None:
    """Sleep until `due`, telling the watch about four times a second."""
    while (left := (due_monotonic_ns - time.monotonic_ns()) / 1e9) > 0:
        watch(Progress(phase=phase, left_s=left))
        time.sleep(min(0.25, left))


def _realtime(monotonic_ns: int) -> int:
    return monotonic_ns + time.time_ns() - time.monotonic_ns()


def _keep_server_words(lab: Lab, folder: RunFolder) -> None:
    """Keep the server's configuration, log and metrics, without secrets."""
    engine = lab.machine.engine
    metrics = engine.execute(lab.nodes["server"], ("busybox", "wget", "-qO-", "http://127.0.0.1:6789/metrics"))
    folder.write(names.SERVER_CONFIG, lab.server_configuration)
    folder.write(names.SERVER_LOG, lab.redacted(engine.logs(lab.server)))
    folder.write(names.SERVER_METRICS, metrics.stdout)
