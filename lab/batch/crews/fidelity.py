"""How many labs may run side by side without measuring each other: from what finished runs say about this machine.

Law: lanes are added only while a whole round of runs was clean, which an attempt that came to nothing is not, and the
CPU that a lane was measured to take leaves room; one is taken away as soon as runs are void through the machine, or the
bump is slower than it was with one lane. What was taken away does not come back, and one lane always stays. A run says
something about the number of lanes it began with, and nothing about any other.
"""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

from lab.batch.crews.crew import Attempt
from lab.batch.folders.journal import ERROR

MOST_BUSY = 0.8
"""Share of this machine's CPUs that lanes may take together."""
MOST_LANES = 12
LAB_BYTES = 1_000_000_000
"""Memory that is to be free for a lab: one of two clients takes 0.5 to 0.7 GB, measured."""
BUMP_RISE_MS = 3.0
"""By how much the median of the bump's p99 may rise above what it was with one lane."""
BUMP_MS = 5.0
"""How much it may be where nobody knows what it is with one lane: half of what makes a run void."""
MACHINE_GATES = frozenset({"pacer", "steal", "starved", "captures", "bump slow"})
"""Gates that fail when a machine is asked too much."""
_ROUND = 3
"""Runs that a judgement about lanes needs at least, unless it is about void ones."""


def most_lanes(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return how many lanes there may be at the most: as many labs as fit into the memory that is available now."""
    available_kib = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
    if available_kib is None:
        return MOST_LANES
    return max(1, min(MOST_LANES, int(available_kib[1]) * 1024 // LAB_BYTES))


class Fidelity:
    """How many lanes there may be now."""

    def __init__(self, lanes: int | None, most: int = MOST_LANES) -> None:
        """Begin with `lanes`; with None with one, and find out how many are possible, `most` at the most."""
        self.lanes = 1 if lanes is None else lanes
        self.changes = 0
        """How often the number of lanes has changed; whoever begins a run notes it."""
        self._most = self.lanes if lanes is not None else most
        self._runs: list[Attempt] = []
        self._alone: float | None = None

    def heard(self, run: Attempt, changes: int) -> str:
        """Take a finished run into account; return what changed, in words, nothing when nothing did.

        `changes` is how many there had been when it began: after another one it is ignored, or the verdicts of one bad
        round, which come one by one, would take a lane away each time that enough of them have come.
        """
        if changes != self.changes:
            return ""
        self._runs.append(run)
        self._runs = self._runs[-max(2 * self.lanes, _ROUND) :]
        if self.lanes == 1 and self._bumps():
            self._alone = median(self._bumps())
        if why := self._too_many():
            return self._fewer(why)
        return self._more()

    def _fewer(self, why: str) -> str:
        if self.lanes == 1:
            self._runs.clear()
            return ""
        self._change(self.lanes - 1)
        self._most = self.lanes
        return f"a lane is taken away, {_count(self.lanes)} left: {why}"

    def _too_many(self) -> str:
        """Say why there are too many lanes."""
        void = sum(not MACHINE_GATES.isdisjoint(run.failed) for run in self._runs)
        if void >= 2:
            return f"{void} of the last {len(self._runs)} runs were void through this machine"
        if self._slower() and len(self._bumps()) >= _ROUND:
            return (
                f"the bump takes {median(self._bumps()):.1f} ms longer than configured, {self._usual():.1f} ms is usual"
            )
        return ""

    def _slower(self) -> bool:
        bumps = self._bumps()
        return bool(bumps) and median(bumps) > self._usual() + BUMP_RISE_MS

    def _usual(self) -> float:
        """Return what the bump takes with one lane, or may where nobody knows."""
        return BUMP_MS - BUMP_RISE_MS if self._alone is None else self._alone

    def _more(self) -> str:
        """Add lanes after a clean round, as many as there is room for, at most as many again."""
        shares = [run.busy for run in self._runs if run.busy is not None]
        clean = not self._slower() and not any(run.failed or run.outcome == ERROR for run in self._runs)
        if self.lanes >= self._most or len(shares) < self.lanes or not clean:
            return ""
        each = median(shares) / self.lanes
        room = min(self._most, 2 * self.lanes, int(MOST_BUSY / max(each, MOST_BUSY / MOST_LANES)))
        if room <= self.lanes:
            return ""
        self._change(room)
        return f"{_count(room)} side by side: one takes {each:.0%} of this machine"

    def _change(self, lanes: int) -> None:
        self.lanes = lanes
        self.changes += 1
        self._runs.clear()

    def _bumps(self) -> list[float]:
        return [run.bump_ms for run in self._runs if run.bump_ms is not None]


def _count(lanes: int) -> str:
    return "one lane" if lanes == 1 else f"{lanes} lanes"
