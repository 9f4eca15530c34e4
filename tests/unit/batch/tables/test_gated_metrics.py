"""A metric that the first side knew and the second does not: the gate is not open for what nobody can tell any more."""

from __future__ import annotations

from pathlib import Path

from lab.analysis.values import Outcome, Owner
from lab.batch.folders.committed import SweepFolder
from lab.batch.plans.cells import Cell
from lab.batch.tables.comparing import Asked, code, compare
from tests.fakes.judged import Said, sweep

LOSS = "links.publisher.up.loss=0%,5%"
WITH_5 = " with links.publisher.up.loss=5%"
DEAF = Said(audio_loss=None)


def gate(*sides: Path) -> tuple[tuple[str, ...], list[int]]:
    """Return what is undecided, and the exit codes without the gate and with it."""
    found = compare(Asked(sides=tuple(map(str, sides)), results=Path("nowhere"), metrics=("audio_loss", "delay_p95")))
    return found[0].undecided, [code(found, strict=strict) for strict in (False, True)]


def at_5(cell: Cell, of: int) -> bool:
    """Say whether `cell` is one of the first `of` repetitions at 5 %."""
    return dict(cell.setting)["links.publisher.up.loss"] == "5%" and cell.repetition <= of and not cell.control


def test_a_metric_that_cannot_be_measured_any_more_is_undecided(tmp_path: Path) -> None:
    """Every verdict passes on both sides; the way back is none: what was unknown before is no worse now."""
    heard = sweep(tmp_path / "heard", LOSS, lambda _: Said())
    deaf = sweep(tmp_path / "deaf", LOSS, lambda cell: DEAF if at_5(cell, 2) else Said())
    assert gate(heard, deaf) == ((f"audio_loss known in 0 runs instead of 2{WITH_5}",), [0, 3])
    assert gate(deaf, heard) == ((), [0, 0])


def test_one_run_without_the_figure_may_be_the_worst(tmp_path: Path) -> None:
    """As one verdict that is UNKNOWN now is enough; metrics lost alike are told together."""
    heard = sweep(tmp_path / "heard", LOSS, lambda _: Said(), repeat=3)
    deaf = sweep(tmp_path / "deaf", LOSS, lambda cell: DEAF if at_5(cell, 1) else Said(), repeat=3)
    assert gate(heard, deaf) == ((f"audio_loss known in 2 runs instead of 3{WITH_5}",), [0, 3])
    none = Said(outcome=Outcome.UNKNOWN, owner=Owner.UNDECIDED, subscribers=())
    gone = sweep(tmp_path / "gone", LOSS, lambda cell: none if at_5(cell, 2) else Said(), repeat=3)
    told, codes = gate(heard, gone)
    assert told[1:] == (f"audio_loss, delay_p95 known in 1 run instead of 3{WITH_5}",)
    assert codes == [0, 3]


def test_figures_that_only_changed_places_are_undecided_where_no_pair_is_left(tmp_path: Path) -> None:
    """As many runs know it; of two repetitions no pair does, of three one does."""
    for repeat, told in ((2, (f"audio_loss known on both sides in no pair{WITH_5}",)), (3, ())):
        one = sweep(tmp_path / f"a{repeat}", LOSS, lambda c: DEAF if at_5(c, 1) else Said(), repeat=repeat)
        two = sweep(tmp_path / f"b{repeat}", LOSS, lambda c: DEAF if at_5(c, 2) > at_5(c, 1) else Said(), repeat=repeat)
        assert gate(one, two) == (told, [0, 3 if told else 0])


def test_what_is_worse_all_the_same_is_not_called_undecided(tmp_path: Path) -> None:
    """The other runs prove it: exit 1."""
    heard = sweep(tmp_path / "heard", LOSS, lambda _: Said(audio_loss=0.001), repeat=4)
    worse = [Said(audio_loss=share) for share in (0.8, 0.81, 0.82, 0.83)]
    bad = sweep(tmp_path / "bad", LOSS, lambda cell: DEAF if at_5(cell, 1) else worse[cell.repetition - 1], repeat=4)
    told, codes = gate(heard, bad)
    assert (told, codes) == ((), [0, 1])


def test_runs_that_do_not_count_any_more_are_undecided(tmp_path: Path) -> None:
    """A build may have failed of them; a side that planned fewer repetitions has lost none, nor one that had none."""
    whole = sweep(tmp_path / "whole", LOSS, lambda _: Said(), repeat=3)
    some = sweep(
        tmp_path / "some", LOSS, lambda cell: Said(outcome=Outcome.VOID) if at_5(cell, 2) else Said(), repeat=3
    )
    fewer = sweep(tmp_path / "fewer", LOSS, lambda _: Said(), repeat=1)
    assert gate(whole, some) == ((f"2 of 3 runs do not count any more{WITH_5}",), [0, 3])
    assert gate(some, whole) == gate(whole, fewer) == ((), [0, 0])
    control = sweep(tmp_path / "control", LOSS, lambda c: Said(outcome=Outcome.VOID) if c.control else Said(), repeat=3)
    assert gate(whole, control)[0] == ("2 of 2 runs do not count any more over clean controls",)


def test_clean_controls_are_told_together(tmp_path: Path) -> None:
    """Whatever settings they stand beside, as in the table."""
    whole = sweep(tmp_path / "whole", LOSS, lambda _: Said(), repeat=8)
    lost = Said(outcome=Outcome.UNKNOWN, owner=Owner.UNDECIDED)
    blind = sweep(tmp_path / "blind", LOSS, lambda cell: lost if cell.control else Said(), repeat=8)
    assert len({cell.setting for cell in SweepFolder(whole).cells if cell.control}) == 2
    assert gate(whole, blind)[0] == ("3 of 3 runs are UNKNOWN instead of 0 over clean controls",)


def test_what_one_side_alone_knows_is_shown(tmp_path: Path) -> None:
    """No pair knows both, and nothing differs; the runs of a repetition are one here as well."""
    loud = sweep(tmp_path / "loud", LOSS, lambda cell: Said(audio_loss=0.01 * cell.repetition), repeat=3)
    deaf = sweep(tmp_path / "deaf", LOSS, lambda _: DEAF, repeat=3)
    asked = Asked(sides=(str(loud), str(deaf)), results=Path("nowhere"), metrics=("audio_loss",))
    (found,) = compare(asked)
    assert {(row.first.value, row.second.value, row.difference.value) for row in found.rows[:3]} == {(0.02, None, None)}
    assert [row.first.n for row in found.rows[:3]] == [3, 3, 3]
    (back,) = compare(Asked(sides=(str(deaf), str(loud)), results=Path("nowhere"), metrics=("audio_loss",)))
    assert [(row.first.value, row.second.value) for row in back.rows[:3]] == [(None, 0.02)] * 3
