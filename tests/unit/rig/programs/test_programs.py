"""Programs of a run: watched without loading the machine, ended with their last words kept."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import ClientFailed, EnvironmentFault, StorageError
from lab.evidence.store import RunFolder
from lab.rig.layout.containers import Program
from lab.rig.layout.images import Image
from lab.rig.layout.lifetime import TRANSITION_MS
from lab.rig.programs import clients, programs
from lab.rig.programs.background import Background
from lab.rig.standing.lab import Lab
from lab.rig.standing.zygotes import Zygotes
from lab.rig.witnesses import facts
from lab.scenario.model import Background as Traffic
from lab.scenario.model import Client, Impairment, Limits
from tests.fakes.engine import FakeEngine
from tests.fakes.zygote import FakeZygote
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

LITTLE = Limits(cpus=0.5)
REAL_SLEEP = time.sleep
BUSY = scenario({"a": "publisher", "b": "subscriber"}, (link("a", background=Traffic(rate_bps=1000)),))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Give a run folder."""
    return run_folder(tmp_path, BUSY)


@pytest.fixture
def standing(tmp_path: Path) -> Lab:
    """Give a lab with competing traffic, as far as programs need one."""
    return on_fake(FakeEngine(said="last words"), tmp_path, BUSY)


class Clock:
    """A monotonic clock that sleeping alone advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr("time.monotonic", lambda: self.now_s)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.now_s += seconds


def running(engine: FakeEngine, folder: RunFolder) -> tuple[Lab, clients.Running]:
    """Return a client that runs on `engine`, and its lab."""
    lab = on_fake(engine, folder.path, BUSY)
    place = folder.path / "clients/a"
    place.mkdir(parents=True)
    program = programs.start(lab, Program(part="client-a", module="m", node="n"), folder, "clients/a")
    return lab, clients.Running(client=Client(name="a", role="publisher"), program=program, folder=place)


def told(engine: FakeEngine, each: clients.Running | programs.Running, runs: int = 1) -> FakeZygote:
    """Return what serves it, once it has got the order of so many runs."""
    zygote = engine.zygotes[each.container]
    while len(zygote.orders) < runs:
        REAL_SLEEP(0.001)
    return zygote


def ends(engine: FakeEngine, each: clients.Running, exit_code: int) -> None:
    """Let its program end by itself."""
    told(engine, each).end(exit_code)


def test_waiting_for_a_client_asks_the_engine_nothing(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of waiting poll files and a socket; the engine would load the machine that is measured."""
    engine = FakeEngine()
    _, each = running(engine, folder)
    Clock(monkeypatch)
    before = [*engine.log]
    assert clients.wait_for((each,), "ready", 10) == (each,)
    assert engine.log == before
    each.program.fork.close()


def test_a_client_that_dies_is_noticed_at_once(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its exit code and last words."""
    engine = FakeEngine(said="last words")
    _, each = running(engine, folder)
    clock = Clock(monkeypatch)
    ends(engine, each, 137)
    with pytest.raises(ClientFailed, match=r"client a ended with exit code 137:\n    last words"):
        clients.wait_for((each,), "ready", 10)
    assert clock.now_s == 0
    with pytest.raises(ClientFailed, match="exit code 137"):
        clients.check_alive((each,))


def test_a_client_that_gave_up_is_for_the_judge(folder: RunFolder) -> None:
    """While it is waited for; in the midst of the media it is a failure."""
    engine = FakeEngine()
    _, each = running(engine, folder)
    ends(engine, each, clients.GAVE_UP)
    assert clients.wait_for((each,), "ready", 10) == (each,)
    with pytest.raises(ClientFailed, match="lost its connection for good"):
        clients.check_alive((each,))


def test_a_client_that_goes_with_its_container_is_noticed(folder: RunFolder) -> None:
    """Its exit code, and whether it was killed for memory, are the container's then."""
    engine = FakeEngine()
    lab, each = running(engine, folder)
    told(engine, each)
    engine.finish(each.container, exit_code=137, oom_killed=True)
    with pytest.raises(
        ClientFailed, match=r"client a ended with its container \(out of memory\):\n    \(it said nothing\)"
    ):
        clients.wait_for((each,), "ready", 10)
    programs.finish(lab, each.program, folder)
    assert json.loads((each.folder / "exit.json").read_text()) == {"exit_code": 137, "oom_killed": True}


@pytest.mark.parametrize(("exit_code", "said"), [(137, " (out of memory)"), (1, "")])
def test_only_what_was_killed_ran_out_of_memory(folder: RunFolder, exit_code: int, said: str) -> None:
    """A container remembers it of every program that was ever in it."""
    engine = FakeEngine(said="last words")
    lab, each = running(engine, folder)
    engine.run_out_of_memory(each.container)
    ends(engine, each, exit_code)
    with pytest.raises(ClientFailed, match=re.escape(f"ended with exit code {exit_code}{said}:\n    last words")):
        clients.wait_for((each,), "ready", 10)
    programs.finish(lab, each.program, folder)
    left = json.loads((each.folder / "exit.json").read_text())
    assert left == {"exit_code": exit_code, "oom_killed": exit_code == 137}


def test_what_a_client_wrote_before_it_gave_up_counts(folder: RunFolder) -> None:
    """Its file is looked at first."""
    _, each = running(FakeEngine(), folder)
    (each.folder / "events.jsonl").write_text('{"event": "ready"}\n{"event": "pus')
    assert clients.without((each,), "ready") == ()
    assert clients.without((each,), "pushed") == (each,)
    each.program.fork.close()


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_publishers_push_on_for_a_second_and_no_longer(frame_ms: int) -> None:
    """Beyond settle, control and media, whatever a push is long; the page about time says the same second."""
    asked = scenario({"a": "publisher", "b": "subscriber"}, ())
    asked = replace(asked, media=replace(asked.media, frame_ms=frame_ms))
    beyond_ms = clients.frames_total(asked) * frame_ms - asked.media.whole_ms
    assert 1000 <= beyond_ms < 1000 + frame_ms
    page = Path(__file__).parents[4] / "docs" / "performance.md"
    assert f"publishers push on, to {TRANSITION_MS / 1000:g} s beyond the media" in page.read_text()


def test_a_dead_sender_is_no_congestion(standing: Lab, folder: RunFolder) -> None:
    """It is the environment's fault, told with its last words; alive it says nothing."""
    with Background(standing, folder, 7) as traffic:
        traffic.check_alive()
        engine = standing.machine.engine
        assert isinstance(engine, FakeEngine)
        victim = next(c for c in engine.containers({}) if c.name.endswith("background-a"))
        while not engine.zygotes[victim.id].orders:
            REAL_SLEEP(0.001)
        engine.zygotes[victim.id].end(1)
        with pytest.raises(EnvironmentFault, match=r"background-a ended with exit code 1:\n    last words"):
            traffic.check_alive()


def test_senders_leave_their_log_and_exit_code(standing: Lab, folder: RunFolder) -> None:
    """Each in its folder, without secrets; their containers stay for the next run."""
    with Background(standing, folder, 7) as traffic:
        traffic.follow({("a", "up"): Impairment(background=Traffic(rate_bps=1000))})
    for name in ("background", "background-a"):
        place = folder.path / "background" / name
        assert json.loads((place / "exit.json").read_text()) == {"exit_code": 0, "oom_killed": False}
        assert (place / "log.txt").read_text() == "last words"
    orders = json.loads((folder.path / "background/background-a/orders.json").read_text())
    assert [send["rate_bps"] for send in orders["sends"]] == [1000]
    assert len(standing.machine.engine.names) == 2


def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    """What a running program polls is written through the store's errors too."""
    with pytest.raises(StorageError, match="go"):
        programs.replace_now(tmp_path / "gone" / "go", "{}")


def test_what_a_program_is_told_can_be_read_by_it_and_goes_nowhere_else(tmp_path: Path) -> None:
    """Whatever the umask is; and where it lies, another user may have laid a link under any name that he foresees."""
    victim, folder = tmp_path / "victim", tmp_path / "client"
    victim.write_text("as it was")
    folder.mkdir()
    for name in (".go", "go"):
        (folder / name).symlink_to(victim)
    before = os.umask(0o077)
    try:
        programs.replace_now(folder / "go", "{}")
    finally:
        os.umask(before)
    assert victim.read_text() == "as it was"
    assert (folder / "go").lstat().st_mode == stat.S_IFREG | 0o644
    assert (folder / "go").read_text() == "{}"


def test_a_client_runs_in_the_image_of_its_own_sdk(standing: Lab, folder: RunFolder) -> None:
    """The others, and the lab's own programs, keep the default's; the manifest names both."""
    old = Image(reference="old", digest="sha256:1", recipe="client:1", how="built")
    standing.machine = replace(standing.machine, images=replace(standing.machine.images, others={"1.1.2": old}))
    standing.zygotes = Zygotes(standing.machine, standing.identity, folder.path)
    asked = replace(
        BUSY, clients=tuple(replace(each, sdk="1.1.2" if each.name == "a" else each.sdk) for each in BUSY.clients)
    )
    with clients.started(standing, asked, folder, "room") as running:
        specs = {each.client.name: standing.machine.engine.specs[each.container] for each in running}
    assert {name: spec.image for name, spec in specs.items()} == {"a": "old", "b": "i"}
    assert set(facts.ran(standing.machine.images, asked)) == {"base", "router", "server", "client", "client 1.1.2"}
    assert "client 1.1.2" not in facts.ran(standing.machine.images, BUSY)


def test_a_program_that_does_not_end_is_killed_after_a_grace(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked first, then waited for, then killed; its exit code says how, and its container serves nobody any more."""
    monkeypatch.setattr(programs, "GRACE_S", 0.05)
    engine = FakeEngine(deaf=True)
    lab, each = running(engine, folder)
    programs.finish(lab, each.program, folder)
    assert engine.zygotes[each.container].signals == ["SIGTERM", "SIGKILL"]
    assert json.loads((folder.path / "clients/a/exit.json").read_text())["exit_code"] == 137
    assert engine.names == []


@pytest.mark.parametrize(("change", "again"), [({}, True), ({"sdk": "1.1.2"}, False), ({"limits": LITTLE}, False)])
def test_a_container_serves_the_next_run_of_the_same_program(
    standing: Lab, folder: RunFolder, change: dict[str, Any], again: bool
) -> None:
    """Each with an order of its own; another program of that part gets another container, and that one goes."""
    old = Image(reference="old", digest="sha256:1", recipe="client:1", how="built")
    standing.machine = replace(standing.machine, images=replace(standing.machine.images, others={"1.1.2": old}))
    standing.zygotes = Zygotes(standing.machine, standing.identity, folder.path)
    first = Program(part="client-a", module="m", node="n")
    containers = []
    for number, program in enumerate((first, replace(first, **change))):
        (folder.path / f"{number}").mkdir()
        started = programs.start(standing, program, folder, f"{number}", {"RUN": f"{number}"})
        served = sum(container == started.container for container in containers)
        zygote = told(standing.machine.engine, started, runs=served + 1)
        assert zygote.orders[-1]["environment"] == {"RUN": f"{number}"}
        programs.finish(standing, started, folder)
        containers.append(started.container)
    assert (containers[0] == containers[1]) is again
    assert len(standing.machine.engine.names) == 1


@pytest.mark.parametrize(("once", "ends"), [(True, 0), (False, 1), (False, 143)])
def test_a_container_that_was_changed_or_whose_program_failed_serves_nobody_else(
    standing: Lab, folder: RunFolder, once: bool, ends: int
) -> None:
    """Whatever it was left in, the next run begins with a new one."""
    (folder.path / "a").mkdir()
    started = programs.start(standing, Program(part="client-a", module="m", once=once), folder, "a")
    standing.machine.engine.zygotes[started.container].ends = ends
    programs.finish(standing, started, folder)
    assert json.loads((folder.path / "a/exit.json").read_text())["exit_code"] == ends
    assert standing.machine.engine.names == []


def test_a_container_that_died_between_two_runs_is_made_anew(standing: Lab, folder: RunFolder) -> None:
    """The next run does not miss it."""
    engine = standing.machine.engine
    containers = []
    for name in ("0", "1"):
        (folder.path / name).mkdir()
        started = programs.start(standing, Program(part="client-a", module="m"), folder, name)
        told(engine, started)
        programs.finish(standing, started, folder)
        engine.finish(started.container, exit_code=137)
        containers.append(started.container)
    assert containers[0] != containers[1]
    assert len(engine.names) == 1


def test_a_program_whose_container_was_removed_leaves_what_it_said(standing: Lab, folder: RunFolder) -> None:
    """How it ended is known to nobody then, and the run goes on to its end."""
    (folder.path / "a").mkdir()
    started = programs.start(standing, Program(part="client-a", module="m"), folder, "a")
    told(standing.machine.engine, started)
    standing.machine.engine.remove(started.container)
    programs.finish(standing, started, folder)
    assert (folder.path / "a/log.txt").read_text() == "last words"
    assert json.loads((folder.path / "a/exit.json").read_text()) == {"exit_code": None, "oom_killed": False}


def test_clients_whose_container_is_changed_are_the_only_ones_in_it(standing: Lab, folder: RunFolder) -> None:
    """By limits that it had from the start, or gets after the join."""
    a, b = BUSY.clients
    asked = replace(BUSY, clients=(replace(a, limits=LITTLE), replace(b, after_join=LITTLE)))
    with clients.started(standing, asked, folder, "room") as running:
        assert [each.program.zygote.program.once for each in running] == [True, True]
    assert standing.machine.engine.names == []
