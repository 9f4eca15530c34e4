"""Whether the judge sees what was injected: the same recording without any trace of it must give the same bytes."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml

from lab.batch.runs.one import judged
from lab.evidence import names
from lab.evidence.manifest import read_manifest
from lab.evidence.store import RunFolder

TRACES = ("description", "seed", "links", "timeline", "impair_only", "impair", "server", "inject", "clients")
"""Everything of a resolved scenario but `media`, `expect`, and what it is called."""


def seen_through(run: Path) -> bool:
    """Say whether the verdict on `run` is another one when nothing tells what was injected."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(run, Path(scratch) / run.name))
        blindfold(copy)
        return judged(copy).json != judged(run).json


def blindfold(run: Path) -> None:
    """Delete every trace of the injection from the folder `run`, and seal it anew."""
    scenario = yaml.safe_load((run / names.RESOLVED).read_text())
    kept = {key: value for key, value in scenario.items() if key not in TRACES}
    (run / names.RESOLVED).write_text(yaml.safe_dump(kept, sort_keys=False))
    (run / names.AS_WRITTEN).write_text("")
    steps = [json.loads(line) for line in (run / names.STEPS).read_text().splitlines()]
    for step in steps:
        step["directions"] = [{**each, "argv": []} for each in step["directions"]]
    (run / names.STEPS).write_text("".join(json.dumps(step) + "\n" for step in steps))
    for file in (*run.glob("clients/*/injected.jsonl"), *run.glob("clients/*/config.json")):
        file.unlink()
    _reseal(run)


def _reseal(run: Path) -> None:
    """Make what is left count as what was sealed."""
    manifest = read_manifest(run)
    RunFolder(run, replace(manifest, phases=manifest.phases[:-1]), clock=lambda: manifest.phases[-1].t_ns).seal()
