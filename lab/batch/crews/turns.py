"""Lanes take turns with the machine: they measure together, and nobody is loud meanwhile.

Law: while one lane measures, no other one begins to bring up, join or take down (is loud); one that is ready to measure
waits until nobody is loud, and all that wait begin together. What all do together, they begin one after another. Nobody
waits for a lane that rests, longer than `PATIENCE_S`, or once all is over: whether it hurt to go on is for the gates to
say.
"""

from __future__ import annotations

import threading
import time
from enum import Enum, auto
from types import TracebackType

PATIENCE_S = 100.0
"""Twice that, before and after a window, is less than the life of a lab has beyond its media (`lifetime.AROUND_S`)."""

APART_S = 0.05
"""From one lane's media to the next one's, and so with what lies between, so that what all do at the same moment of it
is done in turn, such as changing the network, which takes a VM 12 ms."""
FIRST_APART_S = 0.6
"""From the first change of one lane to that of the next one, both of which bring up a lab. They want the same CPUs, and
are done no later for it; but containerd's shims collect their garbage each 30 s from their start on, 30 ms of CPU each:
not all at the same moment."""


class _Stage(Enum):
    """What a lane does; one that rests does nothing of it."""

    COMING = auto()
    """It waits to be loud."""
    LOUD = auto()
    READY = auto()
    """It waits to measure."""
    MEASURING = auto()


class Turns:
    """The turns of all lanes; threads share it."""

    def __init__(
        self, patience_s: float = PATIENCE_S, apart_s: float = APART_S, first_apart_s: float = FIRST_APART_S
    ) -> None:
        """Begin with nobody; no wait takes longer than `patience_s`, and two begin no closer than so far apart."""
        self.apart_s, self.first_apart_s = apart_s, first_apart_s
        self._patience_s = patience_s
        self._due = {_Stage.MEASURING: 0.0, _Stage.LOUD: 0.0}
        self._changed = threading.Condition()
        self._stages: dict[Turn, _Stage] = {}
        self._over = False

    def over(self) -> bool:
        """Return whether all is over."""
        return self._over

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def put(self, turn: Turn, stage: _Stage | None) -> None:
        """Note what the lane with `turn` does, None when it rests, and let go on whoever waited for that."""
        with self._changed:
            self._stages.pop(turn, None)
            if stage is not None:
                self._stages[turn] = stage
            self._advance(_Stage.COMING, _Stage.LOUD, {_Stage.MEASURING})
            self._advance(_Stage.READY, _Stage.MEASURING, {_Stage.COMING, _Stage.LOUD})
            self._changed.notify_all()

    def stage(self, turn: Turn) -> _Stage | None:
        """Return what the lane with `turn` does, None when it rests."""
        return self._stages.get(turn)

    def wait(self, turn: Turn, stage: _Stage, apart_s: float) -> None:
        """Wait until it is `stage` of the lane with `turn`, and its place among those who begin with it.

        The next one's is `apart_s` later. It is when patience, or all, is over, too.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._stages.get(turn) is stage, self._patience_s)
            self._stages[turn] = stage
            due = max(time.monotonic(), self._due[stage])
            self._due[stage] = due + apart_s
            self._changed.wait_for(self.over, due - time.monotonic())

    def _advance(self, waiting: _Stage, wanted: _Stage, never_beside: set[_Stage]) -> None:
        if never_beside.isdisjoint(self._stages.values()):
            self._stages |= {turn: wanted for turn, stage in self._stages.items() if stage is waiting}


class Turn:
    """One lane's turn; what it measures is measured inside it, as a context, as often as it likes."""

    def __init__(self, turns: Turns) -> None:
        """Rest, at first."""
        self._turns = turns
        self._loud = False
        self._first = True

    def over(self) -> bool:
        """Return whether all is over, and a run under way to be given up."""
        return self._turns.over()

    def come(self) -> None:
        """Let the lane be waited for from now on, in whatever thread: it is to be loud."""
        if self._turns.stage(self) is not _Stage.LOUD:
            self._turns.put(self, _Stage.COMING)

    def loud(self) -> None:
        """Wait until the lane may bring up or take down what it likes; not again before it measured or rested."""
        self.come()
        if not self._loud:
            self._turns.wait(self, _Stage.LOUD, self._turns.first_apart_s if self._first else self._turns.apart_s)
            self._loud, self._first = True, False

    def rest(self) -> None:
        """Be waited for by nobody: the lane has nothing to do, or is gone."""
        self._loud = False
        self._turns.put(self, None)

    def __enter__(self) -> None:
        """Be ready, and wait until everybody is who comes."""
        self._loud = False
        self._turns.put(self, _Stage.READY)
        self._turns.wait(self, _Stage.MEASURING, self._turns.apart_s)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Be through with it, and wait until everybody is."""
        self.loud()
