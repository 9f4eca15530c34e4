"""Which packets came to a server that its quota kept from them, and are its load's if they were lost or late.

Law: each packet is asked on its own, by when it went in. What the kernel drops goes first where it explains the loss: a
packet filter needs no CPU, and a receive buffer that is full although the quota withheld less than half of the time is
too small; a fuller one nobody had the time to empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from lab.analysis.containers.holdups import Holdup, during, throttled
from lab.analysis.containers.hosts import Host
from lab.analysis.flows.case import Case
from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.ledger import dropped
from lab.analysis.way.journey import At
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence import names

HALF = 0.5
"""A count of drops explains a loss when it is at least half of it."""
_AFTERMATH_NS, _AFTER = 1_000_000_000, 5
"""How long what was withheld is felt, at most and over what it was."""
_PERIOD_NS = 100_000_000
"""A quota's, at whose end the kernel books what was withheld in it."""


def loaded(case: Case, flow: Flow) -> Flags:
    """Mark the slots whose packet went into the server while its quota withheld CPU from it, or shortly behind."""
    host, into = case.hosts.get(names.SERVER), flow.journey.when(At.SERVER_IN)
    held = tuple(throttled(host, case.times.media_from_ns - _AFTERMATH_NS, case.until_ns))
    starved = _near(held, into)
    if host is None or not (starved & ~flow.journey.seen(At.SERVER_OUT)).any():
        return starved
    too_small = ~_near((one for one in held if one.share >= HALF), into)
    return starved & ~_filtered(case, flow, host) & ~(_explained(flow, host, host.rcvbuf_drops) & too_small)


def _near(held: Iterable[Holdup], into: Ints) -> Flags:
    return during([_felt(one) for one in held], into, 0)


def _felt(one: Holdup) -> Holdup:
    """Return when packets felt it: what was withheld takes a server several times as long to make good."""
    behind = min(_AFTERMATH_NS, int(_AFTER * one.weight * (one.to_ns - one.from_ns)))
    return replace(one, from_ns=one.from_ns - _PERIOD_NS, to_ns=one.to_ns + behind)


def _filtered(case: Case, flow: Flow, host: Host) -> Flags:
    """Mark the slots whose packet never came out, and of which a filter on either side of the server explains that."""
    account, gone = case.door(flow), int(dropped(flow, "server").sum())
    if account is not None and account.lost_unsent >= HALF * max(1, gone):
        return ~flow.journey.seen(At.SERVER_OUT)
    return _explained(flow, host, host.filtered)


def _explained(flow: Flow, host: Host, count: Callable[[int, int], int | None]) -> Flags:
    """Mark the slots whose packet never came out while the kernel counted drops, at least half as many as are missing.

    From the look before the two that it came between to the look behind them.
    """
    looks, into = np.array([look.t_ns for look in host.network], np.int64), flow.journey.when(At.SERVER_IN)
    found, between = ~flow.journey.seen(At.SERVER_OUT), np.searchsorted(looks, into)
    missing = np.bincount(between[dropped(flow, "server")], minlength=looks.size + 1)
    for at in np.unique(between[found]).tolist():
        first, last = max(0, at - 2), min(looks.size - 1, at + 1)
        counted = count(int(looks[first]), int(looks[last])) if first < last else None
        found &= (between != at) | ((counted or 0) >= HALF * max(1, missing[first + 1 : last + 1].sum()))
    return found
