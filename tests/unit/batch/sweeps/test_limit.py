"""A search for a limit over fake runs with real files: it converges, goes on where it was cut off, and says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from lab.analysis.several.limit_search import Answer, Stop
from lab.batch.crews.crew import Attempt, RunCell
from lab.batch.folders import limit_file
from lab.batch.folders.committed import PLAN, SweepFolder
from lab.batch.folders.journal import Began, Journal, Noted
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.cells import Cell
from lab.batch.plans.planning import plan
from lab.batch.sweeps import limit
from lab.batch.sweeps.attempts import Attempts
from lab.batch.sweeps.selecting import Selection, Shard
from lab.batch.sweeps.sweep import Request, sweep
from lab.batch.tables import limits, listing
from lab.batch.tables.showing import shown
from lab.errors import EnvironmentFault, EvidenceError, UsageError
from lab.report.limit import Limit, dumps, sentence
from lab.rig.process.watch import silent
from lab.scenario.ladders import ladder
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import BASE, FakeRuns, judge

KEY = "links.publisher.up.loss"
Says = Callable[[float, int], str]
"""From loss in percent and repetition to an outcome."""


class Runs:
    """A `RunCell`: what a run of a level says, the test decides; a control passes."""

    def __init__(self, says: Says, dies_at: int = 0) -> None:
        """Make runs that say `says`; the run number `dies_at` takes the process with it."""
        self._says, self._dies_at = says, dies_at
        self.made: list[tuple[str, int]] = []

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        if len(self.made) + 1 == self._dies_at:
            raise KeyboardInterrupt
        level = dict(cell.setting)[KEY]
        self.made.append(("control" if cell.control else level, cell.repetition))
        outcome = "PASS" if cell.control else self._says(float(level.removesuffix("%")), cell.repetition)
        return FakeRuns({cell.id: (outcome,)})(cell, folder)  # each attempt at a cell ends alike


@cache
def plan_text(axes: tuple[str, ...], repeat: int, controls: bool) -> str:
    """Return plan.json of a search among the levels 0 % to 10 %."""
    with TemporaryDirectory() as place:
        file = Path(place) / "base.yaml"
        file.write_text(BASE)
        return plan(
            file, SweepAsked(axes=(*axes, ladder(f"{KEY}=0%..10%/1%")), repeat=repeat, controls=controls)
        ).dump()


def laid(folder: Path, *axes: str, repeat: int = 24, controls: bool = False) -> Path:
    """Return the folder of a search that nobody has begun."""
    folder.mkdir(parents=True)
    limit_file.mark(folder, KEY)
    (folder / PLAN).write_text(plan_text(axes, repeat, controls))
    return folder


def search(
    folder: Path, runs: RunCell, may_begin: Callable[[Cell], bool] = lambda _: True, side_by_side: int = 1
) -> tuple[Limit, ...]:
    """Search until it ends; return what is known."""
    with Journal(folder) as journal:
        attempts = Attempts(SweepFolder(folder), journal, lambda _: None)
        attempts.resume(judge)
        limit.go(folder, attempts, InOrder(runs), may_begin, side_by_side)
    return limit.limits(SweepFolder(folder))


def notes(folder: Path) -> list[str]:
    """Return every note in the journal."""
    return [line.event.words for line in SweepFolder(folder).lines if isinstance(line.event, Noted)]


def breaks_from(percent: float) -> Says:
    """Return runs that fail from `percent` on."""
    return lambda level, _: "FAIL" if level >= percent else "PASS"


def test_it_finds_the_step_at_which_runs_begin_to_fail(tmp_path: Path) -> None:
    """In a third of the runs that trying every level as often would take; each is a repetition of its own."""
    runs = Runs(breaks_from(7))
    (found,) = search(laid(tmp_path / "s"), runs)
    assert (found.holds, found.breaks, found.look.stop, found.is_known) == ("6%", "7%", Stop.FOUND, True)
    assert len(runs.made) == len(found.runs) <= 20
    assert [again for _, again in runs.made] == list(range(1, len(runs.made) + 1))


@pytest.mark.parametrize("cut", [1, 8])
def test_a_search_that_was_cut_short_goes_on_as_if_it_had_not_been(tmp_path: Path, cut: int) -> None:
    """Killed in the middle of a run: that one is made again, and everything after it is what it would have been."""
    whole = Runs(breaks_from(7))
    search(laid(tmp_path / "whole"), whole)
    first, second = Runs(breaks_from(7), dies_at=cut), Runs(breaks_from(7))
    folder = laid(tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        search(folder, first)
    (found,) = search(folder, second)
    assert first.made + second.made == whole.made
    assert found.look.stop == Stop.FOUND
    assert sum(isinstance(line.event, Began) for line in SweepFolder(folder).lines) == len(whole.made) + 1


def test_a_finished_search_is_not_searched_again(tmp_path: Path) -> None:
    """Nothing more is run, controls neither."""
    folder = laid(tmp_path / "s", controls=True)
    search(folder, Runs(breaks_from(7)))
    again = Runs(breaks_from(7))
    search(folder, again)
    assert again.made == []


def test_void_runs_are_made_again_and_say_nothing(tmp_path: Path) -> None:
    """Three attempts that are all void end the repetition; the next one has other dice."""
    (found,) = search(
        laid(tmp_path / "s"), Runs(lambda level, again: "VOID" if again == 3 else breaks_from(7)(level, again))
    )
    assert (found.holds, found.breaks, found.void) == ("6%", "7%", 3)
    assert 3 not in {run.repetition for run in found.runs}


def test_a_search_that_nothing_comes_of_ends_and_goes_on_when_that_is_mended(tmp_path: Path) -> None:
    """Three runs in a row, each void three times: forty of them would say no more. What is left is not thrown away."""
    folder, runs = laid(tmp_path / "s", controls=True), Runs(lambda *_: "VOID")
    with pytest.raises(EnvironmentFault, match=r"3 runs in a row came to nothing.*the last: VOID.*--resume"):
        search(folder, runs)
    assert [again for level, again in runs.made if level != "control"] == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    (found,) = search(folder, Runs(breaks_from(7)))
    assert (found.holds, found.breaks, found.void) == ("6%", "7%", 12)


def test_a_search_goes_on_as_long_as_something_counts_now_and_then(tmp_path: Path) -> None:
    """Two runs of three are void; and where no more are to be made, nobody is told to go on."""
    (found,) = search(
        laid(tmp_path / "s"), Runs(lambda level, again: "VOID" if again % 3 else breaks_from(7)(level, again))
    )
    assert len(found.runs) == 8
    (none,) = search(laid(tmp_path / "few", repeat=3), Runs(lambda *_: "VOID"))
    assert (none.runs, none.is_used_up) == ((), True)


def test_an_answer_that_was_lost_is_made_again_however_many_void_ones_came_before(tmp_path: Path) -> None:
    """As the note says; and the lost run is not called void."""
    folder = laid(tmp_path / "s", repeat=1)
    first = SweepFolder(folder).plan.cells
    (found,) = search(folder, FakeRuns({cell.id: ("VOID", "VOID", "PASS") for cell in first}))
    shutil.rmtree(found.runs[0].folder)
    again = Runs(breaks_from(99))
    (found,) = search(folder, again)
    assert "it is made again" in "".join(notes(folder))
    assert (len(again.made), len(found.runs), found.void) == (1, 1, 2)


def test_runs_that_say_neither_leave_a_zone(tmp_path: Path) -> None:
    """UNKNOWN from 4 % to 7 %: the interval is what lies around it, and the reason is told."""

    def says(level: float, _: int) -> str:
        return "PASS" if level < 4 else "FAIL" if level > 7 else "UNKNOWN"

    (found,) = search(laid(tmp_path / "s"), Runs(says))
    assert (found.holds, found.breaks, found.look.stop) == ("3%", "8%", Stop.MIXED)
    assert {run.answer for run in found.runs} == set(Answer)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (breaks_from(-1), "breaks at 0%, the mildest level"),
        (breaks_from(99), "holds up to 10%, the harshest level"),
        (lambda level, _: "PASS" if level > 4 else "FAIL", "holds up to 10%, the harshest level"),
    ],
)
def test_a_limit_beyond_the_range_is_told_as_one(tmp_path: Path, says: Says, words: str) -> None:
    """One end alone is known; it is what a range that was written the wrong way round comes to as well."""
    (found,) = search(folder := laid(tmp_path / "s"), Runs(says))
    assert sentence(found) == words
    told = limits.told(SweepFolder(folder), "text", 120)
    assert "if 0% is harsher than 10%, write the range the other way round" in told


def test_when_its_runs_are_used_up_the_interval_holds_all_the_same(tmp_path: Path) -> None:
    """Ten repetitions are planned: it ends, not finished, and says what it knows."""
    runs = Runs(breaks_from(7))
    (found,) = search(laid(tmp_path / "s", repeat=10), runs)
    assert len(runs.made) == 10
    assert (found.look.stop, found.is_known) == (None, False)


def test_each_setting_of_other_axes_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """With redundancy it holds longer: two searches, side by side."""
    red: dict[str, Says] = {"true": breaks_from(9), "false": breaks_from(3)}

    class Two(Runs):
        def __call__(self, cell: Cell, folder: Path) -> Attempt:
            self._says = red[dict(cell.setting)["media.red"]]
            return super().__call__(cell, folder)

    found = search(laid(tmp_path / "s", "media.red=true,false"), Two(breaks_from(0)))
    assert {one.setting: (one.holds, one.breaks) for one in found} == {
        (("media.red", "false"),): ("2%", "3%"),
        (("media.red", "true"),): ("8%", "9%"),
    }


def test_clean_controls_come_first_each_ten_runs_and_last(tmp_path: Path) -> None:
    """What is wrong with the machine shows in them."""
    runs = Runs(breaks_from(7))
    (found,) = search(laid(tmp_path / "s", controls=True), runs)
    places = [place for place, (level, _) in enumerate(runs.made) if level == "control"]
    assert places[:2] == [0, 11]
    assert places[-1] == len(runs.made) - 1
    assert found.controls == ("PASS",) * len(places)


def test_what_may_not_begin_ends_the_search(tmp_path: Path) -> None:
    """Its time is over: no endless loop, and the next one goes on."""
    folder = laid(tmp_path / "s")
    none = Runs(breaks_from(7))
    search(folder, none, may_begin=lambda _: False)
    assert none.made == []
    (found,) = search(folder, Runs(breaks_from(7)))
    assert found.look.stop == Stop.FOUND


@pytest.mark.parametrize("lanes", [2, 4])
def test_runs_side_by_side_are_chosen_together(tmp_path: Path, lanes: int) -> None:
    """Rounds of as many: the same limit, a few more runs."""
    runs = Runs(breaks_from(7))
    (found,) = search(laid(tmp_path / "s"), runs, side_by_side=lanes)
    assert (found.holds, found.breaks) == ("6%", "7%")
    assert len(runs.made) <= 20 + 2 * lanes


class Waiting(InOrder):
    """A crew that notes how many runs wait for it at most."""

    most = 0

    def choose(self, waiting: Sequence[Cell]) -> Cell | None:
        """Return the first."""
        self.most = max(self.most, len(waiting))
        return super().choose(waiting)


def test_searches_share_the_lanes(tmp_path: Path) -> None:
    """However many limits are sought: no more runs at a time than there are lanes."""
    folder, crew = laid(tmp_path / "s", "media.red=true,false"), Waiting(Runs(breaks_from(7)))
    with Journal(folder) as journal:
        attempts = Attempts(SweepFolder(folder), journal, lambda _: None)
        attempts.resume(judge)
        limit.go(folder, attempts, crew, side_by_side=1)
    assert crew.most == 1
    assert [each.look.stop for each in limit.limits(SweepFolder(folder))] == [Stop.FOUND, Stop.FOUND]


def test_only_cells_that_were_begun_are_asked_for(tmp_path: Path) -> None:
    """Of all that are planned: the others are not missing, nobody wanted them. A plain sweep wants all."""
    folder = laid(tmp_path / "s")
    (found,) = search(folder, Runs(breaks_from(7)))
    swept = SweepFolder(folder)
    assert len(swept.plan.cells) == 11 * 24
    assert len(swept.cells) == len(swept.committed()) == len(found.runs)
    assert swept.missing() == ()
    assert len(listing.cells(folder)) == len(found.runs)
    (plain := laid(tmp_path / "plain") / limit_file.NAME).unlink()
    assert len(SweepFolder(plain.parent).missing()) == 11 * 24


def test_it_is_told_in_words_and_for_spreadsheets(tmp_path: Path) -> None:
    """The interval, how sure, which levels were tried, what breaking means; no figure that was not measured."""
    folder = laid(tmp_path / "s")
    search(folder, Runs(breaks_from(7)))
    told = limits.told(SweepFolder(folder), "text", 120)
    assert "holds at 6%, breaks at 7%   (95 % sure, " in told
    assert "breaks: a run fails in one of unexplained_frames == 0, audio_loss <= network + 0.5%" in told
    assert not {line.split()[0] for line in told.splitlines() if line[:1].isdigit()} - {f"{n}%" for n in range(11)}
    heads, *lines = limits.told(SweepFolder(folder), "csv", 80).splitlines()
    assert heads.startswith('"setting","level","held","broke"')
    assert all(line.endswith('"6%","7%","found"') for line in lines)
    assert shown(folder, None, None, "text", 120) == told
    assert "| 6% |" in shown(folder, None, None, "markdown", 80)


def test_the_interval_is_told_whenever_it_narrows(tmp_path: Path) -> None:
    """And only then; the last time it is what was found."""
    folder = laid(tmp_path / "s")
    search(folder, Runs(breaks_from(7)))
    told = notes(folder)
    assert told[0].startswith(f"{KEY}: ")
    assert told[-1] == f"{KEY}: holds at 6%, breaks at 7%"
    assert len(told) == len(set(told)) < 10


def test_a_search_cut_short_says_how_to_go_on_and_one_used_up_that_it_is(tmp_path: Path) -> None:
    """Neither has found it, and both tell what they know."""
    folder = laid(tmp_path / "s")
    with pytest.raises(KeyboardInterrupt):
        search(folder, Runs(breaks_from(7), dies_at=5))
    assert "lab sweep --resume" in limits.told(SweepFolder(folder), "text", 120)
    few = laid(tmp_path / "few", repeat=6)
    search(few, Runs(breaks_from(7)))
    assert "its 6 runs are used up" in limits.told(SweepFolder(few), "text", 120)


def test_a_search_is_used_up_when_its_last_run_is_void_time_after_time(tmp_path: Path) -> None:
    """Nothing is left for --resume to make; after the first void attempt there is."""
    folder = laid(tmp_path / "s", repeat=3)

    def says(level: float, again: int) -> str:
        return "VOID" if again == 3 else breaks_from(5)(level, again)

    with pytest.raises(KeyboardInterrupt):
        search(folder, Runs(says, dies_at=4))
    assert limit.unfinished(SweepFolder(folder))
    assert "lab sweep --resume" in limits.told(SweepFolder(folder), "text", 120)
    search(folder, Runs(says))
    assert not limit.unfinished(SweepFolder(folder))
    assert "its 3 runs are used up" in limits.told(SweepFolder(folder), "text", 120)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": Selection(only=("loss=5%",))}, "chooses its own cells"),
        ({"selection": Selection(shard=Shard(number=1, of=2))}, "chooses its own cells"),
        ({"asked": SweepAsked(axes=(f"{KEY}=1%,2%",))}, "given twice"),
        ({"asked": SweepAsked(repeat=1000)}, "10000 at most"),
    ],
)
def test_what_contradicts_a_search_is_refused_before_anything_starts(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    """Each with what to do; nothing is written."""
    (tmp_path / "base.yaml").write_text(BASE)
    request = Request(file=tmp_path / "base.yaml", results=tmp_path / "out", find_limit=f"{KEY}=0%..10%/1%", **options)
    with pytest.raises(UsageError, match=words):
        sweep(request, silent, lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_search_that_the_default_expectation_lets_find_nothing_is_doubted(tmp_path: Path) -> None:
    """Along a link, and where the file expects nothing of its own; who expects something has no doubt."""
    assert "such as expect: {audio_loss: '<= 5%'}" in limit.doubt(SweepFolder(laid(tmp_path / "default")))
    assert not limit.doubt(SweepFolder(laid(tmp_path / "own", "expect.audio_loss=<= 5%")))
    (tmp_path / "default" / limit_file.NAME).unlink()
    assert not limit.doubt(SweepFolder(tmp_path / "default"))


def test_the_json_says_what_the_words_say(tmp_path: Path) -> None:
    """An end that is not known is null; each run names its folder."""
    folder = laid(tmp_path / "s")
    found = search(folder, Runs(breaks_from(99)))
    told = json.loads(dumps(found, "x", "base"))["limits"][0]
    assert (told["holds"], told["breaks"], told["stop"], told["confidence"]) == ("10%", None, "found", 0.95)
    assert all(Path(run["folder"]).is_dir() for run in told["runs"])


def test_a_folder_that_searches_nothing_and_one_of_a_newer_lab_are_refused(tmp_path: Path) -> None:
    """Each by name."""
    folder = laid(tmp_path / "s")
    (folder / limit_file.NAME).write_text('{"format": 9, "key": "x"}')
    with pytest.raises(EvidenceError, match="format 9 needs a newer lab"):
        SweepFolder(folder)
    (folder / limit_file.NAME).write_text('{"format": 1, "key": "x"}')
    with pytest.raises(EvidenceError, match=r"limit\.json: key: 'x' is no axis of the plan beside it \(.*search again"):
        SweepFolder(folder)
    (folder / limit_file.NAME).write_text("[]")
    with pytest.raises(EvidenceError, match=r"limit\.json"):
        SweepFolder(folder)
    (folder / limit_file.NAME).unlink()
    with pytest.raises(UsageError, match="searches no limit"):
        limit.limits(SweepFolder(folder))
