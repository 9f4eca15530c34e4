"""What the kernel counted for a container: shares and counts over a span, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.containers.hosts import Host, Span, withheld
from lab.evidence.accounts import CgroupSecond, NetworkSecond

LOOK_NS = 250_000_000
MS = 1_000_000


def cgroup(*used_ms: float, throttled_ms: float = 0.0, kills: int | None = 0) -> tuple[CgroupSecond, ...]:
    """Return looks 250 ms apart, from 0 on, with the CPU used between them; `throttled_ms` is withheld in each."""
    looks = [CgroupSecond(t_ns=0, cpu_ns=0, throttled_ns=0, throttled_periods=0, memory_bytes=1, oom_kills=kills)]
    for used in used_ms:
        before = looks[-1]
        looks.append(
            replace(
                before,
                t_ns=before.t_ns + LOOK_NS,
                cpu_ns=before.cpu_ns + int(used * MS),
                throttled_ns=before.throttled_ns + int(throttled_ms * MS),
                throttled_periods=before.throttled_periods + (throttled_ms > 0),
            )
        )
    return tuple(looks)


def network(*received: int, delivered: int = 0, rcvbuf: int = 0, checksum: int = 0) -> tuple[NetworkSecond, ...]:
    """Return looks 250 ms apart; of what was received since the first, `delivered` went on at each look."""
    return tuple(
        NetworkSecond(
            t_ns=i * LOOK_NS, ip_in_receives=total, ip_in_delivers=delivered * i, ip_in_discards=0, ip_in_errors=0,
            udp_in_datagrams=0, udp_in_errors=0, udp_rcvbuf_errors=rcvbuf * i, udp_in_csum_errors=checksum * i,
            udp_no_ports=0, udp_out_datagrams=0, udp_sndbuf_errors=0,
        )
        for i, total in enumerate(received)
    )  # fmt: skip


def spans(*edges: int) -> tuple[Span, ...]:
    """Return spans from and to these looks."""
    return tuple(Span(from_ns=a * LOOK_NS, to_ns=b * LOOK_NS) for a, b in zip(edges[::2], edges[1::2], strict=True))


def test_a_share_is_that_of_the_span_asked_for() -> None:
    """Half an interval counts half, and a quarter of a CPU is a quarter."""
    host = Host(name="server", cgroup=cgroup(25, 25, 75))
    assert host.cpu_share(0, 2 * LOOK_NS) == pytest.approx(0.1)
    assert host.cpu_share(2 * LOOK_NS + LOOK_NS // 2, 3 * LOOK_NS) == pytest.approx(0.3)
    assert host.cpu_share(LOOK_NS + LOOK_NS // 2, 2 * LOOK_NS + LOOK_NS // 2) == pytest.approx(0.2)


def test_throttling_on_two_cpus_is_more_than_all_the_time() -> None:
    """The kernel adds CPUs up, and nothing is cut off."""
    host = Host(name="server", cgroup=cgroup(5, 5, throttled_ms=400))
    assert host.throttled_share(0, 2 * LOOK_NS) == pytest.approx(1.6)


@pytest.mark.parametrize(("from_look", "to_look"), [(-1, 1), (0, 4), (-2, -1), (5, 6)])
def test_a_span_that_nobody_watched_is_unknown(from_look: int, to_look: int) -> None:
    """Neither share nor count is taken from what was seen before or behind it."""
    host = Host(name="server", cgroup=cgroup(5, 5, 5), network=network(0, 9, 9, 9))
    span = (from_look * LOOK_NS, to_look * LOOK_NS)
    assert host.cpu_share(*span) is None
    assert host.throttled_share(*span) is None
    assert host.oom_kills(*span) is None
    assert host.filtered(*span) is None


def test_a_host_without_looks_knows_nothing() -> None:
    """An old recording: every answer is unknown, and no spell is claimed."""
    host = Host(name="server")
    assert (host.cpu_share(0, 1), host.rcvbuf_drops(0, 1), host.checksum_errors(0, 1)) == (None, None, None)
    assert host.stood_still(0, 1) == ()


def test_totals_that_fall_are_another_containers() -> None:
    """A restarted container has new accounts under the old name."""
    first, second = cgroup(5, 5), cgroup(5, 5)
    later = tuple(replace(look, t_ns=look.t_ns + 3 * LOOK_NS) for look in second)
    host = Host(name="server", cgroup=(*first, *later))
    assert host.cpu_share(0, 5 * LOOK_NS) is None
    assert host.cpu_share(3 * LOOK_NS, 5 * LOOK_NS) == pytest.approx(0.02)


def test_a_pause_is_a_spell_without_cpu() -> None:
    """Neighbouring distances are one spell; its edges are those of the looks; it counts where it touches the span."""
    host = Host(name="client-a", cgroup=cgroup(20, 21, 12, 0, 0.01, 9, 20, 0, 20, 20))
    assert host.stood_still(0, 10 * LOOK_NS) == spans(3, 5, 7, 8)
    assert host.stood_still(4 * LOOK_NS + 1, 7 * LOOK_NS) == spans(4, 5)
    assert host.stood_still(5 * LOOK_NS, 7 * LOOK_NS) == ()


def test_being_held_back_by_a_quota_is_no_pause() -> None:
    """Next to nothing was used, and the kernel says that it was kept from more."""
    looks = cgroup(20, 20, 20)
    starved = [
        replace(looks[-1], t_ns=looks[-1].t_ns + i * LOOK_NS, throttled_periods=i, throttled_ns=i * LOOK_NS)
        for i in (1, 2)
    ]
    assert Host(name="server", cgroup=(*looks, *starved)).stood_still(0, 5 * LOOK_NS) == ()


def test_an_idle_server_is_not_paused() -> None:
    """What a server uses while nobody speaks is a sixth of what it uses for one call."""
    assert Host(name="server", cgroup=cgroup(3.4, 3.4, 0.5, 3.4)).stood_still(0, 4 * LOOK_NS) == ()


def test_a_server_to_whom_nobody_speaks_is_not_paused() -> None:
    """It uses nothing in two spells, and packets were delivered to it in the first alone."""
    used = cgroup(3.4, 0, 3.4, 0, 3.4)
    delivered = (0, 12, 24, 36, 37, 49)
    looks = tuple(
        replace(look, t_ns=look.t_ns + MS, ip_in_delivers=total)
        for look, total in zip(network(0, 0, 0, 0, 0, 0), delivered, strict=True)
    )
    first = replace(looks[0], t_ns=-LOOK_NS)
    server = Host(name="server", cgroup=used, network=(first, *looks))
    assert server.stood_still(0, 5 * LOOK_NS) == spans(1, 2)
    assert replace(server, name="client-a").stood_still(0, 5 * LOOK_NS) == spans(1, 2, 3, 4)
    assert replace(server, network=()).stood_still(0, 5 * LOOK_NS) == spans(1, 2, 3, 4)


def test_drops_are_told_apart() -> None:
    """Filtered is what came and was not delivered; the buffer and the checksum have counters of their own."""
    seen = network(0, 10, 20, 30, delivered=7, rcvbuf=2, checksum=1)
    host = Host(name="server", network=seen)
    assert host.filtered(0, 3 * LOOK_NS) == 9
    assert host.rcvbuf_drops(LOOK_NS, 3 * LOOK_NS) == 4
    assert host.checksum_errors(LOOK_NS + 1, 2 * LOOK_NS - 1) == 1
    refused = tuple(replace(look, ip_in_discards=i, ip_in_errors=2 * i) for i, look in enumerate(seen))
    assert Host(name="server", network=refused).filtered(0, 3 * LOOK_NS) == 0


def test_all_that_was_dropped_is_the_sum_of_what_is_known_of_each() -> None:
    """From the first look to the last; unknown with one look, and where the kernel counts one of them not at all."""
    seen = network(0, 10, 20, 30, delivered=7, rcvbuf=2, checksum=1)
    assert Host(name="server", network=seen).dropped_unread == 9 + 6 + 3
    assert Host(name="server", network=seen[:2]).dropped_unread == 3 + 2 + 1
    assert Host(name="server", network=seen[:1]).dropped_unread is None
    assert Host(name="server", network=seen).dropped_unsent is None
    counted = tuple(
        replace(look, ip_out_requests=9 * i, ip_out_transmits=7 * i, udp_sndbuf_errors=i) for i, look in enumerate(seen)
    )
    assert Host(name="server", network=counted).dropped_unsent == 6 + 3


def test_kills_that_were_not_counted_are_unknown() -> None:
    """One of the looks did not say: not none."""
    killed = cgroup(1, 1)
    grown = (*killed[:2], replace(killed[2], oom_kills=1))
    assert Host(name="server", cgroup=grown).oom_kills(0, 2 * LOOK_NS) == 1
    assert Host(name="server", cgroup=cgroup(1, 1, kills=None)).oom_kills(0, 2 * LOOK_NS) is None


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.6, "its quota withheld CPU for up to 60 % of the time"),
        (1.2, "its quota withheld CPU for up to 120 % of the time"),
        (1.21, "its quota withheld up to 1.2 s of CPU in each second"),
        (2.69, "its quota withheld up to 2.7 s of CPU in each second"),
    ],
)
def test_what_several_cpus_were_kept_from_is_no_share_of_the_time(share: float, words: str) -> None:
    """Three periods' ends in one look are 120 % of it; more than that was withheld on several CPUs at once."""
    assert withheld(share, "up to ") == words
