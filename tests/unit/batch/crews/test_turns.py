"""Turns: nobody is loud while somebody measures, all that are ready begin together, and no wait is without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.batch.crews.turns import Turn, Turns

FOR_EVER_S = 30.0
"""Longer than any test: who waits so long was never let go on."""
NEVER_S = 0.05
"""So long is looked whether somebody goes on who must not; who wrongly does shows at once."""


@dataclass
class Lanes:
    """Some lanes, each step that waits in a thread of its own."""

    turns: Turns = field(default_factory=lambda: Turns(FOR_EVER_S, apart_s=0.0, first_apart_s=0.0))
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))

    def lane(self) -> Turn:
        """Return the turn of one more lane."""
        return Turn(self.turns)

    def goes(self, step: Callable[[], object]) -> Future[object]:
        """Begin a step, which may have to wait."""
        return self.threads.submit(step)


@contextmanager
def lanes() -> Iterator[Lanes]:
    """Return lanes that all end with the test, whatever they wait for."""
    made = Lanes()
    with made.threads:
        try:
            yield made
        finally:
            made.turns.end()


def waits(step: Future[object]) -> bool:
    """Say whether `step` does not end."""
    try:
        step.result(NEVER_S)
    except TimeoutError:
        return True
    return False


def leave(turn: Turn) -> None:
    """Be through with measuring."""
    turn.__exit__(None, None, None)


def test_a_lane_alone_waits_for_nobody() -> None:
    """Loud, measuring, loud, measuring: in one thread, or it would never end."""
    turn = Turn(Turns(FOR_EVER_S, apart_s=0.0, first_apart_s=0.0))
    turn.loud()
    for _ in range(2):
        with turn:
            pass
    turn.rest()


def test_who_is_ready_waits_for_who_is_loud_and_both_begin_together() -> None:
    """The barrier is inside what is measured: it breaks when one has left before the other comes."""
    both = threading.Barrier(2)
    with lanes() as made:
        first, second = made.lane(), made.lane()
        first.loud()
        second.loud()

        def measure(turn: Turn) -> None:
            with turn:
                both.wait(FOR_EVER_S)
                turn.rest()

        early = made.goes(lambda: measure(first))
        assert waits(early)
        measure(second)
        early.result(FOR_EVER_S)


def test_who_comes_is_waited_for_before_it_has_begun() -> None:
    """A lane that was given a cell, whose thread has not looked yet."""
    with lanes() as made:
        first, second = made.lane(), made.lane()
        first.loud()
        second.come()
        ready = made.goes(first.__enter__)
        assert waits(ready)
        second.rest()
        ready.result(FOR_EVER_S)


def test_nobody_is_loud_while_one_measures() -> None:
    """Neither who comes anew nor who has measured beside it, and is through before."""
    with lanes() as made:
        long, short, new = made.lane(), made.lane(), made.lane()
        long.loud()
        short.loud()
        entering = made.goes(long.__enter__)
        short.__enter__()
        entering.result(FOR_EVER_S)
        coming, leaving = made.goes(new.loud), made.goes(lambda: leave(short))
        assert waits(coming)
        assert waits(leaving)
        leave(long)
        coming.result(FOR_EVER_S)
        leaving.result(FOR_EVER_S)


def test_who_rests_is_waited_for_by_nobody() -> None:
    """A lane without a cell, or one that has died: the others measure, and are loud."""
    with lanes() as made:
        gone, stays = made.lane(), made.lane()
        gone.loud()
        stays.loud()
        entering = made.goes(stays.__enter__)
        assert waits(entering)
        gone.rest()
        entering.result(FOR_EVER_S)
        coming = made.goes(gone.loud)
        assert waits(coming)
        stays.rest()
        coming.result(FOR_EVER_S)


def test_patience_has_an_end() -> None:
    """A lane that never gets ready holds nobody up for ever, nor does one that measures for hours."""
    turns = Turns(NEVER_S, apart_s=0.0, first_apart_s=0.0)
    stuck, other, third = Turn(turns), Turn(turns), Turn(turns)
    stuck.loud()
    other.__enter__()
    third.loud()
    assert not turns.over()


def test_when_all_is_over_nobody_waits() -> None:
    """Whatever they wait for; and who comes later does not begin to."""
    with lanes() as made:
        loud, ready, late = made.lane(), made.lane(), made.lane()
        loud.loud()
        entering = made.goes(ready.__enter__)
        assert waits(entering)
        made.turns.end()
        entering.result(FOR_EVER_S)
        assert ready.over()
        late.loud()


def test_those_who_are_loud_together_begin_one_after_another() -> None:
    """The first one at once, and it need not wait again; the second one only later, which here is never."""
    with lanes() as made:
        made.turns = Turns(FOR_EVER_S, apart_s=0.0, first_apart_s=FOR_EVER_S)
        first, second = made.lane(), made.lane()
        first.loud()
        first.loud()
        assert waits(made.goes(second.loud))


def test_those_who_measure_together_begin_one_after_another() -> None:
    """One at once, the other only later, which here is never; what is over ends that wait too."""
    with lanes() as made:
        made.turns = Turns(FOR_EVER_S, apart_s=FOR_EVER_S, first_apart_s=0.0)
        both = made.lane(), made.lane()
        for each in both:
            each.loud()
        done, late = wait([made.goes(each.__enter__) for each in both], FOR_EVER_S, FIRST_COMPLETED)
        assert len(done) == 1
        assert waits(next(iter(late)))
        made.turns.end()
        next(iter(late)).result(FOR_EVER_S)
