"""Whose a loss in the server is: its load's where its quota withheld CPU just then, its own else, packet by packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Owner, RunVerdict
from lab.evidence.accounts import CgroupSecond
from lab.scenario.expectations import expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, Plan, recording
from tests.unit.analysis.flows.test_door import DOWN, UP, track
from tests.unit.analysis.flows.test_door import packets as sent_by
from tests.unit.analysis.reasons.test_code import FIRST, network

LOST = Plan(server_lost=range(FIRST + 50, FIRST + 70), red=False)
LOST_NS = GO_NS + (FIRST + 50) * 20 * MS
"""When the first of twenty packets, 400 ms in all, went into the server and never came out."""


def looks(end_ns: int, withheld_ms: Callable[[int], float]) -> tuple[CgroupSecond, ...]:
    """Return looks at the server every 250 ms; `withheld_ms` says how much was withheld from it in each, by its end."""
    found, withheld = [], 0.0
    for t_ns in range(GO_NS - 1000 * MS, end_ns, 250 * MS):
        withheld += withheld_ms(t_ns)
        found.append(
            CgroupSecond(
                t_ns=t_ns, cpu_ns=0, throttled_ns=int(withheld * MS), throttled_periods=0, memory_bytes=1, waited_ns=0
            )
        )
    return tuple(found)


def within(ms: float, *, after_ms: int) -> Callable[[int], float]:
    """Say that `ms` of each look were withheld, in the two looks from so long behind the first loss on."""
    return lambda t_ns: ms if 0 < t_ns - LOST_NS - after_ms * MS <= 500 * MS else 0.0


def judged(plan: Plan, withheld_ms: Callable[[int], float], **counted: int) -> RunVerdict:
    """Judge a server that lost what `plan` says, from which so much was withheld, and whose kernel counted drops."""
    run = recording(plan)
    seen = {"server": looks(run.manifest.marks.end_ns or 0, withheld_ms)}
    limits = tuple(expectations({"audio_loss": ["<= 0.1%"]}))
    asked = Asked(media=Media(duration_ms=plan.media * 20), expect=limits)
    return judge(replace(run, cgroups=seen, networks={"server": network(**counted)}), asked)


def blamed(run: RunVerdict) -> list[tuple[Owner, str]]:
    """Return whose it is and why, the costliest first."""
    return [(cause.owner, cause.reason) for cause in run.flows[0].causes]


@pytest.mark.parametrize(
    ("after_ms", "cause"),
    [
        (-1900, (Owner.SERVER, "not-forwarded")),
        (-900, (Owner.LOAD, "server-throttled")),
        (0, (Owner.LOAD, "server-throttled")),
        (700, (Owner.SERVER, "not-forwarded")),
    ],
)
def test_a_loss_is_its_loads_only_while_cpu_was_withheld(after_ms: int, cause: tuple[Owner, str]) -> None:
    """Half a second at 80 %, before, during and behind the loss: what is withheld holds packets up for a second."""
    assert blamed(judged(LOST, within(200, after_ms=after_ms))) == [cause]


@pytest.mark.parametrize(("ms", "owner"), [(30, Owner.SERVER), (200, Owner.LOAD)])
def test_what_is_felt_behind_is_as_long_as_what_was_withheld(ms: float, owner: Owner) -> None:
    """Half a second that ended 400 ms before the loss: 30 ms of each look were made good long ago, 200 were not."""
    assert {each for each, _ in blamed(judged(LOST, within(ms, after_ms=-900)))} == {owner}


def test_a_moment_without_cpu_is_one_in_a_long_call_too() -> None:
    """Twenty packets lost while 400 ms were withheld, of 60 s: 0.7 % of the call, and all of the loss."""
    long = replace(LOST, frames=3300, media=3000)
    assert judged(long, within(200, after_ms=0)).flows[0].damage.keys() == {Owner.LOAD}


def test_a_server_that_hardly_lacks_cpu_has_what_it_loses() -> None:
    """2 % of every look, and a twentieth in the moments of the loss."""
    assert blamed(judged(LOST, lambda t_ns: 5.0)) == [(Owner.SERVER, "not-forwarded")]


def test_each_loss_is_asked_on_its_own() -> None:
    """Ten packets lost without CPU, and ten two seconds later with it: one half is the load's, one its own."""
    plan = replace(LOST, server_lost=[*range(FIRST + 50, FIRST + 60), *range(FIRST + 150, FIRST + 160)])
    run = judged(plan, within(200, after_ms=0))
    assert run.flows[0].damage == {Owner.LOAD: pytest.approx(0.05), Owner.SERVER: pytest.approx(0.05)}
    assert set(blamed(run)) == {(Owner.LOAD, "server-throttled"), (Owner.SERVER, "not-forwarded")}


def test_what_a_packet_filter_had_no_cpu_would_have_saved() -> None:
    """The filter's drops explain the loss, and the quota withheld CPU all the while; where they do not, it is that."""
    assert blamed(judged(LOST, lambda t_ns: 200.0, filtered=20)) == [(Owner.SERVER, "packet-filter")]
    assert blamed(judged(LOST, lambda t_ns: 200.0, filtered=9)) == [(Owner.LOAD, "server-throttled")]


def test_a_filter_explains_only_what_was_lost_beside_its_drops() -> None:
    """Twenty drops beside the first ten losses; two seconds later ten more are lost without CPU: each its own."""
    plan = replace(LOST, server_lost=[*range(FIRST + 55, FIRST + 65), *range(FIRST + 155, FIRST + 165)])
    run = judged(plan, lambda t_ns: 200.0, filtered=20)
    assert set(blamed(run)) == {(Owner.SERVER, "packet-filter"), (Owner.LOAD, "server-throttled")}


@pytest.mark.parametrize(("withheld_ms", "cause"), [(120, "socket-buffer"), (125, "server-throttled")])
def test_a_full_buffer_is_the_quotas_where_that_left_nobody_to_empty_it(withheld_ms: float, cause: str) -> None:
    """Twenty packets overflowed; where CPU was withheld for less than half of the time, the buffer was too small."""
    owner = Owner.LOAD if cause == "server-throttled" else Owner.SERVER
    assert blamed(judged(LOST, lambda t_ns: withheld_ms, full=20)) == [(owner, cause)]


def test_what_was_written_and_never_seen_no_cpu_would_have_saved() -> None:
    """By the server's own account it wrote all of what is missing."""
    run, sent = recording(LOST), sent_by(LOST)
    said = (track(UP, sent), track(DOWN, sent, dropped=None))
    seen = {"server": looks(run.manifest.marks.end_ns or 0, lambda t_ns: 200.0)}
    verdict = judge(replace(run, tracks=said, cgroups=seen), Asked(media=Media(duration_ms=4000), expect=()))
    assert blamed(verdict) == [(Owner.SERVER, "packet-filter")]


@pytest.mark.parametrize(("after_ms", "owner"), [(0, Owner.LOAD), (1500, Owner.SERVER)])
def test_a_slow_server_is_its_load_only_while_cpu_was_withheld(after_ms: int, owner: Owner) -> None:
    """Packets held up for 300 ms and none lost: a limit on the delay fails as whose they were by then."""
    held = {FIRST + 50 + n: 300.0 for n in range(30)}
    run = recording(Plan(server_delay_ms=held))
    seen = {"server": looks(run.manifest.marks.end_ns or 0, within(200, after_ms=after_ms))}
    limits = tuple(expectations({"delay_p95": ["<= 200ms"]}))
    assert judge(replace(run, cgroups=seen), Asked(media=Media(duration_ms=4000), expect=limits)).owner == owner
