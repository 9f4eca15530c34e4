"""Why a link lost audio: run lengths, the kernel's counters, rates on the wire, RED, each found in made-up runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Owner
from lab.evidence.recording import Recording
from lab.evidence.steps import DirectionState, Qdisc, StepState
from lab.evidence.values import KIND_OTHER, PACKET, Packets
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, SERVER, Plan, first_measured, number, recording
from tests.unit.analysis.why import causes

FIRST = first_measured(Plan())
NEIGHBOUR = "198.18.0.139"
TCP, UDP = 6, 17


def lost(*runs: tuple[int, int]) -> tuple[int, ...]:
    """Return the ordinals of runs of drops: from the window's first packet on, and how many."""
    return tuple(FIRST + at + i for at, length in runs for i in range(length))


SINGLES = [(7 * n + n % 3, 1) for n in range(24)]
ALONE = (*SINGLES, (180, 2), (190, 2))
"""28 drops of 200 packets, in two of 26 cases followed by another: as often as 14 % makes them by themselves."""
BURSTS = [(30 * n, 4) for n in range(6)]
BETWEEN = (*[(8 * n, 1) for n in range(12)], *[(110 + 20 * n, 2) for n in range(4)])


@pytest.mark.parametrize(
    ("runs", "reason", "words"),
    [
        (ALONE, "random-loss", "28 packets in runs of 1.1"),
        (BURSTS, "burst-loss", "24 packets in runs of 4.0"),
        (BETWEEN, "undecided", "20 packets in runs of 1.2: too few to tell random-loss from burst-loss"),
    ],
)
def test_run_lengths_tell_bursts_from_single_drops(runs: Sequence[tuple[int, int]], reason: str, words: str) -> None:
    """RED repairs the single ones; what is left is explained by how all of them came, or left open."""
    cause = causes(recording(Plan(up_lost=lost(*runs))))[0]
    assert (cause.owner, cause.hop, cause.reason, cause.note) == (Owner.UPLINK, "uplink", reason, words)


def test_the_shares_of_all_causes_add_up_to_the_damage() -> None:
    """A link, the server and the program at once: 3 + 19 + 4 frames of 200."""
    plan = Plan(up_lost=lost((10, 4)), server_lost=lost((40, 20)), skips=lost((100, 4)))
    run = recording(plan)
    asked = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
    flow = judge(run, asked).flows[0]
    assert sum(cause.share for cause in flow.causes) == pytest.approx(sum(flow.damage.values()))
    assert [cause.share for cause in flow.causes] == pytest.approx([19 / 200, 4 / 200, 3 / 200])


def test_red_that_was_off_is_a_reason_where_it_would_have_helped() -> None:
    """24 single drops without RED: a copy would have repaired each; of bursts of four it repairs one of four."""
    assert causes(recording(Plan(up_lost=lost(*SINGLES), red=False)))[0].reason == "red-off"
    assert causes(recording(Plan(up_lost=lost(*BURSTS), red=False)))[0].reason == "burst-loss"


def test_an_altered_packet_is_corrupt_on_either_link() -> None:
    """Bits that differ behind the link explain the loss, whichever link."""
    assert causes(recording(Plan(up_altered=lost((20, 3)))))[0].reason == "corrupt"
    assert causes(recording(Plan(down_altered=lost((20, 3)))))[0].reason == "corrupt"


Change = Callable[[Qdisc], Qdisc]


def uplink(run: Recording, told: Mapping[str, Change], step: str = "final") -> Recording:
    """Return `run` with the publisher's uplink's qdiscs, by handle, as `told` changes them at `step` (`""`: at all)."""

    def way(one: DirectionState) -> DirectionState:
        if (one.client, one.direction) != ("publisher", "up"):
            return one
        return replace(one, qdiscs=tuple(told.get(q.handle, lambda same: same)(q) for q in one.qdiscs))

    def read(one: StepState) -> StepState:
        return replace(one, directions=tuple(map(way, one.directions))) if step in ("", one.name) else one

    return replace(run, steps=tuple(map(read, run.steps)))


def passing(run: Recording, times_ns: Sequence[int], length: int, proto: int = UDP) -> Recording:
    """Return `run` with a neighbour's packets on the publisher's uplink, all of which pass and are counted."""
    rows = np.zeros(len(times_ns), PACKET)
    rows["t_ns"], rows["length"], rows["proto"], rows["kind"] = times_ns, length, proto, KIND_OTHER
    rows["src"], rows["dst"], rows["digest"] = number(NEIGHBOUR), number(SERVER), np.arange(len(times_ns)) + 1

    def seen(packets: Packets, delay_ns: int) -> Packets:
        late = rows.copy()
        late["t_ns"] += delay_ns
        both = np.concatenate([packets, late])
        return np.asarray(both[np.argsort(both["t_ns"], kind="stable")])

    taps = tuple(
        replace(tap, packets=seen(tap.packets, MS * (tap.place == "inner")))
        if (tap.place, tap.client) in (("edge", "publisher"), ("inner", "publisher"))
        else tap
        for tap in run.taps
    )
    counted: Change = lambda q: replace(q, sent_packets=q.sent_packets + len(times_ns))  # noqa: E731
    return uplink(replace(run, taps=taps), {"1:": counted})


def narrow(plan: Plan, rate: int, others: int) -> Recording:
    """Return a run on a link of `rate` bytes per second that its own 15 000 and those of `others` share."""
    run = recording(plan)
    if others:
        every = range(GO_NS, GO_NS + 6000 * MS, 20 * MS)
        run = passing(run, list(every), others // 50)
    return narrowed(run, rate)


def narrowed(run: Recording, rate: int) -> Recording:
    """Return `run` with an uplink of `rate` bytes per second whose queue holds 200 ms of them."""
    options = json.dumps({"rate": rate, "burst": 3000, "limit": rate // 5})
    return uplink(run, {"20:": lambda q: replace(q, options_json=options)}, step="")


@pytest.mark.parametrize(
    ("rate", "others", "reason"),
    [(12_000, 0, "own-rate"), (12_000, 9_000, "own-rate"), (20_000, 9_000, "queue-full"), (20_000, 0, "undecided")],
)
def test_whose_packets_filled_the_queue_is_measured(rate: int, others: int, reason: str) -> None:
    """More than the link carries is the call's own rate, with or without others; less with nobody beside it: open."""
    drops = lost((50, 10))
    cause = causes(narrow(Plan(up_lost=drops, queue_drops=len(drops)), rate, others))[0]
    assert (cause.owner, cause.reason) == (Owner.UPLINK, reason)
    assert f"the link carries {rate * 8 // 1000}" in cause.note


def test_a_queue_that_filled_in_bursts_is_told_with_the_rate_of_a_burst() -> None:
    """Two bursts of 16 kbit beside a call of 120 kbit/s: less than 160 in the mean of 3 s, more where packets died."""
    drops = lost((20, 4), (160, 4))
    times = [GO_NS + (FIRST + at) * 20 * MS - n * MS for at in (20, 160) for n in range(20, 0, -1)]
    run = narrowed(passing(recording(Plan(up_lost=drops, queue_drops=len(drops))), times, 100), 20_000)
    cause = causes(run)[0]
    told = re.search(r"sent (\d+) kbit/s and others (\d+) .*, (\d+) together in the fullest 200 ms", cause.note)
    assert cause.reason == "queue-full"
    assert told is not None
    own, others, fullest = map(int, told.groups())
    assert own + others < 160 < fullest


def dead(run: Recording, count: int) -> Recording:
    """Return `run` with its drops, `count` in a row, taken by the sink, between two readings just around them."""
    edge, inner = (next(t for t in run.taps if (t.place, t.client) == (at, "publisher")) for at in ("edge", "inner"))
    rtp = edge.packets[edge.packets["kind"] != KIND_OTHER]
    gone = rtp["t_ns"][~np.isin(rtp["seq"], inner.packets["seq"])]
    at_sink = uplink(
        run,
        {
            "2:": lambda q: replace(q, dropped=0),
            "3:": lambda q: replace(q, dropped=count),
        },
    )
    states = {step.name: step for step in at_sink.steps}

    def reading(name: str, t_ns: int, dropped: int) -> StepState:
        sent = int((inner.packets["t_ns"] <= t_ns).sum())
        changes: dict[str, Change] = {
            "1:": lambda q: replace(q, sent_packets=sent, dropped=dropped),
            "3:": lambda q: replace(q, dropped=dropped),
        }
        between = replace(states["impair"], name=name, from_ns=t_ns - MS, to_ns=t_ns)
        return uplink(replace(run, steps=(between,)), changes, step=name).steps[0]

    begin = reading("change-1", int(gone.min()) - 5 * MS, 0)
    end = reading("change-2", int(gone.max()) + 5 * MS, count)
    return replace(at_sink, steps=(states["clean"], states["impair"], begin, end, states["final"]))


def test_nothing_passed_is_an_outage() -> None:
    """30 packets in a row, all to the sink, and nothing else that way: an outage of 0.6 s."""
    cause = causes(dead(recording(Plan(up_lost=lost((50, 30)))), 30))[0]
    assert (cause.owner, cause.reason) == (Owner.UPLINK, "outage")
    assert "within 0.6 s in which nothing passed" in cause.note


def test_what_let_something_else_pass_is_a_block() -> None:
    """The same, but a TCP packet of the same direction came through in the middle: somebody chose."""
    run = recording(Plan(up_lost=lost((50, 30))))
    middle = GO_NS + (FIRST + 65) * 20 * MS
    cause = causes(dead(passing(run, [middle], 100, proto=TCP), 30))[0]
    assert (cause.owner, cause.reason) == (Owner.UPLINK, "blocked")


def test_packets_that_came_late_by_the_links_jitter() -> None:
    """Ten packets 200 ms late on the downlink, concealed: jitter, with how long they took."""
    slow = {FIRST + 50 + i: 200.0 for i in range(10)}
    plan = Plan(down_delay_ms=slow, up_delay_ms={}, concealed_frames=8)
    cause = causes(concealing(plan, FIRST + 50))[0]
    assert (cause.owner, cause.hop, cause.reason) == (Owner.DOWNLINK, "downlink", "jitter")
    assert "took 201 to 201 ms" in cause.note


def test_packets_that_came_late_by_a_delay_that_grew_for_all() -> None:
    """The same on the uplink, whose kernel held a delay and no jitter: latency."""
    slow = {FIRST + 50 + i: 200.0 for i in range(10)}
    plan = Plan(up_delay_ms=slow, up_held_ms=150.0, concealed_frames=8)
    cause = causes(concealing(plan, FIRST + 50))[0]
    assert (cause.owner, cause.hop, cause.reason) == (Owner.UPLINK, "uplink", "latency")
    assert "took 20" in cause.note


def concealing(plan: Plan, ordinal: int) -> Recording:
    """Return the run of `plan` whose listener made up its concealed frames from packet `ordinal` on."""
    told = recording(replace(plan, down_delay_ms={}, up_delay_ms={ordinal: 0.0}))
    run = recording(plan)
    return replace(run, clients=(run.clients[0], replace(run.clients[1], inbound=told.clients[1].inbound)))


def test_a_link_whose_witnesses_disagree_leaves_the_reason_open() -> None:
    """Five packets more at the kernel than at the taps: undecided, with the numbers."""
    cause = causes(recording(Plan(up_lost=lost((10, 4)), miscounted=5)))[0]
    assert (cause.owner, cause.reason) == (Owner.UNDECIDED, "undecided")
    assert "packets before the bump" in cause.note
