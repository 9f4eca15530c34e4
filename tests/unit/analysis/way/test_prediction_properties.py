"""The prediction against a reference that knows nothing of arrays: which packets hold a frame, and how far each got."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.way.journey import At, Journey
from lab.analysis.way.prediction import Copy, replay
from tests.unit.analysis.chance import drawn
from tests.unit.analysis.way.test_prediction import unharmed

_LEFT_OUT = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One slot of the sender's clock: how far its packet got; `red` and `fec` are what it held besides."""

    reached: At
    red: bool
    fec: bool
    begins: bool
    """A new SSRC begins with it."""


SENT = st.builds(Sent, reached=st.sampled_from(At), red=st.booleans(), fec=st.booleans(), begins=st.just(False))
STEADY = st.booleans().flatmap(
    lambda red: st.builds(
        Sent,
        reached=st.sampled_from(At),
        red=st.just(red),
        fec=st.booleans(),
        begins=st.integers(0, 30).map(lambda n: n == 0),
    )
)
SLOTS = st.lists(st.one_of(SENT, STEADY, STEADY, st.just(_LEFT_OUT)), min_size=1, max_size=60)
"""`_LEFT_OUT`: discontinuous transmission sent no packet in this slot, and the numbers go on behind it."""


def journey(slots: list[Sent | None]) -> Journey:
    """Return the slots as captures would show them."""
    packets = [one for one in slots if one is not _LEFT_OUT]
    number, epoch, counted = [], [], 0
    for one in slots:
        number.append(-1 if one is _LEFT_OUT else counted)
        counted += one is not _LEFT_OUT
    for at in range(len(slots)):
        epoch.append(sum(one.begins for one in packets[: sum(n >= 0 for n in number[: at + 1])]))
    t_ns = np.full((len(slots), len(At) - 1), -1, np.int64)
    for at, one in enumerate(slots):
        if one is not _LEFT_OUT:
            t_ns[at, : one.reached + 1] = at * 20_000_000 + np.arange(one.reached + 1)
    red = np.array([one is not _LEFT_OUT and one.red for one in slots])
    return unharmed(np.array(epoch, np.int64), np.array(number, np.int64), red, t_ns)


def carriers(slots: list[Sent | None], at: int) -> list[tuple[Copy, Sent]]:
    """Return the packets that hold the audio of slot `at`, in order: its own, and what the next two repeat."""
    own = slots[at]
    if own is _LEFT_OUT:
        return []
    later = [one for one in slots[at + 1 :] if one is not _LEFT_OUT][:2]
    if later and later[0].begins:
        later = []
    if len(later) == 2 and later[1].begins:
        later = later[:1]
    found = [(Copy.OWN, own)]
    if later and (later[0].red or later[0].fec):
        found.append((Copy.RED if later[0].red else Copy.FEC, later[0]))
    if len(later) == 2 and later[1].red and later[1].fec:
        found.append((Copy.FEC, later[1]))
    return found


@drawn(120)
@given(slots=SLOTS)
def test_a_frame_is_decodable_iff_a_packet_that_holds_it_arrived(slots: list[Sent | None]) -> None:
    """Frame n iff n, n+1 or, with in-band FEC, n+2 arrived; else where the copy that got furthest died; no copy, none.

    What is repeated does not cross into a new SSRC, and goes on over slots that were never sent.
    """
    fec = np.array([one is not _LEFT_OUT and one.fec for one in slots])
    found = replay(journey(slots), fec)
    for at in range(len(slots)):
        held = carriers(slots, at)
        arrived = [copy for copy, packet in held if packet.reached == At.RECEIVED]
        assert bool(found.decodable[at]) == bool(arrived)
        assert Copy(int(found.through[at])) == (arrived[0] if arrived else Copy.NONE)
        assert found.reached[at] == max((packet.reached for _, packet in held), default=At.NOWHERE)


@drawn(50)
@given(slots=SLOTS, lost=st.integers(0, 59))
def test_one_packet_more_never_hurts(slots: list[Sent | None], lost: int) -> None:
    """A packet that gets further makes no frame worse, and a mechanism more makes no frame worse."""
    fec = np.array([one is not _LEFT_OUT and one.fec for one in slots])
    here = replay(journey(slots), fec).reached
    at = lost % len(slots)
    if slots[at] is not _LEFT_OUT:
        better = [*slots]
        better[at] = Sent(reached=At.RECEIVED, red=slots[at].red, fec=slots[at].fec, begins=slots[at].begins)
        assert (replay(journey(better), fec).reached >= here).all()
    assert (replay(journey(slots), np.zeros(len(slots), np.bool_)).reached <= here).all()
