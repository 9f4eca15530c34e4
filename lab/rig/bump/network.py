"""What the bumps do during one run: the clean beginning, the impairment, the timeline, the last counters.

Each step is read back, compared and written down (`router/steps.jsonl`) before it counts. The last counters are read
when the links are silent, so that they can be compared with the taps packet for packet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lab.evidence import names
from lab.evidence.steps import StepState, to_line
from lab.evidence.store import RunFolder
from lab.rig.bump.driver import Bump, held
from lab.rig.layout.lifetime import BEHIND_S, DRAIN_S
from lab.scenario.model import Change, Direction, Impairment, Scenario

EMPTY_S = 5.0
QUIET_S = 0.05
"""Longer than from one packet of a stream to the next: a server sends on until it has noticed who has left."""

LONG_S = DRAIN_S + BEHIND_S + 1.0
"""Only slow links and long queues are drained for longer, and a queue need not have been full: then it is looked at."""
LOOK_S = 0.5
"""Between two looks; one takes 20 to 30 ms."""
_Queue = tuple[str, Direction, str]
"""A client, the direction of its link, and the handle of a qdisc there."""


class Network:
    """The impairments of one run. On exit every link falls silent and the last counters are read."""

    in_force: dict[tuple[str, Direction], Impairment]

    def __init__(self, bump: Bump, scenario: Scenario, folder: RunFolder) -> None:
        """Begin with every direction clean."""
        self._bump = bump
        self._scenario = scenario
        self._folder = folder
        self.in_force = {(link.client, way): Impairment() for link in scenario.links for way in ("up", "down")}
        self._changes = 0

    def __enter__(self) -> Network:
        """Make every direction clean, with this run's dice, and read the counters that all is measured from."""
        self._bump.seed = self._scenario.seed
        self._apply("clean", dict(self.in_force), None)
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until no link holds a packet and none has come for a moment; the counters read then are the last."""
        until, last = time.monotonic() + EMPTY_S, self._bump.read("final")
        while time.monotonic() < until:
            time.sleep(QUIET_S)
            before, last = last, self._bump.read("final")
            if not held(last) and last.directions == before.directions:
                break
        self._note(last)

    def impair(self) -> None:
        """Put every direction into the state that the scenario's links ask for."""
        changes: dict[tuple[str, Direction], Impairment] = {}
        for link in self._scenario.links:
            changes[(link.client, "up")] = link.up
            changes[(link.client, "down")] = link.down
        self._apply("impair", changes, None)

    def timeline(self) -> Iterator[Change]:
        """Yield the changes in their order."""
        yield from self._scenario.timeline

    def apply(self, change: Change, due_ns: int) -> None:
        """Make one change of the timeline, which was due at `due_ns` (t_ns)."""
        self._changes += 1
        self._apply(f"change-{self._changes}", {(change.client, change.direction): change.impairment}, due_ns)

    def emptying(self) -> Callable[[], bool]:
        """Return what says, asked again and again from now on, whether all that the links held left `DRAIN_S` ago.

        What they held at a first look must have left at a second, and what they held then at a third: what came up goes
        down. That they hold nothing is not waited for: a client sends silence on, of which a delay always holds some.
        """
        look_at, owed, looks = time.monotonic() + LONG_S, dict[_Queue, int](), 3

        def emptied() -> bool:
            nonlocal look_at, owed, looks
            now = time.monotonic()
            if now < look_at or not looks:
                return now >= look_at
            look_at = now + LOOK_S
            sent, to_come = _passed(self._bump.read("drain"))
            if all(sent[queue] >= count for queue, count in owed.items()):
                owed, looks = to_come, looks - 1
                look_at = look_at if looks else now + DRAIN_S
            return False

        return emptied

    def _apply(self, name: str, changes: dict[tuple[str, Direction], Impairment], due_ns: int | None) -> None:
        self._note(self._bump.apply(name, changes, due_ns))
        self.in_force.update(changes)

    def _note(self, step: StepState) -> None:
        self._folder.append(names.STEPS, to_line(step))


def _passed(step: StepState) -> tuple[dict[_Queue, int], dict[_Queue, int]]:
    """Return how many packets each queue has sent on, and how many it will have when all that it holds now has left."""
    found = {(way.client, way.direction, one.handle): one for way in step.directions for one in way.qdiscs}
    sent = {queue: one.sent_packets for queue, one in found.items()}
    return sent, {queue: one.sent_packets + one.backlog_packets for queue, one in found.items()}
