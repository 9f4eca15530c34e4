"""Whose damage fell in moments in which this machine kept them waiting: which moments, and how much of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.containers.hosts import WAITED_NS, Host
from lab.analysis.flows.case import Asked, case_of
from lab.analysis.flows.flow import follow
from lab.analysis.ledger.blame import blame
from lab.analysis.ledger.damage import damage
from lab.analysis.ledger.pieces import Story, pieces
from lab.analysis.values import Owner
from lab.analysis.verdicts.starving import LATE_MS, STEAL_SHARE, Machine, starved_share
from lab.evidence.accounts import CgroupSecond, HostSecond, Tick
from lab.scenario.model import Media
from tests.unit.analysis.build import MS, Plan, first_measured, recording

FIRST = first_measured(Plan())
LOOK = CgroupSecond(t_ns=0, cpu_ns=0, throttled_ns=0, throttled_periods=0, memory_bytes=1, waited_ns=0)


def told(*lost: int) -> Story:
    """Return the story of a run whose server lost these packets, counted from the first measured one."""
    case = case_of(
        recording(Plan(server_lost=[FIRST + n for n in lost], red=False)),
        Asked(media=Media(duration_ms=4000), expect=()),
    )
    ((publisher, subscriber),) = case.scene.pairs
    flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    return Story(case=case, flow=flow, loss=damage(flow, blame(case, flow, (), ())))


def late(t_ns: int) -> Machine:
    """Return a machine whose pacer came late in the second up to then."""
    return Machine(ticks=(Tick(t_ns=t_ns, ticks=100, late_p99_ms=1.0, late_max_ms=LATE_MS + 0.1),), seconds=())


def moments(story: Story) -> list[int]:
    """Return when what was lost was due, each packet once."""
    (piece,) = pieces(story)
    return sorted(set(story.flow.made.sent_ns[piece.rows].tolist()))


@pytest.mark.parametrize(
    ("tick_ms", "share"), [(-300, 0.005), (-301, 0.0), (0, 0.005), (1300, 0.005), (1301, 0.0), (5000, 0.0)]
)
def test_a_moment_reaches_300_ms_to_either_side(tick_ms: int, share: float) -> None:
    """One of 200 frames, due so long before the end of a second in which the pacer came late."""
    story = told(50)
    (due_ns,) = moments(story)
    assert starved_share(story, late(due_ns + tick_ms * MS), Owner.SERVER) == share


@pytest.mark.parametrize(("lost", "share"), [((50, 150), 0.005), ((50, 150, 151), 0.0), ((50, 51, 150), 0.01)])
def test_whoever_is_charged_mostly_for_such_moments(lost: tuple[int, ...], share: float) -> None:
    """Half of it is enough; then what fell in such moments counts, and nobody else's."""
    story = told(*lost)
    machine = late(moments(story)[0] + 100 * MS)
    assert starved_share(story, machine, Owner.SERVER) == share
    assert starved_share(story, machine, Owner.BOTH) == share
    assert starved_share(story, machine, Owner.CLIENT) == 0.0


def test_which_moments_are_slow() -> None:
    """A pacer later than 25 ms, more than a tenth stolen; what is just as much is not more."""
    ticks = [Tick(t_ns=t, ticks=100, late_p99_ms=1.0, late_max_ms=ms) for t, ms in ((1, LATE_MS), (2, LATE_MS + 1))]
    seconds = [
        HostSecond(t_ns=t, steal=steal, busy=0.2, clock_offset_ns=0) for t, steal in ((3, STEAL_SHARE), (4, 0.11))
    ]
    found = Machine(ticks=ticks, seconds=seconds).slow()
    assert [span.to_ns for span in found] == [2, 4]


def test_a_task_that_waited_longer_than_40_ms_waited_unless_its_quota_made_it() -> None:
    """Four looks: at the limit, beyond it, beyond it while throttled, and by a kernel that does not say."""
    looks = [
        LOOK,
        replace(LOOK, t_ns=1, waited_ns=WAITED_NS),
        replace(LOOK, t_ns=2, waited_ns=WAITED_NS + 1),
        replace(LOOK, t_ns=3, waited_ns=WAITED_NS + 1, throttled_ns=5),
        replace(LOOK, t_ns=4, waited_ns=None, throttled_ns=5),
    ]
    assert [(span.from_ns, span.to_ns) for span in Host(name="server", cgroup=tuple(looks)).waited()] == [(1, 2)]
