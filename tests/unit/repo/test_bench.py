"""The bench: every ratio of the table can be measured, stored and shown, and a missed limit is told."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.evidence.reading import read
from tests.bench import __main__ as bench
from tests.bench import figures, judging, walls
from tests.bench.drops import Drops, drops
from tests.bench.figures import LIMITS, Figure, lines, store, stored
from tests.fakes.sweeps import in_order, laid, planned, swept
from tests.replay.keep import unpacked

ROOT = Path(__file__).parents[3]
ASKED = argparse.Namespace(rounds=5, cells=4)


def figure(name: str, ratio: float, **raw: object) -> Figure:
    """Return a figure that was measured once."""
    return Figure(name=name, ratio=ratio, low=ratio, high=ratio, raw={"commit": "c", "date": "d", **raw})


def cells(*wall_s: float, dropped: int = 3) -> Mapping[str, Mapping[str, Any]]:
    """Return what became of cells that took so long."""
    return {
        f"cell{number}": {
            "wall_s": each,
            "outcome": "PASS",
            "dropped": {"uplink": 3, "server": 0},
            "drops": {"a up": Drops.of([place % dropped == 0 for place in range(30)], 2).written()},
        }
        for number, each in enumerate(wall_s)
    }


@pytest.fixture
def no_sweep(monkeypatch: pytest.MonkeyPatch) -> dict[int, Any]:
    """Make sweeps on 1 and 4 lanes without a machine; return what they come to, by lanes, and who asked."""
    found: dict[int, Any] = {1: (160.0, cells(37, 38, 39, 40)), 4: (50.0, cells(38, 40, 40, 40))}
    monkeypatch.setattr(walls, "_swept", lambda _, lanes: found[lanes])
    return found


def test_every_limit_is_measured_by_something() -> None:
    """And nothing is measured that is held to none."""
    assert set(bench.MEASURES) == set(LIMITS)


def test_it_says_first_how_long_it_takes() -> None:
    """All of it fits into 40 minutes, and the sum is that of its parts."""
    *parts, whole = bench.plan(list(LIMITS), argparse.Namespace(rounds=5, cells=20))
    minutes = [float(part.split()[-2]) for part in parts]
    assert len(parts) == len(LIMITS)
    assert float(whole.split()[-2]) == pytest.approx(sum(minutes), abs=0.5)
    assert 20 < sum(minutes) < 40


@pytest.mark.parametrize(("ratio", "kept"), [(1.09, True), (1.1, True), (1.11, False)])
def test_a_ratio_is_held_to_its_limit(ratio: float, kept: bool) -> None:
    """The limit itself is within it."""
    assert figure("run", ratio).kept is kept


def test_the_last_figure_of_a_name_stays(tmp_path: Path) -> None:
    """What was measured before of other names too, in the table's order, and in the shape that was asked for."""
    file = tmp_path / "bench.json"
    for each in (figure("lanes", 0.8), figure("run", 1.0), figure("lanes", 0.95)):
        store(each, file)
    assert [(name, each.ratio) for name, each in stored(file).items()] == [("run", 1.0), ("lanes", 0.95)]
    assert [list(each) for each in json.loads(file.read_text())] == [["name", "ratio", "low", "high", "raw"]] * 2


def test_what_is_there_is_stored_whatever_comes_after(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A measurement that yields twice and is interrupted in between."""
    file = tmp_path / "bench.json"

    def measured(_: object) -> Iterator[Figure]:
        yield figure("sweep", 1.07)
        raise KeyboardInterrupt

    monkeypatch.setitem(bench.MEASURES, "lanes", bench.Measure(figures=measured, seconds=lambda _: 1.0))
    monkeypatch.setattr(bench, "store", lambda each: store(each, file))
    monkeypatch.setattr(bench, "write_page", lambda: "")
    monkeypatch.setattr("sys.argv", ["bench", "lanes"])
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert stored(file)["sweep"].ratio == 1.07


def test_the_spread_of_a_sweep_is_that_of_its_cells(no_sweep: dict[int, Any]) -> None:
    """Its ratio is that of all of it, with what lies between the cells."""
    (found,) = walls.sweep(ASKED)
    assert (found.ratio, found.low, found.high) == (round(160 / 140, 4), round(37 / 35, 4), round(160 / 140, 4))


def test_lanes_share_the_sweep_on_one_lane(no_sweep: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is measured where it has not been with this code and so many cells; both are yielded then."""
    known: dict[str, Figure] = {}
    monkeypatch.setattr(walls, "stored", lambda: known)
    one, four = walls.lanes(ASKED)
    assert (one.name, four.name, four.ratio) == ("sweep", "lanes", 0.8)
    assert (four.low, four.high) == (0.8, 1.0)
    known["sweep"] = one
    assert [each.name for each in walls.lanes(ASKED)] == ["lanes"]
    assert len(list(walls.lanes(argparse.Namespace(rounds=5, cells=8)))) == 2
    monkeypatch.setattr(walls, "code", lambda: "newer")
    assert len(list(walls.lanes(ASKED))) == 2


def test_lanes_that_change_an_answer_are_no_gain(no_sweep: dict[int, Any]) -> None:
    """Other packets that were dropped: the aim is missed, and the table says why."""
    no_sweep[4] = (41.0, cells(38, 40, 40) | {"cell3": {**cells(1.0, dropped=4)["cell0"]}})
    four = list(walls.lanes(ASKED))[-1]
    assert four.ratio > 0.9
    assert four.raw["differing"] == ["cell3"]
    assert not four.kept
    assert "**no**, 1 of 4 cells differ" in "\n".join(lines({"lanes": four}))


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_cell_that_one_of_both_lost_is_a_difference(no_sweep: dict[int, Any], lanes: int) -> None:
    """Whichever has it: nobody knows what the other would have answered."""
    del no_sweep[lanes][1]["cell2"]
    assert list(walls.lanes(ASKED))[-1].raw["differing"] == ["cell2"]


def test_a_sweep_that_lacks_a_cell_is_not_measured(tmp_path: Path) -> None:
    """Its media was planned and not played: the ratio would be too high, or too low."""
    plan = planned(tmp_path)
    ends = {plan.cells[1].id: ("VOID",) * 9}
    done = swept(laid(plan, tmp_path / "sweep"), in_order(ends))
    with pytest.raises(AssertionError, match=f"the sweep lacks {plan.cells[1].label}: measure it again"):
        walls._cells(done)


@pytest.mark.parametrize("argv", [["once"], ["once", "run", "-o", "x"], ["report", "30"], ["record", "--deaf"], []])
def test_a_command_takes_its_own_arguments(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And those of no other."""
    monkeypatch.setattr("sys.argv", ["judging", *argv])
    with pytest.raises(SystemExit) as refused:
        judging.main()
    assert refused.value.code == 2


def test_one_run_is_judged_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seconds and megabytes, as JSON."""
    monkeypatch.setattr("sys.argv", ["judging", "once", str(unpacked("clean", tmp_path)), "--deaf"])
    judging.main()
    assert json.loads(capsys.readouterr().out)["seconds"] > 0


def test_a_window_that_begins_a_packet_later_is_no_other_answer(no_sweep: dict[int, Any]) -> None:
    """The same packets were dropped, whether the window holds the last one or not; what no link dropped counts."""
    (_, one), (_, four) = no_sweep[1], no_sweep[4]
    four["cell0"]["dropped"] = {"uplink": 4, "server": 0}
    four["cell1"]["dropped"] = {"uplink": 3, "server": 1}
    del four["cell2"]["drops"]["a up"]
    assert list(walls.lanes(ASKED))[-1].raw["differing"] == ["cell1", "cell2"]
    assert one["cell0"] != four["cell0"]


LOST = [False, False, False, True, False, True, True, False, False, True]


@pytest.mark.parametrize(
    ("lost", "unsure", "same"),
    [
        (LOST, 2, True),
        ([False, *LOST, False], 2, True),
        (LOST[1:-1], 0, True),
        (LOST[3:], 0, False),
        ([False] * 4 + LOST, 3, False),
        ([*LOST[:6], False, *LOST[7:]], 2, False),
        ([*LOST[:-1], False], 2, False),
        ([False] * 10, 2, False),
    ],
    ids=["equal", "one more before", "shorter", "too early", "too late", "one less", "the last", "none"],
)
def test_drops_are_compared_packet_by_packet(lost: list[bool], unsure: int, same: bool) -> None:
    """From the first one on, which must be where the other's may be; a recording that ends earlier is no difference."""
    mine, theirs = Drops.of(LOST, 2), Drops.of(lost, unsure)
    assert (mine.same(theirs), theirs.same(mine)) == (same, same)
    assert Drops.parse(json.loads(json.dumps(theirs.written()))) == theirs


def test_the_drops_of_a_recording_are_what_its_captures_say(tmp_path: Path) -> None:
    """The verdict's window holds 73 of them, the kernel dropped no fewer; the other link dropped none."""
    run = unpacked("twenty-percent-plain", tmp_path)
    up, down = drops(run)["publisher up"], drops(run)["subscriber down"]
    clean, last = (_dropped_up(run, name) for name in ("clean", "final"))
    assert (up.first, len(up.then), up.packets) == ((2, 4), 80, 419)
    assert 73 <= len(up.then) <= last - clean
    assert (down.then, down.packets) == ((), 354)


def _dropped_up(run: Path, name: str) -> int:
    """Return what the kernel had dropped of the uplink at the step `name`."""
    step = next(step for step in read(run).steps if step.name == name)
    link = next(each for each in step.directions if (each.client, each.direction) == ("publisher", "up"))
    return next(qdisc.dropped for qdisc in link.qdiscs if qdisc.parent == "root")


def test_the_table_tells_what_was_missed_and_what_was_not_measured() -> None:
    """A row for every limit."""
    table = list(lines({"run": figure("run", 1.2), "lanes": figure("lanes", 0.95)}))
    assert len(table) == 2 + len(LIMITS)
    rows = dict(zip(LIMITS, table[2:], strict=True))
    assert "| **no** |" in rows["run"]
    assert "| yes |" in rows["lanes"]
    assert "not measured" in rows["packets"]


def test_the_page_has_its_place_for_the_table() -> None:
    """`make bench` writes into it."""
    assert "<!-- figures -->\n" in figures.PAGE.read_text()


def test_what_was_measured_can_be_committed() -> None:
    """Results are ignored, but not these."""
    argv = ["git", "check-ignore", "--no-index", "-q", str(figures.FILE)]
    assert subprocess.run(argv, cwd=ROOT, check=False).returncode == 1
