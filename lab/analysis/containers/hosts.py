"""What the kernel says of each container and the namespace it sits in: CPU given and withheld, packets dropped unread.

Law: totals are only ever subtracted. A share is that of the time asked for, interpolated between the looks around it; a
count is that of the looks around it, so that it may hold up to one look's distance more on either side. Nobody looked,
or a total fell (another container took the name): None, which is not zero.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TypeVar

from lab.evidence import names
from lab.evidence.accounts import CgroupSecond, NetworkSecond
from lab.evidence.recording import Recording

_STILL_SHARE = 0.02  # of what it usually uses; clients tick each 10 ms, an idle server still uses a sixth
_WORK_PACKETS = 5  # between two looks; one flow is twelve, what keeps a silent room alive is one or two
_ONE_CPU = 1.2  # a quota's 100 ms are booked at their end: three of them may fall into one look's 250 ms
WAITED_NS = 40_000_000
"""Of 250 ms, for one task: a quiet machine makes them wait 6 ms, one with spinning programs beside it 25 ms."""
Look = TypeVar("Look", CgroupSecond, NetworkSecond)


@dataclass(frozen=True, kw_only=True)
class Span:
    """From when to when, t_ns."""

    from_ns: int
    to_ns: int


@dataclass(frozen=True, kw_only=True)
class Host:
    """One container (`server`, `client-<name>`) as its kernel sees it; times are t_ns."""

    name: str
    cgroup: tuple[CgroupSecond, ...] = ()
    network: tuple[NetworkSecond, ...] = ()

    def cpu_share(self, from_ns: int, to_ns: int) -> float | None:
        """Return the CPU used, in CPUs: 1.0 is one of them all the time."""
        return _share(self.cgroup, lambda look: look.cpu_ns, from_ns, to_ns)

    def throttled_share(self, from_ns: int, to_ns: int) -> float | None:
        """Return the time for which its quota withheld CPU, over the time; more than 1 when on several CPUs at once."""
        return _share(self.cgroup, lambda look: look.throttled_ns, from_ns, to_ns)

    def stood_still(self, from_ns: int, to_ns: int) -> tuple[Span, ...]:
        """Return the spells in which it did nothing though it should and no quota kept it: it was paused or stopped.

        Whole distances between two looks (250 ms) only, so each spell began up to one earlier and ended up to one
        later, and one shorter than two distances may be missed. A client always has something to do; the server has
        while packets are delivered to it.
        """
        found: list[Span] = []
        for earlier, later in self._idle():
            if later.t_ns <= from_ns or earlier.t_ns >= to_ns:
                continue
            if found and found[-1].to_ns == earlier.t_ns:
                found[-1] = Span(from_ns=found[-1].from_ns, to_ns=later.t_ns)
            else:
                found.append(Span(from_ns=earlier.t_ns, to_ns=later.t_ns))
        return tuple(found)

    def waited(self) -> tuple[Span, ...]:
        """Return the times between two looks in which one of its tasks waited for a CPU, and no quota withheld it."""
        return tuple(
            Span(from_ns=a.t_ns, to_ns=b.t_ns)
            for a, b in pairwise(self.cgroup)
            if b.waited_ns is not None and b.waited_ns > WAITED_NS and b.throttled_ns == a.throttled_ns
        )

    def oom_kills(self, from_ns: int, to_ns: int) -> int | None:
        """Count its processes that were killed for memory; its first one's death ends the looks (see its exit)."""
        return _grown(self.cgroup, lambda look: look.oom_kills, from_ns, to_ns)

    def rcvbuf_drops(self, from_ns: int, to_ns: int) -> int | None:
        """Count UDP packets dropped because a socket's receive buffer was full."""
        return _grown(self.network, lambda look: look.udp_rcvbuf_errors, from_ns, to_ns)

    def checksum_errors(self, from_ns: int, to_ns: int) -> int | None:
        """Count UDP packets dropped because their checksum was wrong."""
        return _grown(self.network, lambda look: look.udp_in_csum_errors, from_ns, to_ns)

    def filtered(self, from_ns: int, to_ns: int) -> int | None:
        """Count IP packets received and neither delivered nor discarded nor in error: a packet filter had them.

        A stray multicast that nobody joined is one too: in labs on Docker's networks, there were two or three.
        """
        return _grown(self.network, _undelivered, from_ns, to_ns)

    def filtered_out(self, from_ns: int, to_ns: int) -> int | None:
        """Count IP packets that its programs sent and that never got to a device; None before Linux 6.5."""
        return _grown(self.network, _unsent, from_ns, to_ns)

    def sndbuf_drops(self, from_ns: int, to_ns: int) -> int | None:
        """Count UDP packets dropped because there was no memory to send them."""
        return _grown(self.network, lambda look: look.udp_sndbuf_errors, from_ns, to_ns)

    def datagrams(self, from_ns: int, to_ns: int) -> int | None:
        """Count the UDP packets that its programs got and sent, whosever they were."""
        return _grown(self.network, lambda look: look.udp_in_datagrams + look.udp_out_datagrams, from_ns, to_ns)

    @property
    def dropped_unread(self) -> int | None:
        """All packets, of the whole recording, that its kernel dropped before a program read them."""
        return self._over_all(self.filtered, self.rcvbuf_drops, self.checksum_errors)

    @property
    def dropped_unsent(self) -> int | None:
        """All packets, of the whole recording, that a program had written and its kernel dropped."""
        return self._over_all(self.filtered_out, self.sndbuf_drops)

    def _over_all(self, *counts: Callable[[int, int], int | None]) -> int | None:
        if len(self.network) < 2:
            return None
        found = [count(self.network[0].t_ns, self.network[-1].t_ns) for count in counts]
        known = [value for value in found if value is not None]
        return sum(known) if len(known) == len(found) else None

    def _idle(self) -> list[tuple[CgroupSecond, CgroupSecond]]:
        """Return the neighbouring looks between which it used next to nothing, unthrottled, with something to do."""
        pairs = [(a, b) for a, b in pairwise(self.cgroup) if b.t_ns > a.t_ns]
        usual = median([_rate(*pair) for pair in pairs]) if pairs else 0.0
        return [
            (a, b)
            for a, b in pairs
            if _rate(a, b) < _STILL_SHARE * usual
            and b.throttled_periods == a.throttled_periods
            and self._had_work(a.t_ns, b.t_ns)
        ]

    def _had_work(self, from_ns: int, to_ns: int) -> bool:
        """Say whether it should have done something; a server without packets need not, as far as anybody counted."""
        around = _around(self.network, from_ns, to_ns)
        if self.name != names.SERVER or not around:
            return True
        delivered = [_at(around, lambda look: look.ip_in_delivers, t_ns) for t_ns in (from_ns, to_ns)]
        return delivered[1] - delivered[0] >= _WORK_PACKETS


def hosts_of(recording: Recording) -> Mapping[str, Host]:
    """Return every container that was looked at, by its name in the recording (`server`, `client-<name>`)."""
    seen = sorted({*recording.cgroups, *recording.networks})
    return {
        name: Host(name=name, cgroup=recording.cgroups.get(name, ()), network=recording.networks.get(name, ()))
        for name in seen
    }


def withheld(share: float, up_to: str = "") -> str:
    """Return in words which `share` of the time (`throttled_share`) a quota withheld CPU: of one, or of several."""
    if share > _ONE_CPU:
        return f"its quota withheld {up_to}{share:.1f} s of CPU in each second"
    return f"its quota withheld CPU for {up_to}{100 * share:.0f} % of the time"


def _undelivered(look: NetworkSecond) -> int:
    return look.ip_in_receives - look.ip_in_delivers - look.ip_in_discards - look.ip_in_errors


def _unsent(look: NetworkSecond) -> int | None:
    if look.ip_out_requests is None or look.ip_out_transmits is None:
        return None
    return look.ip_out_requests - look.ip_out_transmits


def _rate(earlier: CgroupSecond, later: CgroupSecond) -> float:
    return (later.cpu_ns - earlier.cpu_ns) / (later.t_ns - earlier.t_ns)


def _around(looks: Sequence[Look], from_ns: int, to_ns: int) -> Sequence[Look]:
    """Return the looks from the last at or before `from_ns` to the first at or behind `to_ns`; none if uncovered."""
    times = [look.t_ns for look in looks]
    first, last = bisect_right(times, from_ns) - 1, bisect_left(times, to_ns)
    return looks[first : last + 1] if 0 <= first < last < len(looks) else ()


def _grown(looks: Sequence[Look], total: Callable[[Look], int | None], from_ns: int, to_ns: int) -> int | None:
    """Return by how much `total` grew from look to look around the span."""
    totals = [total(look) for look in _around(looks, from_ns, to_ns)]
    known = [value for value in totals if value is not None]
    if not known or len(known) < len(totals) or any(b < a for a, b in pairwise(known)):
        return None
    return known[-1] - known[0]


def _share(looks: Sequence[Look], total: Callable[[Look], int], from_ns: int, to_ns: int) -> float | None:
    """Return by how much `total` (ns) grew within the span, over its length."""
    around = _around(looks, from_ns, to_ns)
    if not around or _grown(looks, total, from_ns, to_ns) is None:
        return None
    return (_at(around, total, to_ns) - _at(around, total, from_ns)) / (to_ns - from_ns)


def _at(looks: Sequence[Look], total: Callable[[Look], int], t_ns: int) -> float:
    """Return `total` at `t_ns`, on the line between the looks around it."""
    place = min(max(1, bisect_left([look.t_ns for look in looks], t_ns)), len(looks) - 1)
    a, b = looks[place - 1], looks[place]
    return total(a) + (total(b) - total(a)) * (t_ns - a.t_ns) / (b.t_ns - a.t_ns)
