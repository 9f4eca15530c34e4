"""Labels: a point of damage makes an owner, less makes none, and what the log leaves open may be either."""

from __future__ import annotations

import pytest

from tests.accuracy.answers import Answer
from tests.accuracy.effects import Effect
from tests.accuracy.faults import fault
from tests.accuracy.log import beyond_repair
from tests.accuracy.truth import Truth, truth

UP, SKIPS = fault("uplink-random"), fault("sender-skips")


def effect(low: float, high: float | None = None) -> Effect:
    """Return an effect in percent."""
    return Effect(low=low / 100, high=(low if high is None else high) / 100)


def said(owner: str, hops: tuple[str, ...] = (), reasons: tuple[str, ...] = ()) -> Answer:
    """Return what a judge might say."""
    return Answer(
        outcome="FAIL", owner=owner, hops=hops, reasons=reasons, points={}, unexplained=0.0, made=500.0, why=()
    )


NONE = said("NONE", ("none",), ("none",))
BOTH = said("BOTH", ("uplink", "push"), ("random-loss", "frames-dropped"))


@pytest.mark.parametrize(
    ("found", "owner", "sure"),
    [
        ([], "NONE", True),
        ([(UP, effect(0.99))], "NONE", True),
        ([(UP, effect(1.0))], "NETWORK/uplink", True),
        ([(UP, effect(0.4, 1.2))], "NETWORK/uplink", False),
        ([(UP, effect(3)), (SKIPS, effect(0.9))], "NETWORK/uplink", True),
        ([(UP, effect(0.9)), (SKIPS, effect(1.1))], "CODE/client", True),
        ([(UP, effect(1)), (SKIPS, effect(1))], "BOTH", True),
    ],
)
def test_a_point_makes_an_owner(found: list, owner: str, sure: bool) -> None:
    """Less than one is nobody's; both need one each."""
    label = truth(found)
    assert (label.owner, label.sure) == (owner, sure)


def test_what_is_open_may_be_answered_either_way() -> None:
    """A bound on each side of a point: the fault may be named or not, but nobody else."""
    label = truth([(UP, effect(0.4, 1.2)), (SKIPS, effect(5))])
    assert [label.has_owner(said(owner)) for owner in ("BOTH", "CODE/client", "NETWORK/uplink", "NONE")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("nobody", ["UNKNOWN", "VOID"])
def test_naming_nobody_is_not_right(nobody: str) -> None:
    """Not even of a clean run."""
    for label in (truth([]), truth([(UP, effect(5))])):
        assert not label.has_owner(said(nobody))


def test_hop_and_reason_count_only_with_the_owner() -> None:
    """The right word for the wrong one is not right."""
    label = truth([(UP, effect(5))])
    assert label.has_reason(said("NETWORK/uplink", ("uplink",), ("random-loss",)))
    assert not label.has_reason(said("NETWORK/uplink", ("uplink",), ("burst-loss",)))
    assert not label.has_reason(said("NETWORK/downlink", ("uplink",), ("random-loss",)))
    assert not label.has_hop(said("NETWORK/uplink", (), ()))


def test_a_clean_run_has_no_hop_and_no_reason() -> None:
    """Right is NONE, none, none."""
    label: Truth = truth([])
    assert (label.hop, label.reason) == ("none", "none")
    assert label.has_owner(NONE)
    assert label.has_hop(NONE)
    assert label.has_reason(NONE)


def test_both_need_both_hops_and_both_reasons() -> None:
    """The network's first."""
    label = truth([(UP, effect(5)), (SKIPS, effect(5))])
    assert label.has_hop(BOTH)
    assert label.has_reason(BOTH)
    assert not label.has_reason(said("BOTH", ("uplink",), ("random-loss",)))


def test_the_naive_code_is_any_code() -> None:
    """It knows no owner within the code, and is not asked for one."""
    assert truth([(SKIPS, effect(5))]).allows("CODE")
    assert not truth([(UP, effect(5))]).allows("CODE")
    assert not truth([(UP, effect(5)), (SKIPS, effect(5))]).allows("NETWORK/uplink")


def test_copies_in_the_packets_behind_repair_short_runs() -> None:
    """Runs of 1, 2 and 5: one copy saves one frame of each."""
    assert [beyond_repair([1, 2, 5], copies) for copies in (0, 1, 2)] == [8, 5, 3]
