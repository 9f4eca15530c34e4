"""Cleanup against an engine with Docker's oddities: everything goes, or is named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from lab.errors import EnvironmentFault, LeftoverError, UsageError
from lab.rig.engine.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, ContainerSpec
from lab.rig.layout import owner
from lab.rig.standing import cleanup
from tests.fakes.engine import At, FakeEngine, Killed

LABELS = {RUN_LABEL: "r1"}
DEAD_OWNER = owner.token().rpartition(":")[0] + ":1"
"""This process' pid, started at another time: the pid came round."""
ELSEWHERE = ":".join([*owner.token().split(":")[:2], "1", "999999", "1"])
"""A process of this user in another pid namespace, whose number means nothing here."""
CALLS = 4


def spec(name: str, labels: dict[str, str] = LABELS) -> ContainerSpec:
    """Return a container of the run."""
    return ContainerSpec(name=name, image="i", command=("sleep", "9"), labels=labels, deadline_s=9)


def bring_up(engine: FakeEngine) -> None:
    """Make what a small lab makes: four containers, one call each."""
    for number in range(4):
        engine.start(spec(f"box-{number}"))


def clock() -> Callable[[], float]:
    """Return a clock that advances a second at each look."""
    now = iter(range(10_000))
    return lambda: float(next(now))


def no_pause(_: float) -> None:
    """Do not wait."""


def test_a_sweep_removes_everything_and_twice_is_nothing() -> None:
    """A second sweep finds nothing and is fine."""
    engine = FakeEngine()
    bring_up(engine)
    done = cleanup.sweep(engine, LABELS)
    assert [thing.name for thing in done.removed] == [f"box-{number}" for number in range(4)]
    assert engine.names == []
    assert cleanup.sweep(engine, LABELS) == cleanup.Leftovers()


def test_a_sweep_leaves_strangers_alone() -> None:
    """What carries another run's label, or none of ours, is not touched."""
    engine = FakeEngine()
    bring_up(engine)
    engine.start(spec("stranger", {}))
    engine.start(spec("other", {RUN_LABEL: "r2"}))
    cleanup.sweep(engine, LABELS)
    assert sorted(engine.names) == ["other", "stranger"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(CALLS))
def test_killed_at_any_call_of_the_bring_up_the_watchdog_leaves_nothing(call: int, when: str) -> None:
    """The lab dies at its i-th call, before or after the engine did it; reaping by label finds all there is."""
    engine = FakeEngine(at=At(call=call, what=Killed(), when=when))
    with pytest.raises(Killed):
        bring_up(engine)
    assert cleanup.reap(engine, LABELS, clock=clock(), pause=no_pause)
    assert engine.names == []


@pytest.mark.parametrize("call", range(1, 1 + CALLS))
def test_an_engine_error_at_any_call_of_a_sweep_stops_nothing_else(call: int) -> None:
    """Call 0 lists; whichever removal fails, the three others go and the fourth is named with its reason."""
    engine = FakeEngine()
    bring_up(engine)
    engine.log.clear()
    engine.at = At(call=call, what=EnvironmentFault("500 server error"))
    done = cleanup.sweep(engine, LABELS)
    assert len(done.removed) == 3
    ((left, why),) = done.refused
    assert (engine.names, why) == ([left.name], "500 server error")
    with pytest.raises(LeftoverError, match=r"box.*500 server error.*lab clean --run r1"):
        done.raise_if_any("r1")


def test_a_creation_that_finishes_late_is_reaped() -> None:
    """The first two looks see no container yet: one empty sweep proves nothing."""
    engine = FakeEngine(late=2)
    bring_up(engine)
    assert cleanup.reap(engine, LABELS, clock=clock(), pause=no_pause)
    assert engine.names == []


def test_reaping_gives_up_at_its_deadline() -> None:
    """What never goes is not waited for for ever."""
    engine = FakeEngine(refuse_removal=frozenset({"box-0"}))
    bring_up(engine)
    assert not cleanup.reap(engine, LABELS, clock=clock(), pause=no_pause)
    assert engine.names == ["box-0"]


def test_a_refused_start_leaves_a_created_container_that_is_swept() -> None:
    """Docker keeps what it could not start."""
    engine = FakeEngine(refuse_start=frozenset({"box-2"}))
    with contextlib.suppress(EnvironmentFault):
        bring_up(engine)
    assert "box-2" in engine.names
    cleanup.sweep(engine, LABELS)
    assert engine.names == []


def test_clean_takes_the_dead_and_the_expired_and_spares_the_living() -> None:
    """Only abandoned runs of ours go, unless all are asked for: of kept ones and of other namespaces expiry decides."""
    hour = owner.expires(3600)
    runs = {
        "alive": {OWNER_LABEL: owner.token(), EXPIRES_LABEL: hour},
        "dead": {OWNER_LABEL: DEAD_OWNER, EXPIRES_LABEL: hour},
        "expired": {OWNER_LABEL: owner.token(), EXPIRES_LABEL: owner.expires(-1)},
        "foreign": {OWNER_LABEL: "99999:boot:1:1:1", EXPIRES_LABEL: owner.expires(-1)},
        "kept": {OWNER_LABEL: owner.kept(), EXPIRES_LABEL: hour},
        "kept too long": {OWNER_LABEL: owner.kept(), EXPIRES_LABEL: owner.expires(-1)},
        "neighbour": {OWNER_LABEL: ELSEWHERE, EXPIRES_LABEL: hour},
    }
    engine = FakeEngine()
    for name, labels in runs.items():
        engine.start(spec(name, {RUN_LABEL: name, **labels}))
    would = cleanup.clean(engine, dry=True)
    assert [thing.run for thing in would.removed] == ["dead", "expired", "kept too long"]
    assert len(engine.names) == 7
    cleanup.clean(engine)
    assert engine.names == ["alive", "foreign", "kept", "neighbour"]
    cleanup.clean(engine, run="foreign")
    assert engine.names == ["alive", "kept", "neighbour"]
    cleanup.clean(engine, everything=True)
    assert engine.names == []


def test_an_engine_that_does_not_answer_leaves_what_it_may() -> None:
    """A sweep that could not even look is a leftover, with the command that removes it."""
    engine = FakeEngine(silent_from=0)
    with pytest.raises(LeftoverError, match=r"does not answer.*`lab clean --run r1`"):
        cleanup.sweep_run(engine, "r1")


@pytest.mark.parametrize("run", ["", " ", "\t\n"])
@pytest.mark.parametrize("dry", [False, True])
def test_an_empty_id_is_never_everybodys(run: str, dry: bool) -> None:
    """A variable that was not set removes no living lab, of whoever asks for it."""
    engine = FakeEngine()
    bring_up(engine)
    with pytest.raises(UsageError, match="an empty id is no lab's"):
        cleanup.clean(engine, run=run, dry=dry)
    with pytest.raises(UsageError):
        cleanup.sweep_run(engine, run)
    assert len(engine.names) == 4


@pytest.mark.parametrize("dry", [False, True])
def test_an_id_that_no_lab_has_is_said_with_those_that_there_are(dry: bool) -> None:
    """Nothing goes; of a run's id it is said that the lab has another."""
    engine = FakeEngine()
    for name in ("r2", "r1", "r1"):
        engine.start(spec(f"box-{len(engine.names)}", {RUN_LABEL: name}))

    def said(run: str) -> str:
        with pytest.raises(UsageError) as refused:
            cleanup.clean(engine, run=run, dry=dry)
        return str(refused.value)

    assert said("r3") == "no lab with the id r3 on this machine (there are: r1, r2)"
    meant = "that is a run's; its lab's is meant, which `lab run --keep` printed"
    assert said("20261130-153211-4ddd") == (
        f"no lab with the id 20261130-153211-4ddd on this machine: {meant} (there are: r1, r2)"
    )
    assert len(engine.names) == 3
    cleanup.clean(engine, everything=True)
    assert said("r1") == "no lab with the id r1 on this machine (there is none)"
