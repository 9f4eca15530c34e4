"""A lab that stays serves what it was built for, and gives its server back as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.rig.engine.engine import NO_LIMIT
from lab.rig.standing import sharing
from lab.rig.standing.lab import Lab
from lab.scenario.model import Background, Limits, Scenario, Server
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (scenario({"x": "publisher", "b": "subscriber"}, (link("x"),)), "clients, links"),
        (scenario({"a": "publisher", "b": "subscriber"}, (link("a"), link("b"))), "clients, links"),
        (
            scenario({"a": "publisher", "b": "subscriber"}, (link("a", background=Background(rate_bps=1)),)),
            "background",
        ),
        (replace(PLAIN, impair_only="rtp"), "impair_only"),
        (replace(PLAIN, server=Server(limits=Limits(cpus=1.0))), "server"),
        (replace(PLAIN, server=Server(config_json='{"room": {}}')), "server"),
    ],
)
def test_a_lab_refuses_a_scenario_it_was_not_built_for(tmp_path: Path, other: Scenario, word: str) -> None:
    """Before anything of the run exists, naming what differs."""
    with pytest.raises(UsageError, match=f"differs in .*{word}.*a lab of its own"):
        sharing.admit(on_fake(FakeEngine(), tmp_path, PLAIN), other)


@pytest.mark.parametrize(
    "other",
    [
        PLAIN,
        replace(PLAIN, seed=99, name="other"),
        replace(PLAIN, links=(link("a", delay_ms=40.0),)),
        replace(PLAIN, server=Server(after_join=Limits(cpus=0.1))),
        scenario({"a": "subscriber", "b": "publisher"}, (link("a"),)),
    ],
)
def test_a_lab_admits_what_needs_the_same_one(tmp_path: Path, other: Scenario) -> None:
    """Other dice, other impairments, other roles and other limits after joining are a run's own business."""
    sharing.admit(on_fake(FakeEngine(), tmp_path, PLAIN), other)


def server_on(engine: FakeEngine, lab: Lab) -> None:
    """Start something that stands for `lab`'s server."""
    lab.server = engine.start(replace(lab.identity.spec("server", "i", ()), cpus=lab.scenario.server.limits.cpus))


@pytest.mark.parametrize("cpus", [None, 2.0])
def test_the_server_gets_its_limits_back(tmp_path: Path, cpus: float | None) -> None:
    """Those it was started with, none included; what the run did not touch stays."""
    engine = FakeEngine()
    lab = on_fake(engine, tmp_path, replace(PLAIN, server=Server(limits=Limits(cpus=cpus))))
    server_on(engine, lab)
    engine.update(lab.server, cpus=0.1, memory_bytes=7)
    sharing.restore_server(lab, Limits(cpus=0.1))
    assert (engine.specs[lab.server].cpus, engine.specs[lab.server].memory_bytes) == (cpus, 7)
    sharing.restore_server(lab, Limits(memory_bytes=7))
    assert engine.specs[lab.server].memory_bytes is None


def test_a_dead_server_has_no_limits_to_restore(tmp_path: Path) -> None:
    """Its death is told by others; this does not hide it."""
    engine = FakeEngine()
    lab = on_fake(engine, tmp_path, PLAIN)
    server_on(engine, lab)
    engine.finish(lab.server, exit_code=1)
    sharing.restore_server(lab, Limits(cpus=0.1))
    assert engine.specs[lab.server].cpus is not NO_LIMIT
