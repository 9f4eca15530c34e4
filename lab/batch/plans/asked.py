"""The sweep that is asked for over a scenario file, and what that comes to together with the file's `sweep:` section.

Law: what the command line says counts before what the file says, and takes its place: all axes of it, or its repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import ScenarioError, UsageError
from lab.scenario import sweeping
from lab.scenario.known import meant
from lab.scenario.load import Draft
from lab.scenario.model import Scenario
from lab.scenario.sweeping import Sweep
from lab.scenario.written import ScenarioWritten


@dataclass(frozen=True, kw_only=True)
class SweepAsked:
    """A sweep as the command line has it.

    `axes` (`KEY=a,b`) are combined, but for those that `zips` lets advance together, `repeat` times each, with clean
    `controls` in between; `sets` are laid over the file first, and `seed` counts before the file's.
    """

    axes: tuple[str, ...] = ()
    zips: tuple[tuple[str, ...], ...] = ()
    repeat: int | None = None
    sets: tuple[str, ...] = ()
    seed: int | None = None
    controls: bool = True

    @property
    def varies(self) -> bool:
        """Whether it asks for a sweep where the file has none."""
        return bool(self.axes or self.zips or self.repeat is not None)

    def over(self, file: Draft) -> Sweep:
        """Return the sweep that this is over `file`: its own axes, or where it has none the file's. UsageError."""
        written = file.sweep or Sweep(axes=())
        axes = [sweeping.axis(each) for each in self.axes] or written.axes
        found = sweeping.sweep(axes, self.zips, written.repeat if self.repeat is None else self.repeat)
        if not found.axes and found.repeat == 1:
            raise UsageError(
                f"{file.tree.source}: nothing to sweep",
                fix="give axes such as links.publisher.up.loss=0%,5%, or --repeat, or write a sweep: section",
            )
        return found


def check_known(asked: Sweep, base: Scenario, file: Draft) -> None:
    """Refuse a key that starts nowhere, with the fields that end in it; what is wrong further in, loading says."""
    for key in (key for axis in asked.axes for key in axis.keys):
        if key.partition(".")[0] in ScenarioWritten.model_fields:
            continue
        if names := meant(key, base):
            raise UsageError(f"{file.origin_of(key)}: unknown field", fix=f"did you mean {' or '.join(names)}?")


def check_sets(asked: Sweep, sets: Sequence[str], file: Draft) -> None:
    """Refuse a `--set` whose key is an axis, or in one: each cell lays its own value over it. ScenarioError."""
    for key in (each.partition("=")[0] for each in sets):
        for axis in (name for each in asked.axes for name in each.keys):
            if f"{key}.".startswith(f"{axis}."):
                where = file.origin_of(axis)
                raise ScenarioError(f"{where}: is an axis, so --set {key} does nothing; leave one of them out")
