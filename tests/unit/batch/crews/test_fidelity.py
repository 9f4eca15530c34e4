"""How many lanes a machine carries: grown by what runs were measured to take, shrunk by what they suffered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.batch.crews.crew import Attempt
from lab.batch.crews.fidelity import BUMP_MS, BUMP_RISE_MS, MOST_LANES, Fidelity, most_lanes
from lab.batch.folders.journal import ERROR


def run(busy: float | None = 0.2, bump_ms: float | None = 1.0, failed: tuple[str, ...] = ()) -> Attempt:
    """Return a finished run; VOID when gates failed."""
    return Attempt(outcome="VOID" if failed else "PASS", busy=busy, bump_ms=bump_ms, failed=failed)


def heard(fidelity: Fidelity, each: Attempt) -> str:
    """Have `fidelity` hear of a run that began with the lanes that there are; return what it says."""
    return fidelity.heard(each, fidelity.changes)


def lanes_after(fidelity: Fidelity, *runs: Attempt) -> list[int]:
    """Return how many lanes there are after each run, which begins once the one before is over."""
    found = []
    for each in runs:
        heard(fidelity, each)
        found.append(fidelity.lanes)
    return found


def lanes_after_round(fidelity: Fidelity, *runs: Attempt) -> list[int]:
    """Return how many lanes there are after each run, of which all began together."""
    changes, found = fidelity.changes, []
    for each in runs:
        fidelity.heard(each, changes)
        found.append(fidelity.lanes)
    return found


def test_so_many_as_asked_for_are_there_and_never_more() -> None:
    """However idle the machine."""
    assert lanes_after(Fidelity(3), *[run(busy=0.01)] * 20) == [3] * 20


def test_auto_doubles_after_each_clean_round_while_there_is_room() -> None:
    """One run alone, then a round of two, then of four; a lane takes 5 % of the machine, sixteen would be too many."""
    fidelity, seen = Fidelity(None), []
    for _ in range(20):
        words = heard(fidelity, run(busy=0.05 * fidelity.lanes))
        seen.append((fidelity.lanes, words))
    assert [lanes for lanes, _ in seen][:8] == [2, 2, 4, 4, 4, 4, 8, 8]
    assert seen[0][1] == "2 lanes side by side: one takes 5% of this machine"
    assert seen[-1] == (MOST_LANES, "")


def test_auto_stays_where_the_room_ends() -> None:
    """A lane takes 30 %: two fit into 80 %, a third does not."""
    fidelity = Fidelity(None)
    for _ in range(10):
        heard(fidelity, run(busy=0.3 * fidelity.lanes))
    assert fidelity.lanes == 2


def test_a_machine_that_is_full_with_one_lane_keeps_it() -> None:
    """Even where that one is void time after time: somebody has to find out when it is over."""
    assert lanes_after(Fidelity(None), *[run(busy=0.95, failed=("pacer",))] * 9) == [1] * 9


def test_void_runs_take_a_lane_away_for_good() -> None:
    """The second one among the last runs; nothing brings the lane back."""
    fidelity = Fidelity(4)
    assert lanes_after(fidelity, run(), run(failed=("steal",)), run()) == [4, 4, 4]
    assert heard(fidelity, run(failed=("bump slow",))) == (
        "a lane is taken away, 3 lanes left: 2 of the last 4 runs were void through this machine"
    )
    assert lanes_after(fidelity, *[run(busy=0.01)] * 30) == [3] * 30


def test_one_bad_round_takes_one_lane_away() -> None:
    """However many of its runs were void: those told of after the change began with the lanes of before."""
    fidelity, void = Fidelity(4), run(failed=("pacer",))
    assert lanes_after_round(fidelity, void, void, void, void) == [4, 3, 3, 3]
    assert lanes_after_round(fidelity, void, run(), void) == [3, 3, 2]


def test_a_slow_round_takes_one_lane_away() -> None:
    """As a void one does; six lanes, of which three are enough to tell."""
    slow = run(bump_ms=BUMP_MS + 0.1)
    assert lanes_after_round(Fidelity(6), *[slow] * 6) == [6, 6, 5, 5, 5, 5]


def test_the_bump_alone_is_that_of_runs_that_began_alone() -> None:
    """Of two lanes one is taken away while two more runs are under way: what those suffered is not usual for one."""
    fidelity, slow = Fidelity(2), run(bump_ms=BUMP_MS + 0.1)
    assert lanes_after_round(fidelity, slow, slow, slow, slow) == [2, 2, 1, 1]
    assert fidelity._usual() == BUMP_MS - BUMP_RISE_MS
    heard(fidelity, run(bump_ms=1.5))
    assert fidelity._usual() == 1.5


def test_lanes_grow_by_what_runs_took_with_as_many() -> None:
    """Two lanes since the run that is told of last began: it says nothing about how much room two leave."""
    fidelity = Fidelity(None)
    assert lanes_after_round(fidelity, *[run(busy=0.01)] * 9) == [2] * 9


def test_a_run_that_is_void_through_no_fault_of_the_machine_takes_nothing_away() -> None:
    """Media that left its path would do so with one lane as well."""
    assert lanes_after(Fidelity(4), *[run(failed=("path",))] * 9) == [4] * 9


def test_a_bump_that_became_slower_takes_a_lane_away() -> None:
    """Against what it was with one lane."""
    fidelity = Fidelity(None)
    heard(fidelity, run(bump_ms=0.5))
    assert fidelity.lanes == 2
    slower = run(bump_ms=0.5 + BUMP_RISE_MS + 0.1)
    assert lanes_after(fidelity, slower, slower, slower) == [2, 2, 1]


def test_where_nobody_knows_the_bump_alone_half_of_the_gate_is_too_much() -> None:
    """The lanes were there from the beginning."""
    slow = run(bump_ms=BUMP_MS + 0.1)
    assert lanes_after(Fidelity(4), slow, slow, slow) == [4, 4, 3]
    assert lanes_after(Fidelity(4), *[run(bump_ms=BUMP_MS)] * 9) == [4] * 9


@pytest.mark.parametrize(("gigabytes", "lanes"), [(0.2, 1), (1.0, 1), (2.1, 2), (7.5, 7), (500.0, MOST_LANES)])
def test_no_more_labs_than_there_is_memory_for(tmp_path: Path, gigabytes: float, lanes: int) -> None:
    """One always; as `auto` grows, it stops there."""
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 1 kB\nMemAvailable:   {gigabytes * 1e9 / 1024:.0f} kB\nBuffers: 3 kB\n")
    assert most_lanes(path) == lanes
    fidelity = Fidelity(None, most_lanes(path))
    assert lanes_after(fidelity, *[run(busy=0.01)] * 60)[-1] == lanes


def test_an_attempt_that_came_to_nothing_is_no_clean_run() -> None:
    """A client was not ready in time: the lanes that there are may be too many. They take nothing away either."""
    fidelity, nothing = Fidelity(None), Attempt(outcome=ERROR, why="a client was not ready", exit_code=4)
    assert lanes_after(fidelity, run(), nothing, run(), nothing, run()) == [2, 2, 2, 2, 2]
    assert lanes_after(fidelity, *[run(busy=0.1)] * 4)[-1] == 4


def test_runs_that_say_nothing_change_nothing() -> None:
    """From a cluster, or without a judged recording."""
    assert lanes_after(Fidelity(None), *[run(busy=None, bump_ms=None)] * 9) == [1] * 9


@given(
    st.lists(
        st.builds(
            run,
            busy=st.none() | st.floats(0, 1),
            bump_ms=st.none() | st.floats(0, 50),
            failed=st.sampled_from([(), (), ("pacer",), ("path",), ("bump slow", "steal")]),
        ),
        max_size=60,
    ),
    st.none() | st.integers(1, MOST_LANES),
)
def test_lanes_stay_within_bounds_and_each_change_is_said(runs: list[Attempt], asked: int | None) -> None:
    """At least one, at most as asked; nothing changes silently; what was taken away stays away."""
    fidelity, most = Fidelity(asked), asked or MOST_LANES
    for each in runs:
        before = fidelity.lanes
        words = heard(fidelity, each)
        assert 1 <= fidelity.lanes <= most
        assert bool(words) == (fidelity.lanes != before)
        if fidelity.lanes < before:
            most = fidelity.lanes
