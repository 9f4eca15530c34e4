"""Which cells a go takes: values, ids, parts, time; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.plan import Plan
from lab.batch.plans.planning import plan
from lab.batch.sweeps.selecting import Selection, Shard, max_time, shard
from lab.errors import UsageError
from tests.fakes.sweeps import BASE


@pytest.fixture
def swept(tmp_path: Path) -> Plan:
    """Return a plan of 2 x 2 settings, twice, with its controls."""
    (tmp_path / "base.yaml").write_text(BASE)
    return plan(
        tmp_path / "base.yaml", SweepAsked(axes=("links.publisher.up.loss=0%,5%", "media.red=true,false"), repeat=2)
    )


def test_without_a_wish_it_is_every_cell_in_the_order_of_the_plan(swept: Plan) -> None:
    """Controls too."""
    assert Selection().of(swept) == swept.cells


def test_only_takes_short_names_of_axes_and_all_that_is_said_holds(swept: Plan) -> None:
    """Two values of two axes leave one setting, with its repetitions."""
    cells = [cell for cell in Selection(only=("loss=5%", "red=true")).of(swept) if not cell.control]
    assert [(dict(cell.setting)["media.red"], cell.repetition) for cell in cells] == [("true", 1), ("true", 2)]
    assert {dict(cell.setting)["links.publisher.up.loss"] for cell in cells} == {"5%"}


def test_only_takes_the_beginning_of_an_id(swept: Plan) -> None:
    """One cell is enough to make again."""
    assert Selection(only=(swept.cells[3].id,)).of(swept) == (swept.cells[3],)


@pytest.mark.parametrize(
    ("only", "words"),
    [
        ("loss=7%", "--only loss=7%: not a value of that axis .it has"),
        ("delay=7ms", "no axis 'delay'"),
        ("zzz", "--only zzz: no cell's id begins so"),
        ("", "--only : no cell's id begins so"),
    ],
)
def test_what_names_no_cell_is_refused(swept: Plan, only: str, words: str) -> None:
    """With what there is instead."""
    with pytest.raises(UsageError, match=words):
        Selection(only=(only,)).of(swept)


def test_wishes_that_exclude_each_other_leave_nothing_and_say_so(swept: Plan) -> None:
    """Nothing to run is no sweep."""
    with pytest.raises(UsageError, match="no cell is all of that"):
        Selection(only=("loss=0%", "loss=5%")).of(swept)


def test_a_part_without_cells_is_refused(swept: Plan) -> None:
    """Nobody should take the exit code 0 of nothing for an answer."""
    only = (swept.cells[3].id,)
    assert len(Selection(only=only, shard=Shard(number=1, of=2)).of(swept)) == 1
    with pytest.raises(UsageError, match=r"--shard 2/2: nothing is left for it of 1 cell \(at most 1 part\)"):
        Selection(only=only, shard=Shard(number=2, of=2)).of(swept)


def test_the_parts_of_a_sweep_are_all_of_it_and_each_cell_once(swept: Plan) -> None:
    """Whatever their number, each part has some of each repetition."""
    for of in (1, 2, 3, 4):
        parts = [Selection(shard=Shard(number=number, of=of)).of(swept) for number in range(1, of + 1)]
        assert sorted(cell.id for part in parts for cell in part) == sorted(cell.id for cell in swept.cells)
        assert all({cell.repetition for cell in part if not cell.control} == {1, 2} for part in parts)


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "2/", "/4", "a/b", "-1/4", "1/0", "", "٢/٤", "1/" + "9" * 5000])
def test_what_is_no_part_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match="a part is I/N"):
        shard(text)


def test_a_part_and_a_time_are_read() -> None:
    """As they are written."""
    assert shard("2/4") == Shard(number=2, of=4)
    assert max_time("30m") == 30 * 60_000
    with pytest.raises(UsageError, match="--max-time 30:"):
        max_time("30")


def test_a_cell_begins_only_when_it_would_be_done_in_time(swept: Plan) -> None:
    """35 s of media and 2 s around: with a minute to go after 23 s one fits, after 24 s none."""
    now = [100.0]
    may_begin = Selection(max_time_ms=60_000).may_begin(lambda: now[0])
    assert may_begin(swept.cells[0])
    now[0] = 123.0
    assert may_begin(swept.cells[0])
    now[0] = 124.0
    assert not may_begin(swept.cells[0])
    assert Selection().may_begin(lambda: now[0])(swept.cells[0])
