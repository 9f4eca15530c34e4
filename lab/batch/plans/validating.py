"""`lab validate`: whether scenario files, and every cell of their sweeps, can be meant.

Law: nothing is touched, and no file hides what is wrong with another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.errors import ScenarioError, UsageError
from lab.scenario.load import draft, every, find, load


def validate_all(files: Iterable[Path]) -> Iterator[str]:
    """Yield a line per valid file; at the end raise ScenarioError with every complaint about the others."""
    return (line for _, line in every(find(files), _valid))


def _valid(path: Path) -> str:
    """Check the scenario in `path`, and every cell of its sweep; say that it is valid. ScenarioError."""
    scenario = load(path)
    try:
        swept = _cells_of(path)
    except ScenarioError:
        raise
    except UsageError as error:
        raise ScenarioError(f"{path}: sweep: {error}") from error
    return f"{path}: ok ({scenario.name}, {scenario.media.duration_ms / 1000:g} s{swept})"


def _cells_of(path: Path) -> str:
    """Check every cell of the file's own sweep; return how many there are, in words."""
    if draft(path).sweep is None:
        return ""
    found = plan(path, SweepAsked(controls=False))
    return f", a sweep of {len(found.cells)}"
