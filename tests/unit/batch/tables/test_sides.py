"""Sides of a comparison with settings of several kinds: what counts as one pair, and what is asked for at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.analysis.several.compared import Comparison, Scope
from lab.batch.crews.crew import Attempt
from lab.batch.folders.committed import SweepFolder
from lab.batch.plans.cells import Cell
from lab.batch.tables.comparing import Asked, code, compare
from lab.errors import UsageError
from lab.scenario.dump import dump
from lab.scenario.load import draft
from tests.fakes.judged import Said, run, sweep
from tests.fakes.verdicts import JudgedRuns
from tests.unit.batch.sweeps import test_limit as searches


def asked(*sides: Path | str, allow: tuple[str, ...] = ()) -> Comparison:
    """Compare two `sides` by a count, of which one pair alone tells nothing."""
    metrics = ("delay_p95",)
    (found,) = compare(Asked(sides=tuple(map(str, sides)), results=Path("nowhere"), metrics=metrics, allow=allow))
    return found


@pytest.mark.parametrize(("axis", "pairs"), [("seed=1,2,3,4,5", 5), ("links.publisher.up.loss=0%,1%,2%,3%,4%", 1)])
def test_settings_with_seeds_of_their_own_are_pairs_of_their_own(tmp_path: Path, axis: str, pairs: int) -> None:
    """Five seeds tell as much as five repetitions; five settings of one repetition share their dice."""

    def late(cell: Cell, by_ms: float, times: float) -> Said:
        return Said(figures={"delay_p95": by_ms + times * float(cell.setting[0][1].rstrip("%"))})

    first = sweep(tmp_path / "a", axis, lambda cell: late(cell, 60, 1), repeat=1)
    second = sweep(tmp_path / "b", axis, lambda cell: late(cell, 90, 3), "media.red=false", repeat=1)
    (every,) = [row for row in asked(first, second).rows if row.scope == Scope.ALL]
    assert every.difference.n == pairs


class Breaking(JudgedRuns):
    """Runs that fail from a loss of 5 % on, and are all measured alike."""

    def __init__(self) -> None:
        super().__init__(lambda _: {"delay_p95": (60, 59, 61)})

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        self.ends[cell.id] = ("PASS" if float(dict(cell.setting)[searches.KEY].rstrip("%")) < 5 else "FAIL",)
        return super().__call__(cell, folder)


def test_of_a_search_only_what_it_began_is_compared(tmp_path: Path) -> None:
    """The levels that it never needed are not missing."""
    first, second = (searches.laid(tmp_path / name, repeat=8) for name in "ab")
    for folder in (first, second):
        searches.search(folder, Breaking())
    found = asked(first, second)
    begun = SweepFolder(first).cells
    assert 0 < found.pairs == len(begun) < len(SweepFolder(first).plan.cells)
    assert (found.alone, found.uncompared, code([found], strict=True)) == ((), (), 0)
    assert [row.setting for row in found.rows if row.scope == Scope.SETTING] == sorted(
        {cell.setting for cell in begun}, key=lambda setting: float(setting[0][1].rstrip("%"))
    )


def test_a_search_is_not_split_along_the_axis_that_it_searches(tmp_path: Path) -> None:
    """No two of its levels share a repetition: that no pair was found would look like something that went wrong."""
    folder = searches.laid(tmp_path / "s", "media.red=true,false", repeat=4)
    searches.search(folder, Breaking())
    with pytest.raises(UsageError, match=r"a search along links\.publisher\.up\.loss.*no two levels.*--repeat"):
        compare(Asked(sides=(str(folder),), results=tmp_path, by="loss"))
    (found,) = compare(Asked(sides=(str(folder),), results=tmp_path, by="red"))
    assert found.pairs


def test_what_only_a_later_scenario_has_may_be_allowed(tmp_path: Path) -> None:
    """Folders of two scenarios, of which only the second has a link of alice's: what is recommended is taken."""
    two = "version: 1\nseed: 7\nclients: {alice: {role: publisher}, bob: {role: subscriber}}\n"
    for side, red, loss in (("a", "true", "5%"), ("b", "false", "6%")):
        run(tmp_path / side / "one" / "1", Said(), None, f"media.red={red}")
        file = tmp_path / f"{side}.yaml"
        file.write_text(f"{two}media: {{red: {red}}}\nlinks: {{alice: {{up: {{loss: {loss}}}}}}}\n")
        run(tmp_path / side / "two" / "1", Said(), dump(draft(file).scenario()))
    with pytest.raises(UsageError, match=r"--allow links\.alice\.up\.loss"):
        asked(tmp_path / "a", tmp_path / "b")
    found = asked(tmp_path / "a", tmp_path / "b", allow=("links.alice.up.loss",))
    assert [one.thing for one in (*found.compared, *found.allowed)] == ["media.red", "links.alice.up.loss"]
    with pytest.raises(UsageError, match="nothing of that name"):
        asked(tmp_path / "a", tmp_path / "b", allow=("links.alice.up.los",))


@pytest.mark.parametrize("above", [0, 1])
def test_a_folder_of_sweeps_is_answered_with_one_of_them(tmp_path: Path, above: int) -> None:
    """Where `-o` put them, or in the scenario's folder below that: what is there is said, and what to name instead."""
    made = sweep(tmp_path / "results" / "base" / "sweep", "media.red=true,false", lambda _: Said(), repeat=1)
    holding = made.parents[above]
    with pytest.raises(UsageError, match=f"{holding}: holds sweeps and no runs .name one of them, such as {made}"):
        asked(holding, made)
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: holds no runs"):
        asked(empty, made)
