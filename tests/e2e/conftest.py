"""Real labs for real runs: the machine once per session, one lab per topology, any number of runs in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.batch.runs.one import Judged, run_one
from lab.evidence.store import RunFolder
from lab.host.machine import machine
from lab.rig.process.watch import silent
from lab.rig.session import record
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.dump import dump
from lab.scenario.load import loads
from lab.scenario.model import Scenario

Runner = Callable[[str], Judged]


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Return this machine, ready. A machine that cannot is a failure, not a skip."""
    return machine(tmp_path_factory.mktemp("results"), insist=None, watch=silent)


def run_in(lab: Lab, scenario: Scenario, text: str) -> Judged:
    """Run `scenario` in a standing lab."""
    folder = RunFolder.create(lab.machine.results, scenario, as_written=text, resolved=dump(scenario))
    return run_one(lambda s, f, w: record(lab, s, f, w), scenario, folder, silent)


@contextmanager
def standing(here: Machine, text: str) -> Iterator[Runner]:
    """Build the lab of the scenario `text`; yield what runs that or another scenario of the same topology in it."""
    with Lab(here, loads(text), watch=silent) as lab:
        yield lambda other: run_in(lab, loads(other), other)


def scenario(body: str, *, duration: str = "8s") -> str:
    """Return a short scenario with both clients behind a bump, and `body`."""
    return (
        f"""
version: 1
name: e2e
media: {{duration: {duration}, settle: 2s, control: 3s}}
links: {{publisher: {{}}, subscriber: {{}}}}
expect: {{unexplained_frames: "== 0", audio_loss: "<= network + 1%"}}
"""
        + body
    )


def results_of(path: Path) -> list[Path]:
    """Return the run folders below `path`."""
    return sorted(manifest.parent for manifest in path.rglob("manifest.json"))
