"""Whose a stall is when a quota withheld some CPU: the host's for as much as was withheld, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.analysis.values import Owner
from lab.evidence.recording import Recording
from lab.evidence.values import FrameLine
from tests.unit.analysis.build import MS, Plan
from tests.unit.analysis.reasons.test_code import FIRST, STALL, STALLED_NS, hosted, lagging, logged, mute, told
from tests.unit.analysis.why import causes

BLOCKED = logged(STALL, lagging(FIRST + 40, 390.0))
"""A publisher whose event loop was blocked for 400 ms, while its container's other threads went on sending."""


def withheld(run: Recording, ms: float) -> Recording:
    """Return `run` with looks at the publisher's cgroup, from which `ms` of every 250 were withheld."""
    run = hosted(run)
    looks = run.cgroups["client-publisher"]
    less = tuple(
        replace(look, throttled_ns=int(i * ms * MS), throttled_periods=2 * i if ms else 0)
        for i, look in enumerate(looks)
    )
    return replace(run, cgroups={**run.cgroups, "client-publisher": less})


@pytest.mark.parametrize(
    ("ms", "cause"),
    [
        (30, (Owner.CLIENT, "push", "loop-blocked")),
        (110, (Owner.CLIENT, "push", "loop-blocked")),
        (140, (Owner.CLIENT_HOST, "send", "host-throttled")),
    ],
)
def test_a_stall_is_the_hosts_where_half_of_it_was_withheld(ms: float, cause: tuple[Owner, str, str]) -> None:
    """400 ms while 12, 44 and 56 % of the time were: the loop's own, until it is most of it."""
    assert told(causes(withheld(BLOCKED, ms))[0]) == cause


def test_a_stall_that_is_shorter_than_a_look_may_have_been_all_of_what_was_withheld() -> None:
    """90 ms late, and 90 ms of the look withheld: on average 36 %, and yet all of it may have been just then."""
    short = logged(Plan(stalls={FIRST + 40: 150}), lagging(FIRST + 40, 2.0))
    assert told(causes(withheld(short, 90))[0]) == (Owner.CLIENT_HOST, "send", "host-throttled")


@pytest.mark.parametrize(
    ("ms", "cause"),
    [(30, (Owner.SDK, "send", "sdk-silence")), (140, (Owner.CLIENT_HOST, "send", "host-throttled"))],
)
def test_so_is_silence_that_an_sdk_put_in(ms: float, cause: tuple[Owner, str, str]) -> None:
    """340 ms of silence where it had been given audio: 30 ms in every look held nobody up for so long."""

    def in_time(line: FrameLine) -> FrameLine:
        pushed = line.available_ns if line.frame == FIRST + 40 else line.pushed_ns
        return replace(line, pushed_ns=pushed, returned_ns=pushed)

    assert told(causes(withheld(logged(STALL, in_time), ms))[0]) == cause


def test_a_pause_of_a_container_with_a_small_quota_is_the_hosts() -> None:
    """Nothing left it, nor ran, for two looks; before and behind, 12 % were withheld: no loop does that to a sender."""
    run = withheld(mute(BLOCKED, STALLED_NS, STALLED_NS + 395 * MS), 30)
    looks, still = [], 0
    for look in run.cgroups["client-publisher"]:
        still += STALLED_NS < look.t_ns <= STALLED_NS + 500 * MS
        cpu_ns, throttled_ns = look.cpu_ns - still * 60 * MS, look.throttled_ns - still * 30 * MS
        periods = look.throttled_periods - 2 * still
        looks.append(replace(look, cpu_ns=cpu_ns, throttled_ns=throttled_ns, throttled_periods=periods))
    run = replace(run, cgroups={**run.cgroups, "client-publisher": tuple(looks)})
    assert causes(run)[0].owner == Owner.CLIENT_HOST
