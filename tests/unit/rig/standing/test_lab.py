"""A lab's ends: what is undone, who is told, and when the watchdog may go."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import lab.rig.standing.lab as rig
from lab.errors import EnvironmentFault, Interrupted, LeftoverError
from lab.rig.bump import driver
from lab.rig.bump.driver import JOINED
from lab.rig.engine.engine import OWNER_LABEL, ContainerSpec, Heard
from lab.rig.layout.containers import NODE_READY
from lab.rig.layout.lifetime import lab_s
from lab.rig.process import signals
from lab.rig.process.watch import FAILED, KEPT, NOTE, Progress
from lab.rig.standing import cleanup, pieces
from lab.rig.standing.lab import Lab
from lab.rig.standing.server import READY_WORDS
from tests.fakes.engine import FakeEngine
from tests.unit.rig import labs
from tests.unit.rig.layout.test_topology import link, scenario

SCENARIO = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))


class Dog:
    """A watchdog that only notes whether it was dismissed."""

    def __init__(self) -> None:
        self.dismissed = False

    def guard(self, run: str, paths: Sequence[Path]) -> Dog:
        """Stand for `watchdog.guard`."""
        return self

    def __enter__(self) -> Dog:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ready(self) -> None:
        """Watch at once."""

    def dismiss(self) -> None:
        """Note it."""
        self.dismissed = True


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Dog:
    """Give a fake watchdog, and a bump that needs no kernel."""
    dog = Dog()
    monkeypatch.setattr("lab.rig.standing.watchdog.guard", dog.guard)
    monkeypatch.setattr(rig, "Bump", lambda **_: nullcontext())
    return dog


class Seen:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.moments: list[Progress] = []

    def __call__(self, moment: Progress) -> bool:
        """Go on."""
        self.moments.append(moment)
        return False

    def of(self, phase: str) -> list[str]:
        """Return the details told in `phase`."""
        return [moment.detail for moment in self.moments if moment.phase == phase]


def planned(engine: FakeEngine, folder: Path, watch: Seen, *, keep: bool = False) -> Lab:
    """Return a lab of two clients on `engine` that does not exist yet."""
    return labs.planned(engine, folder, SCENARIO, watch=watch, keep=keep)


def ready() -> FakeEngine:
    """Return an engine on which router, nodes and server are ready at once."""
    return FakeEngine(said=f"{JOINED} {NODE_READY} {READY_WORDS}")


def test_a_lab_that_ends_leaves_nothing_and_dismisses_the_watchdog(dog: Dog, tmp_path: Path) -> None:
    """Containers and scratch are gone."""
    engine = ready()
    with planned(engine, tmp_path, Seen()) as lab:
        lab.complete()
        assert engine.names
        assert lab.scratch.stat().st_mode & 0o777 == 0o700
    assert (engine.names, lab.scratch.exists(), dog.dismissed) == ([], False, True)


def test_a_lab_lives_as_long_as_it_is_told(dog: Dog, tmp_path: Path) -> None:
    """Its containers and whoever cleans up know that; of itself it lives as long as a run may take."""
    machine = planned(ready(), tmp_path, Seen()).machine
    assert Lab(machine, SCENARIO, watch=Seen(), lives_s=9_999).identity.deadline_s == 9_999
    assert Lab(machine, SCENARIO, watch=Seen()).identity.deadline_s == lab_s(SCENARIO)


@pytest.mark.parametrize(
    ("said", "late"), [(NODE_READY, "the router was not ready"), (JOINED, "the node of .* was not ready")]
)
def test_a_lab_is_entered_when_router_and_nodes_are_ready(
    dog: Dog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, late: str
) -> None:
    """Both: one that is not is named, and nothing is left."""
    monkeypatch.setattr(pieces, "NODE_READY_S", 0.05)
    monkeypatch.setattr(driver, "ROUTER_S", 0.05)
    engine = FakeEngine(said=said)
    with pytest.raises(EnvironmentFault, match=late), planned(engine, tmp_path, Seen()):
        pass
    assert (engine.names, dog.dismissed) == ([], True)


def test_what_the_bump_has_to_say_is_told(dog: Dog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has to be booted takes ten seconds, of which nobody would know why."""
    monkeypatch.setattr(rig, "Bump", lambda **parts: nullcontext(parts["report"]("booting")))
    watch = Seen()
    with planned(ready(), tmp_path, watch) as lab:
        lab.complete()
    assert watch.of(NOTE) == ["booting"]


def test_every_node_shares_the_router_s_processes_and_no_other_its_network(dog: Dog, tmp_path: Path) -> None:
    """So it finds the router's network, and no network of the engine's is needed."""
    engine = ready()
    with planned(engine, tmp_path, Seen()) as lab:
        lab.complete()
        shared = {name: engine.specs[node].processes for name, node in lab.nodes.items()}
        assert shared == dict.fromkeys(("server", "a", "b"), lab.router)
        assert engine.specs[lab.server].join == lab.nodes["server"]


def test_a_failed_bring_up_is_undone_even_when_it_was_to_be_kept(dog: Dog, tmp_path: Path) -> None:
    """Half a lab is of use to nobody."""
    engine = ready()
    lab = planned(engine, tmp_path, Seen(), keep=True)
    engine.refuse_start = frozenset({f"lab-{lab.run}-server"})
    with pytest.raises(EnvironmentFault, match="driver failed"), lab:
        assert lab.server
    assert (engine.names, lab.scratch.exists(), dog.dismissed) == ([], False, True)


def test_an_engine_that_dies_leaves_the_watchdog_on_duty(dog: Dog, tmp_path: Path) -> None:
    """The sweep could not look: LeftoverError, and the watchdog is not dismissed."""
    engine = ready()
    lab = planned(engine, tmp_path, Seen())
    lab.__enter__()
    engine.silent_from = 0
    with pytest.raises(LeftoverError, match=f"lab clean --run {lab.run}"):
        lab.__exit__(None, None, None)
    assert (lab.scratch.exists(), dog.dismissed) == (False, False)


def test_what_is_under_way_when_a_lab_ends_is_removed_too(
    dog: Dog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that the first sweep could not see yet is seen by the second, after everything has ended."""
    engine, swept = ready(), threading.Event()
    sweep = cleanup.sweep_run

    def sweep_run(*asked: Any) -> None:
        sweep(*asked)
        swept.set()

    def start(self: FakeEngine, spec: ContainerSpec) -> str:
        if spec.name.endswith("-server") and "node" not in spec.name:
            assert swept.wait(10)
        return started(self, spec)

    started = FakeEngine.start
    monkeypatch.setattr(FakeEngine, "start", start)
    monkeypatch.setattr(cleanup, "sweep_run", sweep_run)
    with planned(engine, tmp_path, Seen()) as lab:
        pass
    assert f"start lab-{lab.run}-server" in engine.log
    assert (engine.names, dog.dismissed) == ([], True)


def test_cleanup_that_fails_never_hides_the_first_error(dog: Dog, tmp_path: Path) -> None:
    """A Ctrl-C stays a Ctrl-C; what could not be removed is told beside it."""
    engine, seen = ready(), Seen()

    def run() -> None:
        with planned(engine, tmp_path, seen):
            engine.silent_from = 0
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        run()
    assert len(seen.of(FAILED)) == 1
    assert not dog.dismissed


def test_a_kept_lab_stays_and_says_how_to_remove_it(dog: Dog, tmp_path: Path) -> None:
    """Neither its end nor the next lab's cleaning removes it; the command it names does. No secret stays in a file."""
    engine, seen = ready(), Seen()
    with planned(engine, tmp_path, seen, keep=True) as lab:
        lab.complete()
        there = engine.names
    cleanup.clean(engine)
    assert (engine.names, lab.scratch.exists(), dog.dismissed) == (there, False, True)
    (said,) = seen.of(KEPT)
    assert f"`lab clean --run {lab.run}`" in said
    assert all(thing.labels[OWNER_LABEL].endswith(":kept") for thing in cleanup.found(engine, {}))
    cleanup.clean(engine, run=lab.run)
    assert engine.names == []


def test_a_signal_ends_the_waits_of_a_bring_up(dog: Dog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that never get ready are not waited for once a signal has come, although threads of their own wait."""
    engine, presses = FakeEngine(), iter([signal.SIGINT])
    lab = planned(engine, tmp_path, Seen())

    def listen(self: FakeEngine, container: str) -> Heard:
        for signum in presses:
            os.kill(os.getpid(), signum)
        return listened(self, container)

    def run() -> None:
        with signals.interruptible(), lab:
            assert lab.nodes

    listened = FakeEngine.listen
    monkeypatch.setattr(FakeEngine, "listen", listen)
    monkeypatch.setattr(pieces, "NODE_READY_S", 5.0)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        run()
    assert time.monotonic() - began < 4
    assert (engine.names, dog.dismissed) == ([], True)
