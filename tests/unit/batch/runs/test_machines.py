"""A machine for each scenario: its server and SDKs, each image made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.plans.images import recipes_for
from lab.batch.runs.machines import Machines
from lab.errors import EnvironmentFault
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
