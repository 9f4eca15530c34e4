"""The crowd: who they are, where they sit, and that nobody means nothing."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.rig.layout.topology import topology
from lab.rig.programs import crowd, programs
from lab.rig.programs.crowd import Crowd, members
from lab.scenario.model import Crowd as Wanted
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
FULL = replace(PLAIN, server=replace(PLAIN.server, crowd=Wanted(publishers=2, subscribers=1, camera=True)))


def test_they_sit_on_the_core() -> None:
    """Beside the server, so that no impaired link and no tap carries them; without a crowd there is no such node."""
    assert topology(FULL).node("crowd").segment.name == "core"
    assert topology(PLAIN).crowd is None
    assert len({node.ip for node in topology(FULL).nodes}) == len(topology(FULL).nodes)


def test_nobody_starts_nothing(tmp_path: Path) -> None:
    """No container, no folder."""
    engine = FakeEngine()
    with Crowd(on_fake(engine, tmp_path, PLAIN), Wanted(), run_folder(tmp_path, PLAIN), "room") as nobody:
        nobody.begin()
        nobody.check_alive()
    assert engine.log == []


def test_all_join_before_anybody_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token each, told who speaks; ready once their program says so, silent until told to begin."""
    engine, folder = FakeEngine(), run_folder(tmp_path, FULL)
    start = programs.start

    def joining(*given: object) -> programs.Running:
        (folder.path / "crowd/events.jsonl").write_text('{"event":"ready"}\n')
        return start(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(programs, "start", joining)
    with Crowd(on_fake(engine, tmp_path, FULL), FULL.server.crowd, folder, "room") as many:
        (zygote,) = engine.zygotes.values()
        while not zygote.orders:
            time.sleep(0.001)
        assert set(json.loads(zygote.orders[0]["environment"]["LAB_TOKENS"])) == {
            *("crowd-speaker-1", "crowd-speaker-2", "crowd-listener-1")
        }
        assert json.loads((folder.path / "crowd/config.json").read_text()) == {
            **members(FULL.server.crowd),
            "camera": True,
        }
        assert not (folder.path / "crowd/go").exists()
        many.begin()
        assert (folder.path / "crowd/go").exists()
    assert zygote.signals == ["SIGTERM"]


def test_a_crowd_that_does_not_come_is_an_environment_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing would load the server: no run is better than a wrong one."""
    monkeypatch.setattr(crowd, "JOIN_S", 0.0)
    engine = FakeEngine()
    made = Crowd(on_fake(engine, tmp_path, FULL), FULL.server.crowd, run_folder(tmp_path, FULL), "room")
    with pytest.raises(EnvironmentFault, match="did not join within"), made:
        pass
    (zygote,) = engine.zygotes.values()
    assert zygote.signals == ["SIGTERM"]
