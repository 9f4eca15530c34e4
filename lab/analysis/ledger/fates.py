"""Where each 10 ms ended: the furthest that any copy of it came, whether it was late, and whether it was heard.

Law: one place per block. The captures say where it died; a kind, by evidence of its own, goes before that; what arrived
is lost only when the ear misses it, and then where a second witness saw it go.
"""

from __future__ import annotations

import numpy as np

from lab.analysis.ear.listen import Ear
from lab.analysis.ear.missing import WHOLE, Why, Witnesses, missing
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.kinds import BOOKED, CLIENTS, UNTOLD, booked, faded
from lab.analysis.way.delay import PARTS
from lab.analysis.way.journey import At
from lab.analysis.way.prediction import Copy
from lab.analysis.way.waits import HOPS
from lab.analysis.wire.streams import ABSENT, Flags, Ints

DIED = {
    At.NOWHERE: "send",
    At.SENT: "uplink",
    At.UPLINKED: "unexplained",  # between two taps of the router
    At.SERVER_IN: "server",
    At.SERVER_OUT: "unexplained",
    At.ROUTED: "downlink",
}
"""The hop in which a packet died that was seen last at a place."""
FATES = (
    *("decodable", "push", "content", "send", "uplink", "server", "downlink", "playout", "read", "unexplained"),
    *BOOKED,
)
"""Where a block ended. `decodable`: it came in time, and the ear, where there is one, does not say that it was not
heard; `content`: the SDK never sent it although its sequence numbers are whole."""
_SLOW_MS = 20.0
"""A packet that came later than usual by as much as NetEQ's least buffer holds was slow, be the others slower."""
_HOPELESS_MS = 1000.0
"""A packet alone that comes so much later than usual is played by no jitter buffer that had nothing for so long."""
_MOST_SWALLOWED = 20  # blocks: as much as NetEQ's buffer usually holds
_MOST_FADED = 2  # blocks: where concealment begins and ends


def fates(flow: Flow) -> tuple[Ints, Flags]:
    """Return the fate of every block made, and whether it only came too late."""
    made, reached = flow.made, flow.prediction.reached
    died = np.array(
        [FATES.index(DIED.get(At(at), "decodable")) for at in range(At.RECEIVED + 1)] + [FATES.index("send")]
    )
    on_wire = made.slot >= 0
    slot = np.maximum(made.slot, 0)
    by_slot = died[reached] if reached.size else np.zeros(1, np.int64)
    tardy = np.array([FATES.index(hop) for hop in HOPS] + [0])[flow.lateness.hop]
    by_slot = np.where(tardy > 0, tardy, by_slot) if tardy.size else by_slot
    fate = np.where(on_wire, by_slot[slot], FATES.index("content"))
    late = on_wire & ((tardy > 0)[slot] if tardy.size else False)
    fate = np.where(made.pushed, fate, FATES.index("push"))
    named = booked(flow)
    fate, late = np.where(named >= 0, named + FATES.index(BOOKED[0]), fate), late & (named < 0)
    heard, late = _unheard(flow, fate, np.asarray(late, dtype=np.bool_))
    edge = faded(flow)
    mute = (edge >= 0) & (heard != fate) & (heard != FATES.index("read"))
    return np.where(mute, edge + FATES.index(BOOKED[0]), heard), late & ~mute


def _unheard(flow: Flow, fate: Ints, late: Flags) -> tuple[Ints, Flags]:
    """Settle what arrived in time and was not heard; without an ear, nothing."""
    if flow.ear is None:
        return fate, late
    seen = Witnesses(inbound=flow.inbound, reads=flow.reads, left_ns=flow.pauses.listener_ended_ns)
    why = missing(flow.ear, fate == FATES.index("decodable"), seen)
    not_played = why == Why.PLAYOUT
    slot = np.maximum(flow.made.slot, 0)
    repaired = flow.prediction.through[slot] != Copy.OWN
    slow, hopeless, hop = _slow(flow)
    in_playout = np.where(repaired, first_died(flow)[slot], np.where(slow, hop, FATES.index("playout")))
    found = np.where(not_played, in_playout, fate)
    found = np.where(why == Why.READ, FATES.index("read"), found)
    found = np.where(why == Why.UNDER_WAY, FATES.index("tail"), found)
    # Which packets brought in-band FEC is inferred: where the ear denies that one did, nothing had come.
    guessed = flow.prediction.through[slot] == Copy.FEC
    never = np.where(guessed, first_died(flow)[slot], FATES.index("unexplained"))
    found = np.where(why == Why.UNEXPLAINED, np.where(hopeless, hop, never), found)
    late = late | (not_played & ~repaired & slow) | ((why == Why.UNEXPLAINED) & hopeless)
    return _swallowed(flow, flow.ear, (fate, found), late)


def _swallowed(flow: Flow, ear: Ear, fates: tuple[Ints, Ints], late: Flags) -> tuple[Ints, Flags]:
    """Give what was not heard right beside what never came to what became of that: concealment ends in a jump.

    NetEQ comes back to its delay there, and leaves out what does not fit any more, or decodes it badly for as long as
    it had nothing to decode; nothing counts that. What was read in full, and is silent, was not left out.
    """
    fate, found = fates
    wire = np.flatnonzero(flow.made.slot >= 0)
    gone = np.isin(found[wire], [FATES.index("playout"), FATES.index("unexplained")]) & (fate[wire] == 0)
    lost = [FATES.index(name) for name in (*HOPS, *CLIENTS, *UNTOLD)]
    hops = np.isin(fate[wire], lost)
    without_place = (fate[wire] == 0) & (ear.sample[wire] == ABSENT)
    found, late = found.copy(), late.copy()
    for begin, end in _runs(gone | without_place):
        beside = [at for at in (begin - 1, end) if 0 <= at < wire.size and hops[at]]
        swallowed = wire[begin:end][gone[begin:end]]
        read_in_full = int((ear.steps[swallowed] >= WHOLE).sum())
        nothing = np.isin(found[wire[:begin]], lost)  # what was swallowed just before included
        before = begin - int(np.flatnonzero(~nothing).max(initial=-1)) - 1
        if beside and end - begin <= max(_MOST_SWALLOWED, before) and read_in_full <= _MOST_FADED:
            found[swallowed], late[swallowed] = fate[wire[beside[0]]], late[wire[beside[0]]]
    return found, late


def _runs(marked: Flags) -> list[tuple[int, int]]:
    """Return from where to before where each run of marked places is."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def first_died(flow: Flow) -> Ints:
    """Return per slot where its copies died that did not arrive: what killed it when a repair was of no use."""
    copies = flow.prediction.copies
    reached = np.where(copies == At.RECEIVED, At.NOWHERE, copies).max(axis=0, initial=At.NOWHERE)
    died = np.array([FATES.index(DIED[At(at)]) for at in range(At.RECEIVED)] + [FATES.index("send")])
    return np.asarray(died[reached], np.int64)  # NOWHERE, -1, is the last


def _slow(flow: Flow) -> tuple[Flags, Flags, Ints]:
    """Mark the blocks whose packet was slow, and so slow that nothing waits for it; say where it was slowest."""
    excess = np.nan_to_num(flow.delays.excess_ms[:, [PARTS.index(hop) for hop in HOPS]])
    most, hops = excess.max(axis=1), np.array([FATES.index(hop) for hop in HOPS])
    return most >= _SLOW_MS, most >= _HOPELESS_MS, hops[excess.argmax(axis=1)]
