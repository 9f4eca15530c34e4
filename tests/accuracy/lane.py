"""One lane: cells of the same topology share labs, one run after another, each examined as soon as it is whole.

Law: whatever becomes of a run is a line of the journal; a lab that a run left in doubt serves no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from lab.errors import LabError
from lab.evidence.store import RunFolder
from lab.rig.layout.topology import topology
from lab.rig.process.watch import silent
from lab.rig.session import record
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.dump import dump
from lab.scenario.load import load
from lab.scenario.model import Limits, Scenario
from tests.accuracy.examine import examine
from tests.accuracy.harness import Saboteur, sabotage
from tests.accuracy.journal import Journal, Line, sha256
from tests.accuracy.matrix import Cell

RUNS_PER_LAB = 25
LAB_LIVES_MS = 600_000
"""Media time for which a shared lab is planned: its containers end themselves some time after it."""

Told = Callable[[Line], None]


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Where runs are made and written down."""

    machine: Machine
    journal: Journal
    told: Told

    def go(self, cells: Sequence[Cell]) -> None:
        """Record and examine `cells`, those of one topology together."""
        for _, alike in groupby(sorted(cells, key=self._group), key=self._group):
            waiting = list(alike)
            while waiting:
                served = self._in_one_lab(waiting[:RUNS_PER_LAB])
                waiting = waiting[served:]

    def _in_one_lab(self, cells: Sequence[Cell]) -> int:
        """Run cells in one lab until all are done or the lab is spent; return how many were."""
        host = self._scenario(cells[0])
        host = replace(host, media=replace(host.media, duration_ms=LAB_LIVES_MS))
        with ExitStack() as stack:
            try:
                lab = stack.enter_context(Lab(self.machine, host, watch=silent))
            except LabError as error:
                self._write(cells[0], None, 0.0, f"no lab: {error}")
                return 1
            for count, cell in enumerate(cells, 1):
                if not self._run(lab, cell):
                    return count
        return len(cells)

    def _run(self, lab: Lab, cell: Cell) -> bool:
        """Make one run; return whether the lab is as it was."""
        scenario = self._scenario(cell)
        folder = RunFolder.create(self.machine.results, scenario, as_written=cell.text, resolved=dump(scenario))
        done = sabotage(cell.sabotage) if cell.sabotage else None
        saboteur = Saboteur(lab, done, cell.sabotage_strength or {}) if done else None
        began, error = time.monotonic(), ""
        try:
            record(lab, scenario, folder, saboteur or silent)
        except LabError as failure:
            error = f"{type(failure).__name__}: {failure}"
        finally:
            if saboteur:
                saboteur.over()
        if saboteur and saboteur.failure:
            error = f"the sabotage failed: {saboteur.failure}"
        self._write(cell, folder.path, time.monotonic() - began, error)
        return not error and not (done and done.spends)

    def _write(self, cell: Cell, folder: Path | None, wall_s: float, error: str) -> None:
        line = Line(
            cell=cell.id,
            attempt=len(self.journal.of(cell)) + 1,
            text_sha256=sha256(cell),
            faults=cell.faults,
            strengths=tuple(dict(each) for each in cell.strengths),
            sabotage=cell.sabotage,
            folder=str(folder.relative_to(self.journal.folder)) if folder else None,
            wall_s=round(wall_s, 1),
            error=error,
            found=examine(folder, cell.faults) if folder else {},
        )
        self.journal.append(line)
        self.told(line)

    def _scenario(self, cell: Cell) -> Scenario:
        """Return the scenario of a cell, from a file beside the journal, as a user would run it."""
        file = self.journal.folder / "scenarios" / f"{cell.id}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(cell.text)
        return load(file)

    def _group(self, cell: Cell) -> str:
        """Return what cells must have in common to share a lab (`rig.sharing`)."""
        scenario = self._scenario(cell)
        layout = topology(scenario)
        server = replace(scenario.server, after_join=Limits())
        return repr((layout.clients, layout.links, layout.background, scenario.impair_only, server))
