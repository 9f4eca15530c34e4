"""Labs on a fake engine, for tests: planned, or standing as far as programs need one."""

from __future__ import annotations

from pathlib import Path

from lab.evidence.store import RunFolder
from lab.rig.layout.images import Image, Images
from lab.rig.process.watch import Watch, silent
from lab.rig.standing.lab import Lab, Machine
from lab.rig.standing.server import Credentials
from lab.rig.standing.zygotes import Zygotes
from lab.scenario.dump import dump
from lab.scenario.model import Scenario
from tests.fakes.engine import FakeEngine


def planned(engine: FakeEngine, folder: Path, scenario: Scenario, *, watch: Watch = silent, keep: bool = False) -> Lab:
    """Return a lab on `engine` that does not exist yet."""
    image = Image(reference="i", digest="sha256:0", recipe="i:0", how="built")
    images = Images(base=image, router=image, server=image, client=image)
    machine = Machine(engine=engine, images=images, driver="kernel", results=folder, cache=folder)
    return Lab(machine, scenario, watch=watch, keep=keep)


def on_fake(engine: FakeEngine, folder: Path, scenario: Scenario) -> Lab:
    """Return a lab on `engine` with names for its nodes and a running server, but nothing else."""
    lab = planned(engine, folder, scenario)
    lab.nodes = {node.name: f"node-{node.name}" for node in lab.topology.nodes}
    lab.credentials = Credentials()
    lab.zygotes = Zygotes(lab.machine, lab.identity, folder / "scratch")
    return lab


def run_folder(results: Path, scenario: Scenario) -> RunFolder:
    """Return a new run folder of `scenario`."""
    return RunFolder.create(results, scenario, as_written="", resolved=dump(scenario))
