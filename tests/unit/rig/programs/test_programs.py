"""Programs of a run: watched without loading the machine, ended with their last words kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import ClientFailed, EnvironmentFault, StorageError
from lab.evidence.store import RunFolder
from lab.rig.layout.images import Image
from lab.rig.layout.lifetime import TRANSITION_MS
from lab.rig.programs import clients, programs
from lab.rig.programs.background import Background
from lab.rig.standing.lab import Lab
from lab.rig.witnesses import facts
from lab.scenario.model import Background as Traffic
from lab.scenario.model import Client, Impairment
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

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


def running(engine: FakeEngine, folder: RunFolder) -> clients.Running:
    """Return a client whose container runs on `engine`."""
    lab = on_fake(engine, folder.path, BUSY)
    container = engine.start(lab.identity.spec("client-a", "i", ("sleep", "9")))
    place = folder.path / "clients/a"
    place.mkdir(parents=True)
    program = programs.Running(name="a", container=container, place="clients/a")
    return clients.Running(client=Client(name="a", role="publisher"), program=program, folder=place)


def test_waiting_for_a_client_asks_the_engine_once_a_second(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of waiting poll a file five hundred times, and the engine ten times at most."""
    engine = FakeEngine()
    each = running(engine, folder)
    Clock(monkeypatch)
    assert clients.wait_for(engine, (each,), "ready", 10) == (each,)
    assert 8 <= len([call for call in engine.log if call.startswith("state")]) <= 10


def test_a_client_that_dies_is_noticed_within_a_second(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its exit code; one that gave up is returned, for the judge."""
    engine = FakeEngine()
    each = running(engine, folder)
    clock = Clock(monkeypatch)
    engine.finish(each.container, exit_code=137)
    with pytest.raises(ClientFailed, match="client a ended with exit code 137"):
        clients.wait_for(engine, (each,), "ready", 10)
    assert clock.now_s < 1.1
    engine.finish(each.container, exit_code=clients.GAVE_UP)
    assert clients.wait_for(engine, (each,), "ready", 10) == (each,)


def test_what_a_client_wrote_before_it_gave_up_counts(folder: RunFolder) -> None:
    """Its file is looked at first."""
    each = running(FakeEngine(), folder)
    (each.folder / "events.jsonl").write_text('{"event": "ready"}\n{"event": "pus')
    assert clients.without((each,), "ready") == ()
    assert clients.without((each,), "pushed") == (each,)


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
        engine.finish(victim.id, exit_code=1)
        with pytest.raises(EnvironmentFault, match=r"background-a ended with exit code 1:\n    last words"):
            traffic.check_alive()


def test_senders_leave_their_log_and_exit_code(standing: Lab, folder: RunFolder) -> None:
    """Each in its folder, without secrets; their containers are gone."""
    with Background(standing, folder, 7) as traffic:
        traffic.follow({("a", "up"): Impairment(background=Traffic(rate_bps=1000))})
    for name in ("background", "background-a"):
        place = folder.path / "background" / name
        assert json.loads((place / "exit.json").read_text()) == {"exit_code": 143, "oom_killed": False}
        assert (place / "log.txt").read_text() == "last words"
    orders = json.loads((folder.path / "background/background-a/orders.json").read_text())
    assert [send["rate_bps"] for send in orders["sends"]] == [1000]
    assert standing.machine.engine.containers({}) == []


def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    """What a running program polls is written through the store's errors too."""
    with pytest.raises(StorageError, match="go"):
        programs.replace_now(tmp_path / "gone" / "go", "{}")


def test_a_client_runs_in_the_image_of_its_own_sdk(standing: Lab, folder: RunFolder) -> None:
    """The others, and the lab's own programs, keep the default's; the manifest names both."""
    old = Image(reference="old", digest="sha256:1", recipe="client:1", how="built")
    standing.machine = replace(standing.machine, images=replace(standing.machine.images, others={"1.1.2": old}))
    asked = replace(
        BUSY, clients=tuple(replace(each, sdk="1.1.2" if each.name == "a" else each.sdk) for each in BUSY.clients)
    )
    with clients.started(standing, asked, folder, "room") as running:
        specs = {each.client.name: standing.machine.engine.specs[each.container] for each in running}
    assert {name: spec.image for name, spec in specs.items()} == {"a": "old", "b": "i"}
    assert set(facts.ran(standing.machine.images, asked)) == {"base", "router", "server", "client", "client 1.1.2"}
    assert "client 1.1.2" not in facts.ran(standing.machine.images, BUSY)


class Deaf(FakeEngine):
    """An engine whose containers do not hear SIGTERM."""

    def signal(self, container: str, name: str) -> None:
        """End it by SIGKILL alone."""
        self.log.append(f"signal {name}")
        if name == "SIGKILL":
            self.finish(container, exit_code=137)

    def wait(self, container: str, timeout_s: float) -> int:
        """Note for how long."""
        self.log.append(f"wait {timeout_s:g}")
        return super().wait(container, timeout_s)


def test_a_program_that_does_not_end_is_killed_after_a_grace(folder: RunFolder) -> None:
    """Asked first, then waited for, then killed; its exit code says how."""
    engine = Deaf()
    each = running(engine, folder).program
    programs.finish(on_fake(engine, folder.path, BUSY), each, folder)
    heard = [call for call in engine.log if call.startswith(("signal", "wait"))]
    assert heard == ["signal SIGTERM", f"wait {programs.GRACE_S:g}", "signal SIGKILL"]
    assert json.loads((folder.path / "clients/a/exit.json").read_text())["exit_code"] == 137


def test_a_pulse_beats_once_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """First when that has passed, and then as long after it was last asked."""
    clock = Clock(monkeypatch)
    pulse, beats = programs.Pulse(every_s=1.0), []
    for _ in range(12):
        beats += [clock.now_s] if pulse.due() else []
        clock.sleep(0.25)
    assert beats == [1.0, 2.0]
