"""Joining a link's packets, reading what the kernel held, and telling causes apart."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.analysis.flows.case import Asked, case_of
from lab.analysis.network.causes import causes
from lab.analysis.network.configured import Configured
from lab.analysis.network.links import Account, Span, accounts
from lab.analysis.wire.joins import behind
from lab.analysis.wire.scene import Scene, address, goes_up
from lab.errors import EvidenceError
from lab.evidence.steps import StepState
from lab.evidence.values import PACKET
from lab.scenario.model import Media
from tests.unit.analysis.build import GO_NS, MS, Plan, number, recording


@given(st.lists(st.integers(0, 3), max_size=40), st.sets(st.integers(0, 39)))
def test_equal_packets_are_joined_in_their_order(contents: list[int], lost: set[int]) -> None:
    """The n-th of equal packets is the n-th behind: as many are missing of each content as were dropped of it."""
    before = np.zeros(len(contents), PACKET)
    before["digest"], before["t_ns"] = contents, np.arange(len(contents))
    kept = [i for i in range(len(contents)) if i not in lost]
    after = before[kept].copy()
    after["t_ns"] += 1000
    found = behind(before, after)
    for content in set(contents):
        here = before["digest"] == content
        assert (found[here] >= 0).sum() == sum(contents[i] == content for i in kept)


def test_the_direction_of_a_packet_is_that_of_its_nearer_end() -> None:
    """On the link of 198.18.0.138 a neighbour in its /26 sends up, and the far server's packets go down."""
    packets = np.zeros(3, PACKET)
    ends = (("198.18.0.138", "198.18.0.10"), ("198.18.0.139", "198.18.0.11"), ("198.18.0.10", "198.18.0.139"))
    for row, (src, dst) in zip(packets, ends, strict=True):
        row["src"], row["dst"] = number(src), number(dst)
    assert goes_up(packets, number("198.18.0.138")).tolist() == [True, True, False]


@pytest.mark.parametrize("text", ["::1", "198.18.0", ""])
def test_an_address_that_is_not_ipv4_is_refused(text: str) -> None:
    """EvidenceError, which says the run has to be recorded again."""
    with pytest.raises(EvidenceError, match="not IPv4"):
        address(text)


def scene_with(root: dict[str, object], netem: dict[str, object], tbf: dict[str, object]) -> Scene:
    """Return the scene of a clean run whose kernel reported these options in every reading."""
    said = {"1:": root, "2:": netem, "20:": tbf, "3:": {}}

    def told(step: StepState) -> StepState:
        ways = tuple(
            replace(one, qdiscs=tuple(replace(q, options_json=json.dumps(said[q.handle])) for q in one.qdiscs))
            for one in step.directions
        )
        return replace(step, directions=ways)

    run = recording(Plan())
    run = replace(run, steps=tuple(told(step) for step in run.steps))
    return case_of(run, Asked(media=Media(), expect=())).scene


def uplink(scene: Scene) -> Account:
    """Return the publisher's uplink over the whole run."""
    return next(
        one for one in accounts(scene, (GO_NS, GO_NS + 5000 * MS)) if (one.client, one.way) == ("publisher", "up")
    )


def test_what_is_configured_is_read_from_the_kernels_own_words() -> None:
    """As `tc -j -r` writes it: delay in seconds; a queue of 20 kB, which takes 400 ms at 50 kB/s."""
    netem = {
        "delay": {"delay": 0.04, "jitter": 0.01, "correlation": 0},
        "duplicate": {"duplicate": 0.01},
        "corrupt": {"correlation": 0, "corrupt": 0.3},
    }
    held = uplink(scene_with({}, netem, {"rate": 50_000, "burst": 3000, "limit": 20_000})).configured
    assert held == Configured(
        delay_ms=40.0,
        longest_ms=pytest.approx(40 + 4 * 10 + 400),
        rate_bytes=50_000.0,
        duplicates=True,
        usual_ms=40.0,
        jitter_ms=10.0,
        queue_ms=pytest.approx(400),
        corrupt=0.3,
    )


def test_what_is_still_in_the_queue_is_neither_sent_nor_dropped() -> None:
    """Three packets waited in a full queue at the last reading: 100 went in, 90 came out, 7 were dropped."""
    span = Span(from_ns=GO_NS, to_ns=GO_NS + 100, random=0, queue=7, blocked=0, outage=False)
    one = replace(account(span), sent=90, dropped=7, before=(100, 100), after=(90, 90))
    assert one.undecided == "100 packets before the bump, 97 sent, dropped or held by the kernel"
    assert replace(one, held=3).undecided == ""


@pytest.mark.parametrize(("seen", "told"), [(70, ""), (40, "100 packets sent by the kernel, 40 behind the bump")])
def test_an_altered_packet_may_be_nobodys_behind_the_link(seen: int, told: str) -> None:
    """Of 100 sent 30 were altered, give or take four sigmas: 30 with other addresses are within that, 60 are not."""
    span = Span(from_ns=GO_NS, to_ns=GO_NS + 100, random=0, queue=0, blocked=0, outage=False)
    held = replace(account(span).configured, corrupt=0.3)
    one = replace(account(span), sent=100, before=(100, 100), after=(seen, seen), configured=held)
    assert one.undecided == told


def test_a_rate_that_nothing_can_fill_is_no_queue() -> None:
    """The clean bump's 10 Gbit/s could hold 77 ms of it, and never does."""
    tbf = {"rate": 1_250_000_000, "burst": 3_999_920, "limit": 100_000_000}
    assert uplink(scene_with({}, {}, tbf)).configured.longest_ms == 0.0


def account(span: Span) -> Account:
    """Return the publisher's uplink with one span."""
    free = Configured(delay_ms=0.0, longest_ms=0.0, rate_bytes=math.inf, duplicates=False)
    return Account(
        client="publisher", way="up", sent=0, dropped=0, before=(0, 0), after=(0, 0), spans=(span,), configured=free
    )


@pytest.mark.parametrize(
    ("random", "blocked", "outage", "cause"),
    [
        (3, 0, False, {"random": 2}),
        (0, 3, True, {"outage": 2}),
        (0, 3, False, {"blocked": 2}),
        (1, 99, True, {"outage": 2}),
    ],
)
def test_one_counter_that_moved_is_the_cause(random: int, blocked: int, outage: bool, cause: dict[str, int]) -> None:
    """Two drops of the flow in a span with one cause; a straggler of the state before does not change it."""
    span = Span(from_ns=GO_NS, to_ns=GO_NS + 100, random=random, queue=0, blocked=blocked, outage=outage)
    scene = case_of(recording(Plan()), Asked(media=Media(), expect=())).scene
    assert causes(scene, account(span), np.array([GO_NS + 5, GO_NS + 6])) == cause


def test_a_drop_that_no_counter_saw_has_no_cause() -> None:
    """Nothing moved between the readings, so nothing is made up."""
    span = Span(from_ns=GO_NS, to_ns=GO_NS + 100, random=0, queue=0, blocked=0, outage=False)
    scene = case_of(recording(Plan()), Asked(media=Media(), expect=())).scene
    assert causes(scene, account(span), np.array([GO_NS + 5])) == {}


def test_the_counters_between_two_readings_are_told_apart() -> None:
    """Netem counts what its child dropped as well: of 5 drops 2 were the queue's, 3 random."""
    plan = Plan(up_lost=[80, 90, 100, 110, 120], queue_drops=2)
    scene = case_of(recording(plan), Asked(media=Media(), expect=())).scene
    spans = uplink(scene).spans
    assert [(span.random, span.queue, span.blocked) for span in spans] == [(0, 0, 0), (3, 2, 0)]


def test_packets_seen_while_a_reading_was_taken_may_stand_on_either_side() -> None:
    """Before the first reading not counted, during it perhaps, from its end on surely."""
    run = recording(Plan())
    first = run.steps[0]
    edge = run.taps[0].packets[:3].copy()
    edge["t_ns"] = first.from_ns - 1, first.to_ns - 1, first.to_ns + 1
    taps = (replace(run.taps[0], packets=edge), *run.taps[1:])
    scene = case_of(replace(run, taps=taps), Asked(media=Media(), expect=())).scene
    assert uplink(scene).before == (1, 2)


def test_of_two_drops_that_met_the_same_queue_the_larger_is_the_queues() -> None:
    """A short packet still fits where a long one does not: of two drops the long one is the queue's."""
    rows = np.zeros(4, PACKET)
    rows["src"], rows["dst"], rows["proto"] = number("198.18.0.138"), number("198.18.0.10"), 17
    rows["t_ns"], rows["digest"] = GO_NS + np.array([1, 2, 3, 300]) * MS, (1, 2, 3, 4)
    rows["length"] = 300, 300, 1242, 300
    behind_it = rows[[0, 3]].copy()
    behind_it["t_ns"] += 200 * MS
    run = recording(Plan())
    sides = {("edge", "publisher"): rows, ("inner", "publisher"): behind_it}
    taps = tuple(replace(tap, packets=sides.get((tap.place, tap.client), tap.packets)) for tap in run.taps)
    scene = case_of(replace(run, taps=taps), Asked(media=Media(), expect=())).scene
    span = Span(from_ns=GO_NS, to_ns=GO_NS + 500 * MS, random=1, queue=1, blocked=0, outage=False)
    narrow = replace(account(span), configured=replace(account(span).configured, rate_bytes=50_000.0))
    assert causes(scene, narrow, np.array([GO_NS + 2 * MS])) == {"random": 1}
    assert causes(scene, narrow, np.array([GO_NS + 3 * MS])) == {"queue": 1}


def test_repeated_contents_are_joined_between_the_packets_that_are_unique() -> None:
    """Competing packets all alike: the second of three was dropped, and the media around them says so."""
    before = np.zeros(6, PACKET)
    before["digest"], before["t_ns"] = (11, 7, 12, 7, 13, 7), range(6)
    after = before[[0, 1, 2, 4, 5]].copy()
    assert behind(before, after).tolist() == [0, 1, 2, -1, 4, 5]
