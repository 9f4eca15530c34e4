"""Runs and sweeps that were judged, without a recording: real manifests, scenarios and verdicts, as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.analysis.numbers.shares import wilson
from lab.analysis.values import FlowVerdict, Frames, Measured, Outcome, Owner, RunVerdict
from lab.batch.folders.committed import PLAN, sealed
from lab.batch.folders.journal import CELLS, Ended, Journal, Opened
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.cells import Cell
from lab.batch.plans.planning import plan
from lab.evidence import names
from lab.evidence.manifest import Image, Netem
from lab.evidence.store import RunFolder
from lab.report.json import dumps
from lab.scenario.dump import dump
from lab.scenario.load import draft, loads
from lab.scenario.metrics import METRICS

FILE = "version: 1\nseed: 7\nmedia: {red: true}\nlinks: {publisher: {up: {loss: 5%}}}\n"
FRAMES = 1500
_NOTHING = Frames(made=FRAMES, decodable=None, heard=None, lost=None, inserted_ms={}, unexplained=None)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a run was judged to be, and the conditions it was made under; `figures` are other metrics' values."""

    outcome: Outcome = Outcome.PASS
    owner: Owner = Owner.NONE
    audio_loss: float | None = 0.02
    figures: Mapping[str, float] = field(default_factory=dict)
    subscribers: tuple[str, ...] = ("subscriber",)
    server: str = "sha256:one"
    recipe: str = ""
    cpus: int = 2
    driver: str = "vm"


def run(folder: Path, said: Said = Said(), text: str | None = None, *sets: str) -> Path:
    """Make the run folder `folder`: of the resolved scenario `text`, else of FILE with `sets`. Return it."""
    resolved = _resolved(folder.parent, sets) if text is None else text
    made = RunFolder.at(folder, loads(resolved, source="run"), as_written=resolved, resolved=resolved)
    scenario = loads(resolved, source="run")
    made.put(
        replace(
            made.manifest,
            versions={"lab": "0.1.0", "programs": "abc", "server": scenario.server.version, "engine": "20.10"},
            images={"server": Image(reference="livekit", digest=said.server, recipe=said.recipe, how="built")},
            netem=Netem(driver=said.driver, seeded=True, kernel="6.12", iproute2="6.15"),  # type: ignore[arg-type]
            host={"cpus": said.cpus},
        )
    )
    made.seal()
    made.write(names.VERDICT, dumps([_verdict(folder.name, scenario.name, said)]))
    return folder


def sweep(folder: Path, axis: str, says: Callable[[Cell], Said], *sets: str, repeat: int = 2) -> Path:
    """Make the folder of a sweep of FILE, with `sets`, over `axis`; what a cell was judged to be is what it `says`."""
    folder.mkdir(parents=True)
    (folder / "base.yaml").write_text(FILE)
    planned = plan(folder / "base.yaml", SweepAsked(axes=(axis,), repeat=repeat, sets=sets))
    (folder / PLAN).write_text(planned.dump())
    with Journal(folder) as journal:
        journal.append(Opened(plan=planned.digest, lab="0.1.0", pid=1))
        for number, cell in enumerate(planned.cells):
            said, name = says(cell), f"20260101-000000-{number:04x}"
            made = run(folder / CELLS / cell.id / name, said, cell.text)
            ended = Ended(cell=cell.id, attempt=1, run=name, outcome=said.outcome, manifest=sealed(made))
            journal.append(ended)
    return folder


def _resolved(folder: Path, sets: tuple[str, ...]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "base.yaml").write_text(FILE)
    return dump(draft(folder / "base.yaml", sets=sets).scenario())


def _verdict(name: str, scenario: str, said: Said) -> RunVerdict:
    flow = FlowVerdict(
        publisher="publisher",
        subscriber="",
        outcome=said.outcome,
        owner=said.owner,
        frames=_NOTHING,
        hops=(),
        expectations=(),
        damage={},
        reasons=(),
        metrics=tuple(_measured(each.name, each.unit, said) for each in METRICS),
    )
    return RunVerdict(
        run=name,
        scenario=scenario,
        outcome=said.outcome,
        owner=said.owner,
        reasons=(),
        void=("pacer: ticked late",) if said.outcome == Outcome.VOID else (),
        netem_driver=said.driver,
        netem_seeded=True,
        seed=7,
        server_version="v1.13.5",
        gates=(),
        flows=tuple(replace(flow, subscriber=subscriber) for subscriber in said.subscribers),
    )


def _measured(name: str, unit: str, said: Said) -> Measured:
    if name != "audio_loss":
        return Measured(name=name, unit=unit, value=said.figures.get(name, 0.0))
    if said.audio_loss is None:
        return Measured(name=name, unit=unit, value=None)
    low, high = wilson(said.audio_loss * FRAMES, FRAMES)
    return Measured(name=name, unit=unit, value=said.audio_loss, low=low, high=high)
