"""Each gate: its witness, the other side of its limit, and what a missing witness means."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Gate, Outcome, Owner, RunVerdict
from lab.analysis.verdicts.gates import own_ms
from lab.evidence.recording import Recording
from lab.evidence.values import ClientEvidence, Tap
from lab.report.text import render
from lab.report.void import next_steps
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, PUBLISHER, Plan, first_measured, number, recording

PLAN = Plan()
ASKED = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
Change = Callable[[Recording], Recording]


def judged(change: Change) -> RunVerdict:
    """Judge a clean run after `change`."""
    return judge(change(recording(PLAN)), ASKED)


def gate(run: RunVerdict, name: str) -> Gate:
    """Return the gate called `name`."""
    return next(gate for gate in run.gates if gate.name == name)


def taps(run: Recording, place: str, client: str | None, change: Callable[[Tap], Tap]) -> Recording:
    """Return the recording with one tap changed."""
    return replace(
        run, taps=tuple(change(tap) if (tap.place, tap.client) == (place, client) else tap for tap in run.taps)
    )


def late_ticks(run: Recording) -> Recording:
    """Make the pacer tick 80 ms late."""
    return replace(run, ticks=tuple(replace(tick, late_max_ms=80.0) for tick in run.ticks))


def stolen(run: Recording) -> Recording:
    """Steal half the CPU while ticks come 50 ms late."""
    ticks = tuple(replace(tick, late_max_ms=50.0) for tick in run.ticks)
    return replace(run, ticks=ticks, seconds=tuple(replace(second, steal=0.5) for second in run.seconds))


def capture_dropped(run: Recording) -> Recording:
    """Let one capture lose three packets itself."""
    return taps(run, "core", None, lambda tap: replace(tap, dropped=3))


def went_around(run: Recording) -> Recording:
    """Let the router answer ARP on the edge bridge: packets reach the core, none the bump's inner side."""

    def without_media(tap: Tap) -> Tap:
        return replace(tap, packets=tap.packets[tap.packets["src"] != number(PUBLISHER)])

    return taps(run, "inner", "publisher", without_media)


def uncounted(run: Recording) -> Recording:
    """Let both taps see every packet, and the kernel count none."""
    steps = tuple(
        replace(
            step,
            directions=tuple(
                replace(one, qdiscs=tuple(replace(each, sent_packets=0, dropped=0) for each in one.qdiscs))
                for one in step.directions
            ),
        )
        for step in run.steps
    )
    return replace(run, steps=steps)


def slow(run: Recording) -> Recording:
    """Let everything come 50 ms later behind the uplink's bump, which nothing configured explains."""

    def later(tap: Tap) -> Tap:
        packets = tap.packets.copy()
        packets["t_ns"] += 50 * MS
        return replace(tap, packets=packets)

    return taps(run, "inner", "publisher", later)


def around(run: Recording) -> Recording:
    """Send the publisher's media over TCP to somebody else, a relay."""

    def moved(client: ClientEvidence) -> ClientEvidence:
        relayed = tuple(replace(pair, remote="203.0.113.9:443", protocol="tcp") for pair in client.pairs)
        return replace(client, pairs=relayed)

    return replace(run, clients=(moved(run.clients[0]), run.clients[1]))


def clock_set(run: Recording) -> Recording:
    """Set the wall clock by 20 ms in the middle."""
    middle = GO_NS + 3000 * MS
    return replace(
        run,
        seconds=tuple(
            replace(second, clock_offset_ns=second.clock_offset_ns + 20 * MS * (second.t_ns > middle))
            for second in run.seconds
        ),
    )


CHANGES: dict[str, tuple[str, Change]] = {
    "late ticks": ("pacer", late_ticks),
    "steal": ("steal", stolen),
    "capture dropped": ("captures", capture_dropped),
    "around the bump": ("bump passed", went_around),
    "kernel saw nothing": ("bump passed", uncounted),
    "slow bump": ("bump slow", slow),
    "around": ("path", around),
    "clock set": ("clock", clock_set),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_a_gate_voids_the_run_and_says_why(name: str, change: Change) -> None:
    """The run is VOID, exactly that gate fails, and its reason stands in the verdict."""
    run = judged(change)
    assert run.outcome == Outcome.VOID
    assert [gate.name for gate in run.gates if gate.ok is False] == [name]
    assert run.void[0].startswith(f"{name}: ")


def test_starved_says_no_more_than_its_witness() -> None:
    """Every second stolen: all that the server lost fell there, which does not show that it was kept waiting."""
    lossy = recording(Plan(server_lost=[first_measured(PLAN) + n for n in (50, 51, 120)], red=False))
    seconds = tuple(replace(second, steal=0.3) for second in lossy.seconds)
    measured = sum(second.t_ns >= GO_NS for second in seconds)
    (why,) = judge(replace(lossy, seconds=seconds), ASKED).void
    assert why.startswith("starved: 1.5 points are charged to code for moments in which it may have been this machine")
    told = re.search(r"CPU was stolen in (\d+) of (\d+) s$", why)
    assert told is not None
    assert told[1] == told[2]
    assert 0 < int(told[2]) <= measured


def test_a_void_run_answers_nothing_and_blames_nobody() -> None:
    """What was lost is still counted; who it was, whether that is too much, and how long would tell, is not said."""
    lossy = recording(Plan(server_lost=[first_measured(PLAN) + n for n in range(50, 80)], red=False))
    assert judge(lossy, ASKED).outcome == Outcome.FAIL
    run = judge(late_ticks(lossy), ASKED)
    (flow,) = run.flows
    assert (run.outcome, run.owner, run.reasons) == (Outcome.VOID, Owner.UNDECIDED, ())
    assert (flow.outcome, flow.owner, flow.reasons, flow.causes, flow.damage) == (run.outcome, run.owner, (), (), {})
    assert {(one.result, one.note) for one in flow.expectations} == {("unknown", "")}
    assert flow.frames.lost == 30
    last = render(run, "x").splitlines()[-2:]
    assert "points" not in "".join(last)
    assert last[1].startswith("  to measure it, run it again")


def test_every_gate_has_a_next_step() -> None:
    """Whichever voids a run, its reader is told how to get one that counts."""
    assert all(next_steps([replace(each, ok=False)]) for each in judged(lambda run: run).gates)


def test_a_clean_run_passes_every_gate() -> None:
    """Every gate has its witness and holds."""
    assert [gate.ok for gate in judged(lambda run: run).gates] == [True] * 8


def test_a_peer_reflexive_pair_has_no_address_to_tell() -> None:
    """The SDK says `:7882` of a server that wrote first (RFC 8445): that is no path around anything."""

    def unnamed(client: ClientEvidence) -> ClientEvidence:
        return replace(client, pairs=tuple(replace(pair, remote=":7882") for pair in client.pairs))

    run = judged(lambda run: replace(run, clients=tuple(map(unnamed, run.clients))))
    assert run.outcome == Outcome.PASS


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("pacer", lambda run: replace(run, ticks=())),
        ("steal", lambda run: replace(run, seconds=())),
        ("clock", lambda run: replace(run, seconds=())),
        ("captures", lambda run: replace(run, taps=tuple(replace(tap, dropped=None) for tap in run.taps))),
        ("captures", lambda run: taps(run, "core", None, lambda tap: replace(tap, dropped=None))),
        ("bump passed", lambda run: taps(run, "inner", "publisher", lambda tap: replace(tap, torn="cut"))),
        ("path", lambda run: replace(run, clients=tuple(replace(one, pairs=()) for one in run.clients))),
    ],
)
def test_a_missing_witness_voids_nothing(name: str, change: Change) -> None:
    """A gate without its witness is unknown, and shown as that; the run is judged all the same."""
    run = judged(change)
    assert gate(run, name).ok is None
    assert run.outcome == Outcome.PASS


def test_a_capture_that_is_missing_is_not_an_empty_one() -> None:
    """Without the inner capture nothing walked past the bump: UNKNOWN naming it, not VOID."""
    run = judged(lambda run: replace(run, taps=tuple(tap for tap in run.taps if tap.place != "inner")))
    assert (gate(run, "bump passed").ok, run.outcome) == (None, Outcome.UNKNOWN)
    assert "the inner capture of publisher is missing" in run.reasons[0]


def test_numbers_that_came_round_hide_no_bypass() -> None:
    """A packet 65 536 numbers later has another timestamp, and is another packet."""

    def around(tap: Tap) -> Tap:
        extra = tap.packets[tap.packets["src"] == number(PUBLISHER)][-20:].copy()
        extra["ts"] += np.uint32(960 * 65_536 % 2**32)
        return replace(tap, packets=np.concatenate([tap.packets, extra]))

    run = judged(lambda run: taps(run, "core", None, around))
    assert (gate(run, "bump passed").ok, gate(run, "bump passed").value) == (False, 20.0)


def test_steal_alone_voids_nothing() -> None:
    """Steal without late ticks hurt nobody."""
    run = judged(lambda run: replace(run, seconds=tuple(replace(one, steal=0.5) for one in run.seconds)))
    assert gate(run, "steal").ok


def test_a_few_strays_are_not_a_way_around() -> None:
    """Ten packets more before the bump than the kernel counted make the hop undecided, not the run void."""

    def more(tap: Tap) -> Tap:
        extra = tap.packets[50:60].copy()
        extra["kind"] = 0
        return replace(tap, packets=np.sort(np.concatenate([tap.packets, extra]), order="t_ns"))

    run = judged(lambda run: taps(run, "edge", "publisher", more))
    assert gate(run, "bump passed").ok
    assert run.flows[0].hops[2].undecided


def test_configured_delay_is_not_slowness() -> None:
    """The same 50 ms, read back from the kernel as the delay it held, pass."""

    def delayed(run: Recording) -> Recording:
        def held(json: str) -> str:
            return '{"delay": {"delay": 0.05, "jitter": 0.0}}' if json == "{}" else json

        steps = tuple(
            replace(
                step,
                directions=tuple(
                    replace(one, qdiscs=tuple(replace(q, options_json=held(q.options_json)) for q in one.qdiscs))
                    for one in step.directions
                ),
            )
            for step in run.steps
        )
        return replace(slow(run), steps=steps)

    assert gate(judged(delayed), "bump slow").ok


def test_one_packet_far_too_slow_is_enough() -> None:
    """One of 200 packets 45 ms beyond what is configured: p99 is fine, the largest is not."""
    run = judge(recording(Plan(up_delay_ms={first_measured(PLAN) + 50: 45.0})), ASKED)
    assert gate(run, "bump slow").value == 1.0
    assert gate(run, "bump slow").ok is False


def test_the_wait_behind_ones_own_lump_is_not_the_bumps() -> None:
    """Five packets at once that leave 2 ms apart took 2 ms each; five apart that each take 12 ms took 12."""
    lump = np.array([[0.0, 2.0], [0.0, 4.0], [0.0, 6.0], [0.0, 8.0], [0.0, 10.0]])
    apart = np.array([[20.0 * n, 20.0 * n + 12.0] for n in range(5)])
    assert own_ms(lump).tolist() == [2.0] * 5
    assert own_ms(apart).tolist() == [12.0] * 5
