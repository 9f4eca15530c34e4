"""What a person who looks on is told of each hop: since the first look, from whatever can be read now."""

from __future__ import annotations

import json
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.steps import DirectionState, Qdisc, StepState
from lab.rig.process.watch import Count
from lab.rig.witnesses.counting import PERIOD_S, Counts
from lab.scenario.model import Direction
from tests.unit.rig.layout.test_topology import link, scenario

TWO = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
HANDLES = {"1:": "prio", "10:": "pfifo", "2:": "netem", "3:": "pfifo", "20:": "tbf"}


class Counters:
    """A bump that counts what the test says: packets sent and dropped by handle, each way."""

    def __init__(self) -> None:
        self.sent = 0
        self.dropped = dict.fromkeys(HANDLES, 0)
        self.reads = 0
        self.broken = False

    def read(self, name: str) -> StepState:
        """Return the counters, or fail."""
        self.reads += 1
        if self.broken:
            raise EnvironmentFault("up0: asked for loss 5, the kernel holds 0")
        ways = tuple(self._way(direction) for direction in ("up", "down"))
        return StepState(name=name, due_ns=None, from_ns=1, to_ns=2, directions=ways)

    def _way(self, direction: Direction) -> DirectionState:
        still = direction == "down"
        qdiscs = tuple(
            Qdisc(
                kind=kind,
                handle=handle,
                parent="root",
                options_json="{}",
                sent_packets=0 if still else self.sent,
                sent_bytes=0,
                dropped=0 if still else self.dropped[handle],
                overlimits=0,
                backlog_packets=0,
            )
            for handle, kind in HANDLES.items()
        )
        return DirectionState(client="a", direction=direction, argv=(), qdiscs=qdiscs)


class Clock:
    """A clock that the test moves."""

    now_s = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def counting(tmp_path: Path) -> tuple[Counts, Counters, Clock]:
    """Return counts over a bump and a clock of the test's, in an empty run folder."""
    bump, clock = Counters(), Clock()
    return Counts(bump, TWO, tmp_path, clock), bump, clock  # type: ignore[arg-type]


def write(path: Path, *lines: object, torn: str = "") -> None:
    """Write JSON lines, and the beginning of one more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + torn)


def test_a_link_counts_from_the_first_look_on_and_tells_causes_apart(tmp_path: Path) -> None:
    """A lab that other runs used before: what they lost is not this run's. The queue's drops are netem's too."""
    counts, bump, clock = counting(tmp_path)
    bump.sent, bump.dropped = 1000, {"1:": 70, "10:": 0, "2:": 70, "3:": 0, "20:": 20}
    assert counts.read()[0].dropped == 0
    bump.sent, bump.dropped = 1090, {"1:": 80, "10:": 0, "2:": 79, "3:": 1, "20:": 23}
    clock.now_s += PERIOD_S
    up, down = counts.read()
    causes = (("random", 6), ("queue", 3), ("blocked", 1))
    assert up == Count(hop="uplink", client="a", offered=100, dropped=10, causes=causes)
    assert (down.hop, down.offered, down.dropped) == ("downlink", 0, 0)


def test_nobody_reads_more_often_than_once_a_period(tmp_path: Path) -> None:
    """However often one asks; and without being asked nothing is read at all."""
    counts, bump, clock = counting(tmp_path)
    assert bump.reads == 0
    for _ in range(8):
        counts.read()
        clock.now_s += PERIOD_S / 4
    assert bump.reads == 2


def test_a_bump_that_cannot_be_read_stops_no_run(tmp_path: Path) -> None:
    """It is asked no more; the other hops are still told."""
    counts, bump, clock = counting(tmp_path)
    write(tmp_path / names.NETWORKS.format(container="server"), {"udp_in_datagrams": 5, "udp_in_errors": 0})
    bump.broken = True
    assert [count.hop for count in counts.read()] == ["server"]
    clock.now_s += PERIOD_S
    counts.read()
    assert bump.reads == 1


def test_the_servers_host_and_the_listeners_ear_are_read_off_their_files(tmp_path: Path) -> None:
    """The newest whole line counts, also while the next one is being written; the order is the audio's."""
    counts, _, clock = counting(tmp_path)
    server = tmp_path / names.NETWORKS.format(container="server")
    stats = tmp_path / names.client("b", names.CLIENT_STATS)
    write(server, {"udp_in_datagrams": 100, "udp_in_errors": 0})
    write(stats, {"format": 1}, {"t": 1, "inbound": [{"total_samples_received": 9600, "concealed_samples": 0}]})
    counts.read()
    write(server, {"udp_in_datagrams": 190, "udp_in_errors": 10}, torn='{"udp_in')
    heard = [{"total_samples_received": 9600 + 960 * 50, "concealed_samples": 960 * 4}]
    write(stats, {"t": 2, "inbound": heard}, torn='{"t": 3')
    clock.now_s += PERIOD_S
    found = counts.read()
    assert [count.hop for count in found] == ["uplink", "server", "downlink", "playout"]
    assert (found[1].offered, found[1].dropped) == (100, 10)
    assert found[3] == Count(hop="playout", client="b", offered=50, dropped=4)


def test_files_that_are_not_there_yet_are_left_out(tmp_path: Path) -> None:
    """Before anybody wrote anything, and while there is a header line alone."""
    counts, _, clock = counting(tmp_path)
    write(tmp_path / names.client("b", names.CLIENT_STATS), {"format": 1, "kind": "stats"})
    assert [count.hop for count in counts.read()] == ["uplink", "downlink"]
    clock.now_s += PERIOD_S
    assert [count.hop for count in counts.read()] == ["uplink", "downlink"]
