"""When a client's whole container was held back, and by what: a quota, a pause, or its machine.

Law: an event loop that is blocked leaves the SDK's own threads running, which go on sending; a container that is held
back sends nothing. So a holdup is a time in which its kernel withheld CPU from it, or in which nothing left it although
something should have every 20 ms. Between two looks a quota withheld a share of the time and no more, nobody knows
when: silence is its if half of that may have been. It was paused when its kernel gave it no CPU and no quota was in
the way, or when its event loop stood still as well and the machine's own pacer did not; else its machine was busy.
Nobody looked at its cgroup: it is not known which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab.analysis.containers.hosts import Host
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.accounts import Tick

Floats = NDArray[np.float64]
By = Literal["throttled", "paused", "busy", "unknown"]

_SILENT_NS = 60_000_000
_WITHHELD = 0.1
_STOOD = 0.5
"""A loop that lagged for half of the time in which nothing left stood still with the rest; a quota's time alike."""
_LAG_NS = 200_000_000
_TICK_NS = 1_000_000_000
_MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Holdup:
    """From when to when (t_ns) a container was held back.

    `share` is the CPU that its quota withheld, over the time; more than 1 on several CPUs at once.
    """

    from_ns: int
    to_ns: int
    by: By
    share: float = 0.0

    @property
    def weight(self) -> float:
        """Return for how much of its time the container was held back; all of it but for a quota."""
        return min(1.0, self.share) if self.by == "throttled" else 1.0


@dataclass(frozen=True, kw_only=True)
class Client:
    """What tells about one client's container: when packets left it, its loop's lag when, and its kernel's account.

    `ticks` are the pacer's, which runs on the same machine and is not held back with it.
    """

    sent_ns: Ints
    lags: Sequence[tuple[int, float]]
    host: Host | None
    ticks: Sequence[Tick] = ()


def holdups(client: Client, from_ns: int, to_ns: int, *, steady: bool) -> tuple[Holdup, ...]:
    """Return the holdups between `from_ns` and `to_ns`; `steady` says that packets leave it every 20 ms."""
    found = [*throttled(client.host, from_ns, to_ns)]
    quota = tuple(found)
    silent = list(_silences(client.sent_ns, from_ns, to_ns))
    starts, ends = np.array(silent, np.int64).reshape(-1, 2).T
    taken = most_ns(quota, starts, ends) >= _STOOD * (ends - starts)
    for span, by_quota in zip(silent, taken.tolist(), strict=True):
        by = _by(client, span)
        if (steady or by == "paused") and not by_quota:
            found.append(Holdup(from_ns=span[0], to_ns=span[1], by=by))
    return tuple(sorted(found, key=lambda one: one.from_ns))


def throttled(host: Host | None, from_ns: int, to_ns: int) -> Iterator[Holdup]:
    """Yield the times between two looks in which its quota withheld CPU from `host` for more than a tenth of them."""
    for a, b in pairwise(host.cgroup if host else ()):
        if a.t_ns == b.t_ns or b.t_ns <= from_ns or a.t_ns >= to_ns:
            continue
        share = (b.throttled_ns - a.throttled_ns) / (b.t_ns - a.t_ns)
        if share > _WITHHELD:
            yield Holdup(from_ns=a.t_ns, to_ns=b.t_ns, by="throttled", share=share)


def held_ns(held: Sequence[Holdup], from_ns: int, to_ns: int) -> float:
    """Return for how much of the time from `from_ns` to `to_ns` the container was held back, on average."""
    return sum(one.weight * max(0, min(one.to_ns, to_ns) - max(one.from_ns, from_ns)) for one in held)


def most_ns(held: Sequence[Holdup], from_ns: Ints, to_ns: Ints) -> Floats:
    """Return for how much of each of these times it may have been, what a quota withheld falling into it if it can."""
    most = np.zeros(from_ns.size)
    for one in held:
        overlap = np.minimum(one.to_ns, to_ns) - np.maximum(one.from_ns, from_ns)
        most += np.clip(overlap, 0, one.weight * (one.to_ns - one.from_ns))
    return most


def during(held: Sequence[Holdup], t_ns: Ints, after_ns: int) -> Flags:
    """Mark the times in a holdup, or up to `after_ns` behind it."""
    inside = np.zeros(t_ns.size, np.bool_)
    for one in held:
        inside |= (t_ns >= one.from_ns) & (t_ns <= one.to_ns + after_ns)
    return inside


def _silences(sent_ns: Ints, from_ns: int, to_ns: int) -> Iterator[tuple[int, int]]:
    """Yield the times in which nothing left, longer than three packets."""
    inside = np.sort(sent_ns[(sent_ns >= from_ns) & (sent_ns <= to_ns)])
    for at in np.flatnonzero(np.diff(inside) > _SILENT_NS):
        yield int(inside[at]), int(inside[at + 1])


def _by(client: Client, span: tuple[int, int]) -> By:
    if client.host is None or client.host.throttled_share(*span) is None:
        return "unknown"
    if client.host.stood_still(*span):
        return "paused"
    lag = max((ms for t_ns, ms in client.lags if span[0] < t_ns <= span[1] + _LAG_NS), default=0.0)
    pacer = max((tick.late_max_ms for tick in client.ticks if span[0] < tick.t_ns <= span[1] + _TICK_NS), default=0.0)
    most = _STOOD * (span[1] - span[0]) / _MS
    if pacer >= most or _waited_ms(client.host, span) >= most:
        return "busy"
    return "paused" if lag > most else "unknown"


def _waited_ms(host: Host, span: tuple[int, int]) -> float:
    """Return how long a task stood in the run queue around `span`."""
    around = (look for look in host.cgroup if span[0] < look.t_ns <= span[1] + _TICK_NS // 4)
    return sum(look.waited_ns or 0 for look in around) / _MS
