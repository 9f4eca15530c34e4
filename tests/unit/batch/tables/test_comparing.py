"""What may be compared, what is paired with what, and what `lab compare` exits with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab.analysis.several.compared import Compared, Comparison, Finding, Scope
from lab.analysis.values import Outcome, Owner
from lab.batch.plans.cells import Cell
from lab.batch.tables.comparing import Asked, code, compare
from lab.errors import EvidenceError, UsageError
from lab.evidence import names
from tests.fakes.judged import Said, run, sweep

LOSS = "links.publisher.up.loss=0%,5%"
FAIL = Said(outcome=Outcome.FAIL, owner=Owner.CLIENT, audio_loss=0.2)


def asked(*sides: Path | str, by: str | None = None, allow: tuple[str, ...] = ()) -> tuple[Comparison, ...]:
    """Compare `sides` by how much audio is lost."""
    metrics = ("audio_loss", "delay_p95")
    return compare(Asked(sides=tuple(map(str, sides)), results=Path("nowhere"), metrics=metrics, by=by, allow=allow))


def row(found: Comparison, scope: Scope, metric: str = "audio_loss") -> Compared:
    """Return the row of `metric` over `scope`."""
    (one,) = [row for row in found.rows if row.scope == scope and row.metric == metric]
    return one


def test_two_runs_differ_in_the_thing_compared(tmp_path: Path) -> None:
    """One field of the scenario: it is named, the difference is significant, the verdict that changed is told."""
    (found,) = asked(
        run(tmp_path / "a" / "1", Said(audio_loss=0.02)),
        run(tmp_path / "b" / "1", FAIL, None, "media.red=false"),
    )
    assert [(one.thing, one.first, one.second) for one in found.compared] == [("media.red", "true", "false")]
    assert [change.finding for change in found.changes] == [Finding.WORSE]
    assert row(found, Scope.SETTING).finding == Finding.WORSE
    assert row(found, Scope.SETTING, "delay_p95").finding == Finding.UNTOLD
    assert found.regressions == ("1 of 1 runs fail instead of 0", "audio_loss")
    assert code([found], strict=False) == 0
    assert code([found], strict=True) == 1


def test_less_damage_is_better_and_no_regression(tmp_path: Path) -> None:
    """The same two the other way round."""
    (found,) = asked(run(tmp_path / "a" / "1", FAIL), run(tmp_path / "b" / "1"))
    assert row(found, Scope.SETTING).finding == Finding.BETTER
    assert found.regressions == ()
    assert code([found], strict=True) == 0


@pytest.mark.parametrize(
    ("other", "sets", "named"),
    [
        (Said(cpus=4), ("media.red=false",), ["media.red: true → false", "machine: cpus 2 → 4"]),
        (Said(cpus=4, driver="kernel"), (), ["machine: cpus 2 → 4", "netem: driver vm → kernel"]),
        (Said(server="sha256:two"), ("media.dtx=true",), ["media.dtx: false → true", "sha256:one → sha256:two"]),
        (Said(), ("media.red=false", "links.subscriber={up: {loss: 1%}}"), ["links.subscriber: none → up.delay 0ms"]),
    ],
)
def test_what_differs_in_more_than_one_thing_is_refused_by_name(
    tmp_path: Path, other: Said, sets: tuple[str, ...], named: list[str]
) -> None:
    """Nobody could tell which of them made the difference; a link that only one side has is one thing."""
    one, two = run(tmp_path / "a" / "1"), run(tmp_path / "b" / "1", other, None, *sets)
    with pytest.raises(UsageError, match="differ in 2 things") as refused:
        asked(one, two)
    assert all(words in str(refused.value) for words in named)
    assert "--allow" in str(refused.value)


def test_what_is_allowed_to_differ_is_said_and_nothing_else_is(tmp_path: Path) -> None:
    """--allow takes a thing, or everything below a key; a name that no run has is a mistake."""
    one = run(tmp_path / "a" / "1")
    two = run(tmp_path / "b" / "1", Said(cpus=4), None, "media.red=false", "media.dtx=true")
    (found,) = asked(one, two, allow=("machine", "media.red"))
    assert {each.thing for each in found.allowed} == {"machine", "media.red"}
    assert {each.thing for each in found.compared} == {"media.dtx"}
    (found,) = asked(one, two, allow=("media",))
    assert {each.thing for each in found.compared} == {"machine"}
    for name, way_out in (
        ("mediaa", "did you mean media?"),
        ("nonsense", "what differs is media.red, media.dtx, machine"),
    ):
        with pytest.raises(UsageError) as refused:
            asked(one, two, allow=(name,))
        assert str(refused.value) == f"--allow {name}: nothing of that name ({way_out})"


def test_a_version_and_its_image_are_one_thing(tmp_path: Path) -> None:
    """So are two builds of the same version: the digest alone is what is compared."""
    one = run(tmp_path / "a" / "1")
    two = run(tmp_path / "b" / "1", Said(server="sha256:two"), None, "server.version=v1.12.0")
    three = run(tmp_path / "c" / "1", Said(server="sha256:three"))
    versions, builds = asked(one, two, three)
    assert {each.thing for each in versions.compared} == {"server.version"}
    assert [(each.detail, each.second) for each in builds.compared] == [("image server", "sha256:three")]


def test_an_image_made_of_the_same_elsewhere_is_another_machine(tmp_path: Path) -> None:
    """Its id differs with the machine that built it, and counts as that; another recipe is another server."""
    one = run(tmp_path / "a" / "1", Said(recipe="livekit:1"))
    there = run(tmp_path / "b" / "1", Said(server="sha256:two", recipe="livekit:1", cpus=4))
    other = run(tmp_path / "c" / "1", Said(server="sha256:three", recipe="livekit:2"))
    machines, builds = asked(one, there, other)
    assert {each.thing for each in machines.compared} == {"machine"}
    assert {each.detail for each in machines.compared} == {"cpus", "image server"}
    assert {(each.thing, each.detail) for each in builds.compared} == {
        ("server.version", "recipe server"),
        ("server.version", "image server"),
    }


def test_sweeps_are_paired_by_setting_and_repetition(tmp_path: Path) -> None:
    """Every cell with its like, clean controls among themselves; the worse setting is found, the other not blamed.

    Both cells of a repetition share its seed: over all settings they are one pair.
    """

    def slower(cell: Cell) -> Said:
        lossy = not cell.control and cell.setting[0][1] == "5%"
        return Said(audio_loss=0.1 + cell.repetition / 1000) if lossy else Said()

    first = sweep(tmp_path / "a", LOSS, lambda _: Said(), repeat=4)
    second = sweep(tmp_path / "b", LOSS, slower, "media.red=false", repeat=4)
    (found,) = asked(first, second)
    assert found.alone == ()
    assert row(found, Scope.ALL).difference.n == 4
    assert row(found, Scope.CONTROLS).finding == Finding.NOT_SIGNIFICANT
    settings = {r.setting[0][1]: r.finding for r in found.rows if r.scope == Scope.SETTING and r.metric == "audio_loss"}
    assert settings == {"0%": Finding.NOT_SIGNIFICANT, "5%": Finding.WORSE}


def test_a_cell_without_a_run_that_counts_is_named(tmp_path: Path) -> None:
    """A deleted run and a void one are not compared, which is said; a gate does not pass on a setting nobody knows."""
    void = Said(outcome=Outcome.VOID)
    first = sweep(tmp_path / "a", LOSS, lambda _: Said())
    second = sweep(tmp_path / "b", LOSS, lambda cell: void if cell.setting[0][1] == "5%" else Said())
    deleted = sorted((second / "cells").glob("*/*/manifest.json"))
    (found,) = asked(first, second)
    assert found.alone
    assert all("no run of 1 tried counts: VOID" in one.why for one in found.alone)
    assert found.uncompared == ((("links.publisher.up.loss", "5%"),),)
    assert code([found], strict=False) == 0
    assert code([found], strict=True) == 3
    for manifest in deleted:
        manifest.unlink()
    (found,) = asked(first, second)
    assert found.pairs == 0
    assert any("manifest.json" in one.why for one in found.alone)
    assert code([found], strict=False) == 3


def test_a_verdict_that_cannot_be_read_leaves_its_cell_alone_and_the_others_compared(tmp_path: Path) -> None:
    """The reason names the file, and a strict gate does not pass on it."""
    first, second = (sweep(tmp_path / name, LOSS, lambda _: Said()) for name in "ab")
    (whole,) = asked(first, second)
    broken = sorted((second / "cells").glob("*/*/derived/verdict.json"))[0]
    broken.write_text("{")
    (found,) = asked(first, second)
    assert found.pairs == whole.pairs - 1
    assert [str(broken) in one.why for one in found.alone] == [True]
    assert [code([found], strict=strict) for strict in (False, True)] == [0, 3]


def test_a_cell_that_was_judged_void_since_is_not_compared(tmp_path: Path) -> None:
    """Its journal still says PASS, and its run is no evidence of anything."""
    first, second = (sweep(tmp_path / name, LOSS, lambda _: Said()) for name in "ab")
    verdict = sorted((second / "cells").glob("*/*/derived/verdict.json"))[0]
    document = json.loads(verdict.read_text())
    document["runs"][0] |= {"outcome": "VOID", "void": ["pacer: ticked late"]}
    verdict.write_text(json.dumps(document))
    (found,) = asked(first, second)
    assert [one.why for one in found.alone] == ["VOID: pacer: ticked late"]


def test_a_sweep_is_split_by_an_axis(tmp_path: Path) -> None:
    """--by compares the axis' values with each other, at equal settings of the rest, and calls that the one thing."""
    made = sweep(tmp_path / "a", "media.red=true,false", lambda cell: FAIL if "false" in str(cell.setting) else Said())
    (found,) = asked(made, by="red")
    assert (found.first, found.second) == ("media.red=true", "media.red=false")
    assert (found.pairs, found.alone) == (2, ())
    assert [change.finding for change in found.changes] == [Finding.WORSE] * 2
    with pytest.raises(UsageError, match="no axis 'loss'"):
        asked(made, by="loss")
    with pytest.raises(UsageError, match="splits one sweep"):
        asked(made, made, by="red")


def test_a_split_sweep_was_made_in_one_place(tmp_path: Path) -> None:
    """Cells of one value on another machine than those of the other: the axis is not the only thing that differs."""
    made = sweep(
        tmp_path / "a", "media.red=true,false", lambda cell: Said(cpus=4 if "false" in str(cell.setting) else 2)
    )
    with pytest.raises(UsageError, match="differ in 2 things"):
        asked(made, by="red")
    (found,) = asked(made, by="red", allow=("machine",))
    assert found.pairs == 2


def test_names_are_no_difference_and_what_is_unknown_counts_on_neither_side(tmp_path: Path) -> None:
    """Two runs each of which one does not know: both means are those of the pair that is known."""
    for number, first, second in ((1, 0.02, 0.03), (2, 0.9, None)):
        run(tmp_path / "a" / f"{number}", Said(audio_loss=first))
        run(tmp_path / "b" / f"{number}", Said(audio_loss=second), None, "name=other", "description=mine")
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert found.compared == ()
    loss = row(found, Scope.SETTING)
    assert (loss.first.value, loss.second.value, loss.difference.n) == (0.02, 0.03, 1)


def test_another_owner_of_a_failure_is_a_change_and_of_a_pass_is_none(tmp_path: Path) -> None:
    """Neither is worse: a pass only notes whom it saw."""
    for number, (first, second, outcome) in enumerate(
        ((Owner.UPLINK, Owner.CLIENT, Outcome.FAIL), (Owner.UPLINK, Owner.NONE, Outcome.PASS))
    ):
        run(tmp_path / "a" / f"{number}", Said(outcome=outcome, owner=first))
        run(tmp_path / "b" / f"{number}", Said(outcome=outcome, owner=second))
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert [(change.place.repetition, change.finding) for change in found.changes] == [(1, Finding.CHANGED)]
    assert found.regressions == ()


def test_verdicts_for_the_worse_are_told_first(tmp_path: Path) -> None:
    """Then what only changed, then what is better, whenever they were made."""
    ends = (("FAIL", "PASS"), ("PASS", "UNKNOWN"), ("PASS", "FAIL"))
    for number, (first, second) in enumerate(ends):
        run(tmp_path / "a" / f"{number}", Said(outcome=Outcome(first)))
        run(tmp_path / "b" / f"{number}", Said(outcome=Outcome(second)))
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert [change.finding for change in found.changes] == [Finding.WORSE, Finding.CHANGED, Finding.BETTER]


def test_sweeps_with_nothing_left_but_clean_controls_are_not_called_unlike(tmp_path: Path) -> None:
    """Every cell of one side is void: its controls are compared, and every setting is told to be unknown."""
    first = sweep(tmp_path / "a", LOSS, lambda _: Said())
    void = Said(outcome=Outcome.VOID)
    second = sweep(tmp_path / "b", LOSS, lambda cell: Said() if cell.control else void)
    (found,) = asked(first, second)
    assert {one.scope for one in found.rows} == {Scope.CONTROLS}
    assert len(found.uncompared) == 2


def test_axes_of_one_value_have_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """Neither has a run alone."""
    with pytest.raises(UsageError, match="nothing to be compared with"):
        asked(run(tmp_path / "1"))
    with pytest.raises(UsageError, match="nothing to be compared with"):
        asked(sweep(tmp_path / "a", "media.red=true", lambda _: Said()), by="red")


def test_a_folder_of_runs_is_repetitions_scenario_by_scenario(tmp_path: Path) -> None:
    """What `lab run -o before` left against what `lab run -o after` left; a void run is passed over and named."""
    for side in ("before", "after"):
        for scenario in ("clean", "lossy"):
            for number in (1, 2):
                run(tmp_path / side / scenario / f"{number}")
    run(tmp_path / "after" / "lossy" / "0", Said(outcome=Outcome.VOID))
    (found,) = asked(tmp_path / "before", tmp_path / "after")
    assert (found.pairs, found.uncompared) == (4, ())
    assert [one.why for one in found.alone] == ["VOID: pacer: ticked late"]
    assert {each.setting for each in found.rows if each.setting} == {
        (("scenario", "clean"),),
        (("scenario", "lossy"),),
    }


def test_sides_without_a_common_setting_are_refused(tmp_path: Path) -> None:
    """A sweep and a run, or sweeps over other values: what there is on either side is named."""
    first = sweep(tmp_path / "a", LOSS, lambda _: Said())
    second = sweep(tmp_path / "b", "links.publisher.up.loss=10%", lambda _: Said())
    for other in (second, run(tmp_path / "c" / "1")):
        with pytest.raises(UsageError, match=r"no setting in common: links\.publisher\.up\.loss=0%, "):
            asked(first, other)


def test_nothing_is_compared_with_itself(tmp_path: Path) -> None:
    """Named twice, or once by its folder and once by another way to it: no difference would mean nothing."""
    one = run(tmp_path / "a" / "1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match="have the same run 1 "):
        asked(one, tmp_path / "b" / "1")


def test_a_copy_of_a_run_is_the_same_run(tmp_path: Path) -> None:
    """On both sides, in whatever place, it is refused; on one side it counts once and is named."""
    one = run(tmp_path / "a" / "1")
    for number in (2, 3):
        shutil.copytree(one, tmp_path / "a" / f"{number}")
    for number in (1, 2, 3):
        run(tmp_path / "b" / f"{number}")
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert found.pairs == 1
    assert [each.why for each in found.alone][:2] == [f"a copy of {one}, which counts once"] * 2
    shutil.copytree(one, tmp_path / "b" / "4")
    with pytest.raises(UsageError, match=r"have the same run 1 \(.*/a/1, .*/b/4\)"):
        asked(tmp_path / "a", tmp_path / "b")


def test_a_void_run_leaves_nothing_to_compare(tmp_path: Path) -> None:
    """The evidence carries no verdict: exit 3, and why."""
    (found,) = asked(run(tmp_path / "a" / "1"), run(tmp_path / "b" / "1", Said(outcome=Outcome.VOID)))
    assert (found.pairs, found.rows) == (0, ())
    assert [one.why for one in found.alone] == ["VOID: pacer: ticked late", f"{tmp_path / 'b' / '1'} has none"]
    assert code([found], strict=False) == 3


def test_flows_of_one_side_only_are_named(tmp_path: Path) -> None:
    """Each flow with itself; a listener that only one side has is not compared."""
    one = run(tmp_path / "a" / "1", Said(subscribers=("subscriber", "other")))
    (found,) = asked(one, run(tmp_path / "b" / "1"))
    assert [(each.what, each.side) for each in found.alone] == [("flow publisher → other", str(one))]
    assert len(found.rows) == 2
    assert found.unheard == ("publisher → other",)
    assert [code([found], strict=strict) for strict in (False, True)] == [0, 3]
    (more,) = asked(tmp_path / "b" / "1", one)
    assert (more.unheard, code([more], strict=True)) == ((), 0)


def test_a_scenario_whose_runs_are_all_void_is_nothing_known(tmp_path: Path) -> None:
    """On both sides, in folders of runs: a gate does not pass on what nobody could measure."""
    for side in ("before", "after"):
        run(tmp_path / side / "clean" / "1")
        run(tmp_path / side / "lossy" / "1", Said(outcome=Outcome.VOID))
    (found,) = asked(tmp_path / "before", tmp_path / "after")
    assert (found.pairs, found.uncompared) == (1, ((("scenario", "lossy"),),))
    assert [code([found], strict=strict) for strict in (False, True)] == [0, 3]


@pytest.mark.parametrize(
    ("before", "after", "unheard"),
    [
        (("one",), ("two",), ("publisher → one with scenario=lossy",)),
        (("one",), (), ("publisher → one with scenario=lossy",)),
        ((), ("two",), ("publisher → two with scenario=lossy",)),
        ((), (), ("any flow with scenario=lossy",)),
    ],
)
def test_a_setting_without_a_flow_on_both_sides_is_nothing_known(
    tmp_path: Path, before: tuple[str, ...], after: tuple[str, ...], unheard: tuple[str, ...]
) -> None:
    """Although there are pairs, and other settings are compared."""
    for side, subscribers in (("before", before), ("after", after)):
        run(tmp_path / side / "clean" / "1", Said(subscribers=("one", "two")))
        run(tmp_path / side / "lossy" / "1", Said(outcome=Outcome.UNKNOWN, subscribers=subscribers))
    (found,) = asked(tmp_path / "before", tmp_path / "after")
    assert (found.pairs, found.uncompared, found.unheard) == (2, (), unheard)
    assert code([found], strict=True) == 3


def test_all_comparisons_are_one_family(tmp_path: Path) -> None:
    """A difference that stands alone beside one other side counts less beside ten."""
    base = run(tmp_path / "a" / "1", Said(audio_loss=0.02))
    others = [run(tmp_path / f"b{number}" / "1", Said(audio_loss=0.033)) for number in range(10)]
    (alone,) = asked(base, others[0])
    assert row(alone, Scope.SETTING).finding == Finding.WORSE
    among = asked(base, *others)
    assert {row(found, Scope.SETTING).finding for found in among} == {Finding.NOT_SIGNIFICANT}


def test_a_newer_verdict_is_refused(tmp_path: Path) -> None:
    """Of a run that is named; in a folder of runs it is one that does not count, with the reason."""
    for number in (1, 2):
        run(tmp_path / "a" / f"{number}")
    two = run(tmp_path / "b" / "2")
    newer = json.loads((two / names.VERDICT).read_text()) | {"format": 99}
    (two / names.VERDICT).write_text(json.dumps(newer))
    with pytest.raises(EvidenceError, match="format 99 needs a newer lab"):
        asked(tmp_path / "a" / "1", two)
    run(tmp_path / "b" / "1")
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert found.pairs == 1
    assert "format 99 needs a newer lab" in found.alone[0].why


def test_a_run_that_was_damaged_after_it_was_judged_is_not_compared(tmp_path: Path) -> None:
    """What it passed with is not there any more: an error of a run that is named, of a folder's run the reason."""
    for folder in "ab":
        for number in (1, 2):
            run(tmp_path / folder / f"{number}")
    with (tmp_path / "b" / "2" / names.RESOLVED).open("a") as file:
        file.write("# longer\n")
    with pytest.raises(EvidenceError, match=r"scenario\.yaml: not there as it was sealed"):
        asked(tmp_path / "a" / "1", tmp_path / "b" / "2")
    (found,) = asked(tmp_path / "a", tmp_path / "b")
    assert found.pairs == 1
    assert "scenario.yaml: not there as it was sealed" in found.alone[0].why
