"""Those who make a sweep's runs: what is asked of them.

Law: how a run ended is told in the thread that asks, one at a time, so that one thread writes the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from lab.batch.folders.journal import ERROR
from lab.batch.plans.cells import Cell


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one run of a cell ended.

    `outcome` is that of its verdict, or ERROR: nothing there that could be judged, `why` says why and `exit_code` what
    that alone would exit with. `failed` names the gates that made it VOID, `bump_ms` is how much slower than
    configured the bump was (p99, ms), `busy` which share of this machine's CPUs was in use meanwhile, but for what
    gives way to others, `wall_s` how long it took without the judging. `final`: another attempt would fail of the same.
    """

    outcome: str
    owner: str = ""
    why: str = ""
    exit_code: int = 0
    failed: tuple[str, ...] = ()
    bump_ms: float | None = None
    busy: float | None = None
    wall_s: float = 0.0
    final: bool = False

    def __post_init__(self) -> None:
        """Refuse one that failed and exits as if it had not. ValueError."""
        if self.outcome == ERROR and self.exit_code == 0:
            raise ValueError(f"an attempt that failed has an exit code, and it is not 0: {self.why}")


RunCell = Callable[[Cell, Path], Attempt]
"""Makes one run of a cell into a folder that is not there yet, its name the run's id, and says how it ended.

Raises StorageError when nothing more can be stored here; what else goes wrong is an Attempt."""

Finish = Callable[[], Attempt]
"""Judges a run that was recorded, and says how it ended."""
Recorder = Callable[[Cell, Path], Finish]
"""A RunCell in two steps: after the first one the next run may begin."""


def of_one_repetition(waiting: Sequence[Cell]) -> Iterator[Cell]:
    """Return the first cells of those `waiting`: of one repetition, all of which begin before the next one."""
    first = next((cell.repetition for cell in waiting if not cell.control), None)
    return takewhile(lambda cell: cell.control or cell.repetition == first, waiting)


@dataclass(frozen=True, kw_only=True)
class Done:
    """The attempt at a cell came to its end."""

    cell: Cell
    attempt: Attempt


class Crew(Protocol):
    """Those who make runs: lanes of this machine, or workers of a cluster."""

    leftovers: int
    """How often something was left behind on this machine, so far; it is known once the crew was closed."""

    def choose(self, waiting: Sequence[Cell]) -> Cell | None:
        """Return the cell that can begin now, None while everybody is busy."""

    def begin(self, cell: Cell, folder: Path) -> None:
        """Begin the chosen `cell`; its run will be in `folder`."""

    def ended(self) -> Done | None:
        """Wait until an attempt came to its end, or (None) until somebody may be free. Raises what stops everything."""
