"""Every kind of fault: what it resolves to, how it reads back, and where it would not fit."""

from __future__ import annotations

import pytest

from lab import faults
from lab.errors import ScenarioError
from lab.faults import KINDS
from lab.scenario.budget import budget
from lab.scenario.dump import dump
from lab.scenario.faults_written import FaultWritten
from lab.scenario.load import loads
from lab.scenario.model import Crowd, Limits

P, S = "publisher", "subscriber"
EACH = {
    "stall: {client: publisher, length: 400ms, times: 10}": faults.Stall(client=P, length_ms=400, times=10),
    "skip: {client: publisher, every: 20}": faults.Skip(client=P, every=20),
    "backend_late: {client: publisher, length: 1s}": faults.BackendLate(client=P, length_ms=1000, times=1),
    "backend_bursts: {client: publisher, gap: 300ms}": faults.BackendBursts(client=P, every_ms=1000, gap_ms=300),
    "slow: {client: publisher, per_frame: 22.5ms}": faults.Slow(client=P, per_frame_ms=22.5),
    "block_loop: {client: publisher, length: 400ms, times: 5}": faults.BlockLoop(client=P, length_ms=400, times=5),
    "overlap: {client: publisher, length: 600ms, times: 5}": faults.Overlap(client=P, length_ms=600, times=5),
    "mute: {client: publisher, length: 300ms}": faults.Mute(client=P, length_ms=300, times=1, pushing=False),
    "subscribe_late: {client: subscriber, by: 2s}": faults.SubscribeLate(client=S, by_ms=2000),
    "slow_reader: {client: subscriber, per_frame: 12ms, capacity: 50ms}": faults.SlowReader(
        client=S, per_frame_ms=12, capacity_ms=50
    ),
    "cut_end: {client: subscriber, by: 1s}": faults.CutEnd(client=S, by_ms=1000),
    "pause: {container: server, length: 300ms, times: 5}": faults.Pause(container="server", length_ms=300, times=5),
    "filter: {drop: 3, every: 20}": faults.Filter(drop=3, every=20),
    "socket_buffer: {size: 4kB}": faults.SocketBuffer(size_bytes=4000),
}
REFUSED = {
    "backend_bursts: {client: publisher, every: 1010ms, gap: 1s}": "backend_bursts.every: 1010ms: a multiple of 20ms",
    "backend_bursts: {client: publisher, gap: 40s}": "backend_bursts.gap: 1 times 40000ms does not fit",
    "slow: {client: publisher, per_frame: 20ms}": "slow.per_frame: 20ms: more than 20ms, at most 200ms",
    "slow: {client: subscriber, per_frame: 22ms}": 'slow.client: "subscriber" publishes nothing',
    "overlap: {client: publisher, length: 200ms}": "overlap.length: 200ms fit into the queue of 200ms",
    "overlap: {client: publisher, length: 610ms}": "overlap.length: 610ms: a multiple of 20ms",
    "mute: {client: publisher, length: 3s, times: 10}": "mute.length: 10 times 3000ms does not fit",
    "subscribe_late: {client: publisher, by: 1s}": 'subscribe_late.client: "publisher" hears nothing',
    "subscribe_late: {client: subscriber, by: 30s}": "subscribe_late.by: 1 times 30000ms does not fit",
    "slow_reader: {client: subscriber, per_frame: 9ms, capacity: 50ms}": "slow_reader.per_frame: 9ms: more than 10ms",
    "slow_reader: {client: subscriber, per_frame: 12ms, capacity: 55ms}": "slow_reader.capacity: 55ms: a multiple of",
    "cut_end: {client: subscriber, by: 0s}": "cut_end.by: 1 times 0ms does not fit",
    "pause: {container: router, length: 1s}": 'no container is called "router" (there are: publisher, subscriber, se',
    "pause: {container: server, length: 20ms}": "pause.length: 20ms: at least 50ms",
    "pause: {container: server, length: 16s}": "pause.length: 16000ms would outlast the media of 30000ms: the last "
    "begins at 15s; give at most 15000ms, or more media",
    "pause: {container: publisher, length: 2600ms, times: 6}": "pause.length: 2600ms would outlast the media",
    "mute: {client: publisher, length: 16s, pushing: true}": "mute.length: 16000ms would outlast the media of",
    "overlap: {client: publisher, length: 5020ms, times: 3}": "overlap.length: 5020ms would outlast the media of",
    "filter: {drop: 5, every: 5}": "filter.drop: 5 of 5 is everything",
    "socket_buffer: {size: 5MB}": "socket_buffer.size: 5000000B",
}


def written(entry: str, rest: str = "") -> str:
    """Return a scenario that injects `entry`."""
    return f"version: 1\n{rest}inject:\n  - {entry}\n"


@pytest.mark.parametrize("entry", EACH)
def test_each_kind_resolves_and_reads_back(entry: str) -> None:
    """Units gone, defaults there; the resolved scenario reads back to the equal one."""
    scenario = loads(written(entry), source="x")
    assert scenario.inject == (EACH[entry],)
    assert loads(dump(scenario), source="x") == scenario


def test_every_kind_is_here() -> None:
    """The union, the written form and this table are the same list."""
    assert set(KINDS) == set(FaultWritten.model_fields) == {entry.partition(":")[0] for entry in EACH}
    assert {type(fault) for fault in EACH.values()} == set(KINDS.values())


@pytest.mark.parametrize("entry", REFUSED)
def test_what_would_not_show_is_refused(entry: str) -> None:
    """At the field that must change, and saying to what."""
    with pytest.raises(ScenarioError) as caught:
        loads(written(entry), source="x")
    assert f"inject.0.{REFUSED[entry]}" in str(caught.value) or REFUSED[entry] in str(caught.value)
    assert str(caught.value).startswith("x:3:")


def test_a_name_with_a_count_is_each_of_its_copies() -> None:
    """As links do it; a pause too, of clients and of the server."""
    people = "clients: {a: {role: publisher, count: 2}, b: {role: subscriber}}\n"
    assert loads(written("pause: {container: a, length: 1s}", people), source="x").inject == (
        faults.Pause(container="a-1", length_ms=1000, times=1),
        faults.Pause(container="a-2", length_ms=1000, times=1),
    )


@pytest.mark.parametrize(
    "entry",
    [
        "pause: {container: server, length: 5s, times: 3}",
        "mute: {client: publisher, length: 15s, pushing: true}",
        "mute: {client: publisher, length: 29s}",
        "overlap: {client: publisher, length: 5s, times: 3}",
        "stall: {client: publisher, length: 29s}",
    ],
)
def test_what_ends_with_the_media_or_moves_them_fits(entry: str) -> None:
    """A sender that stands still makes all its frames afterwards: only what goes by them or the clock has an end."""
    assert loads(written(entry), source="x").inject


TWICE = {
    "subscribe_late": ("{client: subscriber, by: 1s}", "{client: subscriber, by: 2s}"),
    "slow_reader": ("{client: subscriber, per_frame: 12ms, capacity: 50ms}",) * 2,
    "cut_end": ("{client: subscriber, by: 1s}", "{client: subscriber, by: 2s}"),
    "slow": ("{client: publisher, per_frame: 22ms}", "{client: publisher, per_frame: 25ms}"),
    "pause": ("{container: server, length: 1s}", "{container: server, length: 300ms, times: 5}"),
    "filter": ("{drop: 1, every: 20}", "{drop: 2, every: 20}"),
    "socket_buffer": ("{size: 4kB}", "{size: 8kB}"),
}


@pytest.mark.parametrize("kind", TWICE)
def test_a_second_fault_that_would_be_swallowed_is_refused(kind: str) -> None:
    """The program does one of a kind that goes on or is done once; the other was written for nothing."""
    first, second = TWICE[kind]
    with pytest.raises(ScenarioError) as caught:
        loads(written(f"{kind}: {first}\n  - {kind}: {second}"), source="x")
    assert str(caught.value) == f"x:4: inject.1.{kind}: is given twice for the same place; remove one"


def test_two_of_a_kind_in_two_places_or_at_several_times_are_two() -> None:
    """Each listener has its own; what a sender does before a frame, it does one after the other."""
    people = "clients: {a: {role: publisher}, b: {role: subscriber, count: 2}}\n"
    for entry in (
        "cut_end: {client: b-1, by: 1s}\n  - cut_end: {client: b-2, by: 2s}",
        "stall: {client: a, length: 1s}\n  - stall: {client: a, length: 300ms, times: 5}",
    ):
        assert len(loads(written(entry, people), source="x").inject) == 2
    with pytest.raises(ScenarioError, match=r"inject\.1\.cut_end: is given twice"):
        loads(written("cut_end: {client: b, by: 1s}\n  - cut_end: {client: b-2, by: 2s}", people), source="x")


def test_a_client_has_limits_and_the_server_a_crowd() -> None:
    """Both read back; a camera needs somebody to hold it."""
    text = (
        "version: 1\nclients: {a: {role: publisher, cpus: 2, after_join: {cpus: 0.05, memory: 64MB}}, "
        "b: {role: subscriber}}\nserver: {crowd: {publishers: 3, subscribers: 2, camera: true}}\n"
    )
    scenario = loads(text, source="x")
    assert scenario.clients[0].limits == Limits(cpus=2)
    assert scenario.clients[0].after_join == Limits(cpus=0.05, memory_bytes=64_000_000)
    assert scenario.server.crowd == Crowd(publishers=3, subscribers=2, camera=True)
    assert loads(dump(scenario), source="x") == scenario
    with pytest.raises(ScenarioError, match=r"server\.crowd\.camera: nobody has one"):
        loads("version: 1\nserver: {crowd: {subscribers: 2, camera: true}}", source="x")


@pytest.mark.parametrize(
    ("entry", "share"),
    [
        ("backend_late: {client: publisher, length: 660ms, times: 5}", 0.1),
        ("backend_bursts: {client: publisher, gap: 160ms}", 0.1),
        ("overlap: {client: publisher, length: 800ms, times: 5}", 0.1),
        ("slow: {client: publisher, per_frame: 25ms}", 0.198),
        ("mute: {client: publisher, length: 1s, times: 5}", 0.01),
        ("mute: {client: publisher, length: 600ms, times: 5, pushing: true}", 0.1),
        ("cut_end: {client: subscriber, by: 3s}", 0.1),
        ("slow_reader: {client: subscriber, per_frame: 12.5ms, capacity: 50ms}", 0.2),
        ("pause: {container: publisher, length: 600ms, times: 5}", 0.1),
        ("filter: {drop: 3, every: 20}", 0.1),
        ("socket_buffer: {size: 4kB}", 0.0),
    ],
)
def test_the_plan_says_what_a_fault_costs(entry: str, share: float) -> None:
    """Of 30 s of media, what is ahead in the queue (60 ms) bridging late pushes; before the sender hears of a loss."""
    (flow,) = budget(loads(written(entry), source="x")).flows
    assert flow.injected_first == pytest.approx(share)
