"""A machine for each scenario: its server and SDKs, each image made once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.batch.plans.images import recipes_for
from lab.batch.runs.machines import Machines
from lab.errors import EnvironmentFault, ImageFault
from lab.host import images
from lab.rig.process.watch import silent
from lab.rig.standing.lab import Machine
from lab.scenario.load import loads
from lab.scenario.model import Scenario
from tests.fakes.engine import FakeEngine
from tests.fakes.sources import quick_sources


def asked(*, server: str = "v1.13.5", publisher: str = "1.2.1", subscriber: str = "1.2.1") -> Scenario:
    """Return a scenario with these releases."""
    clients = f"{{pub: {{role: publisher, sdk: {publisher}}}, sub: {{role: subscriber, sdk: {subscriber}}}}}"
    return loads(f"version: 1\nserver: {{version: {server}}}\nclients: {clients}\n", source="x")


@pytest.fixture
def engine() -> FakeEngine:
    """Return an engine with a registry in reach."""
    return FakeEngine(registry=True)


@pytest.fixture
def machines(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """Return the machines on `engine`, the default images made."""
    quick_sources(monkeypatch, tmp_path)
    made = images.ensure(engine, report=lambda _: None)
    engine.log.clear()
    return Machines(Machine(engine=engine, images=made, driver="kernel", results=tmp_path, cache=tmp_path), silent)


def builds(engine: FakeEngine) -> int:
    """Return how many images were built."""
    return sum(line.startswith("build") for line in engine.log)


def test_the_default_asks_the_engine_for_nothing(engine: FakeEngine, machines: Machines) -> None:
    """It was made sure of when the machine was found."""
    machines(asked())
    assert engine.log == []


def test_each_sdk_is_an_image_built_once(engine: FakeEngine, machines: Machines) -> None:
    """However many scenarios ask; the others stay what they were."""
    old = machines(asked(publisher="1.1.2")).images
    assert builds(engine) == 1
    assert machines(asked(subscriber="1.1.2")).images == old
    both = machines(asked(publisher="1.1.2", subscriber="1.1.3")).images
    assert builds(engine) == 2
    references = {both.client.reference, both.with_sdk("1.1.2").reference, both.with_sdk("1.1.3").reference}
    assert len(references) == 3
    assert both.with_sdk("1.2.1") == both.client


def test_a_server_brings_its_own_image_and_keeps_the_sdks(engine: FakeEngine, machines: Machines) -> None:
    """Of two versions each has its own, with every SDK that was asked for beside it."""
    one = machines(asked(publisher="1.1.2")).images
    other = machines(asked(server="v1.13.4", publisher="1.1.2")).images
    assert other.server != one.server
    assert other.with_sdk("1.1.2") == one.with_sdk("1.1.2")
    done = builds(engine)
    machines(asked(server="v1.13.4", publisher="1.1.2"))
    assert builds(engine) == done


def test_whether_the_engine_is_there_is_asked_of_the_engine(
    engine: FakeEngine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of what was found when it was there."""
    machines.check()
    monkeypatch.setattr(engine, "info", lambda: engine.pull("nothing"))
    engine.registry = False
    with pytest.raises(EnvironmentFault):
        machines.check()


def test_images_are_named_as_a_plan_names_them(machines: Machines) -> None:
    """Exactly those that a cell depends on, by what they were made of: what is planned without an engine."""
    scenario = asked(server="v1.13.4", publisher="1.1.2")
    found = machines.images(scenario)
    assert found == recipes_for(scenario)
    assert set(found) == {"router", "server v1.13.4", "client 1.1.2", "client 1.2.1"}
    assert len(set(found.values())) == 4


def test_an_sdk_that_nobody_made_is_an_error_and_never_another_one(machines: Machines) -> None:
    """The default does not stand in for it."""
    with pytest.raises(EnvironmentFault, match=r"no image with the SDK 1\.1\.2"):
        machines(asked()).images.with_sdk("1.1.2")


def lacking(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, word: str) -> list[str]:
    """Let no build succeed that names `word`; return those that are tried."""
    tried: list[str] = []
    real = engine.build

    def build(folder: Path, tag: str, arguments: Mapping[str, str]) -> None:
        if word in arguments.values():
            tried.append(word)
            raise EnvironmentFault("no such version")
        real(folder, tag, arguments)

    monkeypatch.setattr(engine, "build", build)
    return tried


def test_an_image_that_cannot_be_had_is_tried_once(
    engine: FakeEngine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many scenarios ask; each hears why, and the others get theirs."""
    tried = lacking(monkeypatch, engine, "99.99.99")
    for _ in range(3):
        with pytest.raises(ImageFault, match=r"^client 99\.99\.99 cannot be had: no such version"):
            machines(asked(publisher="99.99.99", subscriber="1.1.2"))
    assert tried == ["99.99.99"]
    machines(asked(subscriber="1.1.2"))


def test_all_that_cannot_be_had_is_told_before_the_first_run(
    engine: FakeEngine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, where something can be run; where nothing can, it is an error."""
    tried = lacking(monkeypatch, engine, "99.99.99")
    bad = asked(publisher="99.99.99")
    assert machines.prepare([bad, asked(), bad]) == ("client 99.99.99 cannot be had: no such version",)
    assert machines.prepare([]) == ()
    with pytest.raises(ImageFault, match="cannot be had"):
        machines.prepare([bad])
    assert tried == ["99.99.99"]


def test_who_serves_for_days_tries_again_later(
    engine: FakeEngine, tmp_path: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry comes back, and so does an engine: where that does not answer, nothing is known of an image."""
    now = [0.0]
    tried = lacking(monkeypatch, engine, "99.99.99")
    serving = Machines(machines(asked()), silent, 60, lambda: now[0])
    for now[0], often in ((0.0, 1), (59.0, 1), (60.0, 2)):
        with pytest.raises(ImageFault):
            serving(asked(publisher="99.99.99"))
        assert len(tried) == often
    with monkeypatch.context() as gone:
        gone.setattr(engine, "info", lambda: engine.pull("nothing"))
        engine.registry = False
        now[0] = 200.0
        with pytest.raises(EnvironmentFault, match="no such host"):
            serving(asked(publisher="99.99.99"))
    with pytest.raises(ImageFault):
        serving(asked(publisher="99.99.99"))
    assert len(tried) == 4
