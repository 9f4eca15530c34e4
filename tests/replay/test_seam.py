"""The seam between recording and judging: a replay is as good a `Record` as a lab."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.analysis.values import Outcome, Owner
from lab.batch.folders.stored import find, runs
from lab.batch.runs.one import run_one
from lab.evidence.manifest import read_manifest
from lab.evidence.store import RunFolder
from lab.rig.process.watch import Watch, silent
from lab.scenario.load import load
from lab.scenario.model import Scenario
from tests.replay.keep import unpacked

ROOT = Path(__file__).parents[2]


def test_everything_above_the_rig_runs_on_a_replay(tmp_path: Path) -> None:
    """Record, judge, keep, find again: without an engine."""
    stored = unpacked("twenty-percent", tmp_path / "stored")

    def replay(_scenario: Scenario, folder: RunFolder, _watch: Watch) -> None:
        shutil.copytree(stored, folder.path, dirs_exist_ok=True)

    scenario = load(ROOT / "scenarios" / "twenty-percent.yaml")
    folder = RunFolder.create(tmp_path / "results", scenario, as_written="", resolved="")
    done = run_one(replay, scenario, folder, silent)
    assert (done.verdict.outcome, done.verdict.owner, done.exit_code) == (Outcome.PASS, Owner.UPLINK, 0)
    assert (folder.path / "derived" / "verdict.json").read_text() == done.json
    assert runs(tmp_path / "results") == [folder.path] == [find("last", tmp_path / "results")]
    assert find(folder.path.name[:6], tmp_path / "results") == folder.path
    assert read_manifest(folder.path).phase == "sealed"
