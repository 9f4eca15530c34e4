"""One run on a standing lab: the story of a recording.

Law: every capture is open before the first client is let in and closed after the last packet has left the bump; every
change of the network is read back before it counts; what happened is written down as it happens. Nothing here judges.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass

from lab.errors import ClientFailed
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.rig.faults.injector import Injector
from lab.rig.layout import lifetime
from lab.rig.layout.topology import SERVER
from lab.rig.process.parallel import enter_side_by_side
from lab.rig.process.watch import NOTE, Progress, Watch
from lab.rig.programs import clients, ending, programs
from lab.rig.programs.clients import Running
from lab.rig.standing import sharing
from lab.rig.standing.lab import Lab
from lab.rig.surroundings import Surroundings, surroundings
from lab.rig.witnesses import facts, server_words
from lab.rig.witnesses.counting import Counts
from lab.rig.witnesses.witnesses import Witnesses
from lab.scenario.model import Limits, Scenario

TICK_S = 0.25
"""How often the watch is told, and the publishers' files are looked at."""
LEAD_S = 0.05
"""From telling the publishers, who look each 5 ms, to the first frame's due time, so that all of them know in time."""
SOON_S = 2.0
"""In which clients have usually connected."""
PACER_MS = 2_000
"""Who settles as long has a pacer by then; publishers that settle less wait for it before they begin."""
LAST_POLL_S = 0.02
ALONE = nullcontext()
"""For a run that has the machine to itself."""


def record(
    lab: Lab,
    scenario: Scenario,
    folder: RunFolder,
    watch: Watch,
    measuring: AbstractContextManager[object] = ALONE,
) -> None:
    """Record `scenario` on `lab` into `folder`, and leave the lab as it was.

    The media runs inside `measuring`, whose entry and exit may wait: clients are in by then, and not yet taken down.
    Raises UsageError when the lab is not one for this scenario, ClientFailed, EnvironmentFault, StorageError.
    """
    sharing.admit(lab, scenario)
    room = lab.new_room()
    with ExitStack() as stack:
        watch(Progress(phase="taps and clients"))
        around, joined = enter_side_by_side(
            stack, surroundings(lab, scenario, folder, room), clients.started(lab, scenario, folder, room)
        )
        watch(Progress(phase="join"))
        folder.put(facts.known(folder.manifest, lab, scenario))
        around.witnesses.watch(names.SERVER, lab.server, node=SERVER)
        for each in joined:
            around.witnesses.watch(names.container(each.client.name), each.container, node=each.client.name)
        injector = stack.enter_context(Injector(lab, scenario, folder, joined))
        clients.admit(joined)
        if _all_hear(scenario, joined, folder, around.witnesses):
            stage = _Stage(
                lab=lab,
                scenario=scenario,
                joined=joined,
                around=around,
                injector=injector,
                folder=folder,
                room=room,
                watch=watch,
                counts=Counts(lab.bump, scenario, folder.path),
            )
            with measuring:
                _media(stage)
    folder.seal()


def _all_hear(scenario: Scenario, joined: tuple[Running, ...], folder: RunFolder, witnesses: Witnesses) -> bool:
    """Wait until every client is ready; say whether all are. The pacer starts once all have connected, or soon.

    That one is not is evidence when the impairment came first, or its container is kept short; else it is a failure.
    """
    until = time.monotonic() + lifetime.JOIN_S
    clients.wait_for(joined, "connected", SOON_S)
    witnesses.pace()  # not before: clients that connect need the CPU that its start takes; then they wait for media
    late = clients.wait_for(joined, "ready", until - time.monotonic())
    folder.phase("joined", ready=not late)
    if late and scenario.impair == "after_join" and all(each.client.limits == Limits() for each in late):
        words = programs.last_words(late[0].program)
        raise ClientFailed(f"client {late[0].client.name} was not ready within {lifetime.JOIN_S:g} s:\n{words}")
    return not late


class _Enough(Exception):  # noqa: N818 - not an error: the watch's answer, or the end of all patience
    """No more media is waited for."""


@dataclass(frozen=True, kw_only=True)
class _Stage:
    """What the media phase acts on, and what it waits with."""

    lab: Lab
    scenario: Scenario
    joined: tuple[Running, ...]
    around: Surroundings
    injector: Injector
    folder: RunFolder
    room: str
    watch: Watch
    counts: Counts

    def until(self, due_monotonic_ns: int, phase: str) -> None:
        """Sleep until `due`, ticking about four times a second."""
        while (left := (due_monotonic_ns - time.monotonic_ns()) / 1e9) > 0:
            self.tick(phase, left)
            time.sleep(max(0.0, min(TICK_S, (due_monotonic_ns - time.monotonic_ns()) / 1e9)))

    def tick(self, phase: str, left_s: float | None = None) -> None:
        """Tell the watch, and look after every program. Raises _Enough.

        Counters are offered from the media on: they count from the first look, and what the media loses is asked for.
        """
        clients.check_alive(self.joined)
        self.around.check_alive()
        idle = phase == "media" and (left_s is None or left_s > 2 * TICK_S)
        if self.watch(Progress(phase=phase, left_s=left_s, counts=self.counts.read if idle else None)):
            raise _Enough

    def drain(self) -> None:
        """Let all that was made be heard, whatever the watch has to say, and ask the server what it holds."""
        ears = ending.Ears(self.joined, self.scenario.media, lifetime.on_the_way_s(self.scenario))
        emptied, due = self.around.network.emptying(), 0.0

        def tick(left_s: float) -> bool:
            nonlocal due
            if time.monotonic() >= due:
                due = time.monotonic() + TICK_S
                clients.check_alive(self.joined)
                self.around.taps.check_alive()  # nobody else is needed any more
                self.watch(Progress(phase="drain", left_s=left_s))
            return emptied()

        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(server_words.keep_rooms, self.lab, self.folder, self.room)
            ears.wait(tick)
        asked.result()


def _media(stage: _Stage) -> None:
    """Let the publishers begin, follow the windows, and end with empty buffers; "enough" ends the windows at once."""
    if stage.scenario.media.settle_ms < PACER_MS:
        stage.around.witnesses.ticking()
    start = time.monotonic_ns() + int(LEAD_S * 1e9)
    clients.release(stage.joined, start)
    stage.folder.mark("go_ns", _realtime(start))
    try:
        _windows(stage, start)
    except _Enough:
        stage.folder.mark("enough_ns", time.time_ns())
    stage.folder.mark("media_to_ns", time.time_ns())
    stage.around.traffic.follow({})  # or its queue would hold up the last frames
    stage.drain()


def _windows(stage: _Stage, start: int) -> None:
    """Settle, measure the clean control, impair, follow the timeline, and wait for the window's last frame."""
    media = stage.scenario.media
    stage.until(start + media.settle_ms * 1_000_000, "settle")
    stage.around.witnesses.ticking()
    stage.folder.mark("control_from_ns", time.time_ns())
    stage.until(start + media.before_ms * 1_000_000, "control")
    stage.folder.mark("control_to_ns", time.time_ns())
    if stage.scenario.impair == "after_join":
        stage.around.impair()
    stage.around.crowd.begin()
    stage.injector.begin()
    stage.folder.mark("media_from_ns", time.time_ns())
    began = time.monotonic_ns()
    last = _window(stage)
    for change in stage.around.network.timeline():
        due = began + change.at_ms * 1_000_000
        stage.until(due, "media")
        stage.around.network.apply(change, _realtime(due))
        stage.around.traffic.follow(stage.around.network.in_force)
    stage.until(began + media.duration_ms * 1_000_000, "media")
    _last_frame(stage, began, last)


def _window(stage: _Stage) -> dict[str, int]:
    """Return how many pushes every publisher must make: what is made now may be in the window already, and its length.

    They never make more than was asked of them, and then say that they have pushed all.
    """
    pushes = clients.pushes(stage.scenario.media.duration_ms, stage.scenario.media)
    return {each.client.name: ending.made(each.folder) + 1 + pushes for each in stage.joined}


def _last_frame(stage: _Stage, began: int, last: Mapping[str, int]) -> None:
    """Wait until every publisher has made its window's frames; stalls make that later, so does back-pressure.

    One that is slower than any of that is evidence, and what it made is judged. Raises _Enough.
    """
    left = tuple(each for each in stage.joined if each.client.role != "subscriber")
    until = began + int(lifetime.pushed_within_s(stage.scenario) * 1e9)
    while left := clients.without(_short_of(left, last), "pushed"):
        if time.monotonic_ns() > until:
            words = f"{left[0].client.name} did not push all its frames in time; what it made is judged"
            stage.watch(Progress(phase=NOTE, detail=words))
            raise _Enough
        stage.tick("media")
        time.sleep(LAST_POLL_S)


def _short_of(publishers: tuple[Running, ...], last: Mapping[str, int]) -> tuple[Running, ...]:
    return tuple(each for each in publishers if ending.made(each.folder) < last[each.client.name])


def _realtime(monotonic_ns: int) -> int:
    return monotonic_ns + time.time_ns() - time.monotonic_ns()
