"""The JSON-lines files of clients, pacer and router: read exactly, or refused by file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import EvidenceError
from lab.evidence.accounts import CgroupSecond, HostSecond, NetworkSecond, Tick
from lab.evidence.frames import frames
from lab.evidence.host import line, read_cgroup, read_network, seconds, ticks
from lab.evidence.lines import Lines, offset_of, read_bare, read_headed
from lab.evidence.stats import events, stats
from lab.evidence.steps import DirectionState, Qdisc, StepState, read_steps, to_line
from lab.evidence.values import Event, FrameLine, PairSample

OFFSET_NS = 1_000_000
FRAME = {
    "frame": 0, "available": 5, "scheduled": 10, "pushed": 6, "returned": 7, "samples": 960, "levels": [19.2, 127],
    "lag_ms": 0.5, "error": None,
}  # fmt: skip
PAIR = {"local": "198.18.0.1:5", "remote": "198.18.0.2:7882", "protocol": "udp", "round_trip_time_s": 0.001}


def header(kind: str, **change: Any) -> dict[str, Any]:
    """Return a header line as the probe writes it."""
    return {"format": 1, "kind": kind, "clock": "monotonic", "realtime_minus_monotonic_ns": OFFSET_NS, **change}


def written(path: Path, *records: Any, tail: str = "") -> Path:
    """Write `records` as lines, and `tail` behind the last line break."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + tail)
    return path


def test_a_header_says_which_clock_the_file_began_with(tmp_path: Path) -> None:
    """And a file that is missing, empty, or begins with something else says nothing."""
    file = written(tmp_path / "f", header("frames"), FRAME, tail="torn")
    assert offset_of(file) == OFFSET_NS
    others = (tmp_path / "none", written(tmp_path / "empty"), written(tmp_path / "bare", FRAME))
    assert [offset_of(other) for other in others] == [None] * 3


def test_frames_get_real_time(tmp_path: Path) -> None:
    """Monotonic times gain the header's offset; a frame that was never pushed keeps None."""
    skipped = {**FRAME, "frame": 1, "pushed": None, "returned": None}
    first, second = frames(read_headed(written(tmp_path / "f", header("frames"), FRAME, skipped), "frames"))
    assert first == FrameLine(
        frame=0,
        available_ns=OFFSET_NS + 5,
        scheduled_ns=OFFSET_NS + 10,
        pushed_ns=OFFSET_NS + 6,
        returned_ns=OFFSET_NS + 7,
        samples=960,
        levels=(19.2, 127.0),
        lag_ms=0.5,
        error=None,
    )
    assert (second.pushed_ns, second.returned_ns) == (None, None)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([{**FRAME, "frame": 1}], "f:2: frame 1 where 0 belongs"),
        ([FRAME, FRAME], "f:3: frame 0 where 1 belongs"),
        ([{**FRAME, "scheduled": None}], "f:2: scheduled_ns"),
        ([{**FRAME, "pushed": 1.5}], "f:2: pushed"),
        ([{key: FRAME[key] for key in FRAME if key != "returned"}], r"f:2: missing \['returned_ns'\]"),
        ([{**FRAME, "pushed_ns": 3}], r"f:2: unknown \['pushed_ns'\]"),
    ],
)
def test_bad_frames_are_named(tmp_path: Path, records: list[Any], words: str) -> None:
    """Gaps, doubles, missing and wrong times are refused with file:line."""
    lines = read_headed(written(tmp_path / "f", header("frames"), *records), "frames")
    with pytest.raises(EvidenceError, match=words):
        frames(lines)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (header("stats"), "f:1: a file of stats, not of frames"),
        (header("frames", format=2), "f:1: format 2 needs a newer lab"),
        (header("frames", clock="realtime"), "f:1: clock"),
        (FRAME, "f:1: missing"),
        (None, "f:1: not a JSON object"),
    ],
)
def test_a_foreign_header_is_refused(tmp_path: Path, first: Any, words: str) -> None:
    """Nothing in a file is believed before its first line says what it is."""
    with pytest.raises(EvidenceError, match=words):
        read_headed(written(tmp_path / "f", first, FRAME), "frames")


def test_empty_and_missing_files(tmp_path: Path) -> None:
    """Both are told apart, and neither is read as "nothing happened"."""
    with pytest.raises(EvidenceError, match="empty, not even a header"):
        read_headed(written(tmp_path / "f"), "frames")
    with pytest.raises(EvidenceError, match="No such file"):
        read_headed(tmp_path / "none", "frames")


def test_cut_at_any_byte(tmp_path: Path) -> None:
    """For every length: whole at a line's end; else refused, or with leave given read without the torn line."""
    whole = written(tmp_path / "whole", header("frames"), FRAME, {**FRAME, "frame": 1}).read_bytes()
    for size in range(1, len(whole)):
        path = tmp_path / "f"
        path.write_bytes(whole[:size])
        if whole[:size].endswith(b"\n"):
            assert not read_headed(path, "frames").torn
            continue
        with pytest.raises(EvidenceError, match="the last line is torn"):
            read_headed(path, "frames")
        found = read_headed(path, "frames", allow_torn_tail=True)
        assert len(found.lines) == max(0, whole[:size].count(b"\n") - 1)
        assert found.torn.endswith(f"f:{whole[:size].count(10) + 1}: the last line is torn")


def test_a_torn_line_in_the_middle_is_never_allowed(tmp_path: Path) -> None:
    """A kill tears the last line only; anything else is damage, bytes that are no text included."""
    path = written(tmp_path / "f", header("frames"))
    path.write_bytes(path.read_bytes() + b'{"fra\n{"frame"\xff:0}\n')
    with pytest.raises(EvidenceError, match="f:2: not JSON"):
        read_headed(path, "frames", allow_torn_tail=True)


def test_stats_are_split_by_kind(tmp_path: Path) -> None:
    """One line holds three lists; each sample gets its line's time."""
    line = {"t": 9, "inbound": [], "outbound": [], "pairs": [PAIR]}
    found = stats(read_headed(written(tmp_path / "s", header("stats"), line, line), "stats"))
    expected = PairSample(
        t_ns=OFFSET_NS + 9, local="198.18.0.1:5", remote="198.18.0.2:7882", protocol="udp", round_trip_time_s=0.001
    )
    assert found.pairs == (expected, expected)
    assert (found.inbound, found.outbound) == ((), ())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"t": 9, "inbound": [], "outbound": []}, "s:2: keys"),
        ({"t": 9, "inbound": [], "outbound": [], "pairs": {}}, "s:2: pairs is no list"),
        ({"t": 9, "inbound": [4], "outbound": [], "pairs": []}, "s:2: inbound: '4'"),
        ({"t": 9, "inbound": [], "outbound": [], "pairs": [{**PAIR, "x": 1}]}, "s:2: pairs: missing"),
        ({"inbound": [], "outbound": [], "pairs": []}, "s:2: t"),
        ({"t": 9, "t_ns": 9, "inbound": [], "outbound": [], "pairs": []}, r"s:2: unknown \['t_ns'\]"),
    ],
)
def test_bad_stats_are_named(tmp_path: Path, line: Any, words: str) -> None:
    """A missing list, no list, a foreign sample, no time."""
    lines = read_headed(written(tmp_path / "s", header("stats"), line), "stats")
    with pytest.raises(EvidenceError, match=words):
        stats(lines)


def test_events(tmp_path: Path) -> None:
    """An event has a name and words."""
    line = {"t": 3, "event": "subscribed", "detail": {"publisher": "a"}}
    lines = read_headed(written(tmp_path / "e", header("events"), line), "events")
    assert events(lines) == (Event(t_ns=OFFSET_NS + 3, name="subscribed", detail={"publisher": "a"}),)


@pytest.mark.parametrize(
    ("convert", "line", "value"),
    [
        (
            ticks,
            {"t": 1, "ticks": 100, "late_p99_ms": 0.4, "late_max_ms": 3},
            Tick(t_ns=OFFSET_NS + 1, ticks=100, late_p99_ms=0.4, late_max_ms=3.0),
        ),
        (
            seconds,
            {"t": 1, "steal": 0, "busy": 0.5, "clock_offset_ns": 7},
            HostSecond(t_ns=OFFSET_NS + 1, steal=0.0, busy=0.5, clock_offset_ns=7),
        ),
    ],
)
def test_the_pacers_files(tmp_path: Path, convert: Callable[[Lines], Any], line: Any, value: Any) -> None:
    """Ticks and seconds, with real time."""
    assert convert(read_headed(written(tmp_path / "p", header("pacer"), line), "pacer")) == (value,)


def test_steps_survive_the_file(tmp_path: Path) -> None:
    """What the rig writes is what the analysis reads; a torn line is refused."""
    qdisc = Qdisc(
        kind="netem",
        handle="1:",
        parent="root",
        options_json='{"limit": 1000}',
        sent_packets=1,
        sent_bytes=2,
        dropped=3,
        overlimits=4,
        backlog_packets=5,
    )
    way = DirectionState(client="a", direction="up", argv=(("tc", "qdisc"), ()), qdiscs=(qdisc,))
    step = StepState(name="impair", due_ns=None, from_ns=1, to_ns=2, directions=(way,))
    path = tmp_path / "steps.jsonl"
    path.write_text(to_line(step) + "\n" + to_line(step) + "\n")
    assert read_steps(path) == (step, step)
    path.write_text(to_line(step) + "\n" + to_line(step)[:-3])
    with pytest.raises(EvidenceError, match=r"steps.jsonl:2: the last line is torn"):
        read_steps(path)


def test_cgroups_survive_the_file(tmp_path: Path) -> None:
    """Totals in, totals out; what was recorded before kills were counted is still read; a foreign key is refused."""
    second = CgroupSecond(t_ns=1, cpu_ns=2, throttled_ns=3, throttled_periods=4, memory_bytes=5, oom_kills=6)
    path = tmp_path / "c.jsonl"
    path.write_text(line(second) + "\n")
    assert read_cgroup(path) == (second,)
    path.write_text(line(second).replace(',"oom_kills":6', "") + "\n")
    assert read_cgroup(path)[0].oom_kills is None
    path.write_text('{"cpu": 1}\n')
    with pytest.raises(EvidenceError, match=r"c\.jsonl:1: missing"):
        read_cgroup(path)
    assert read_bare(path)[0].fields == {"cpu": 1}


def test_namespaces_survive_the_file(tmp_path: Path) -> None:
    """Totals in, totals out; a torn line is refused by its number."""
    second = NetworkSecond(
        t_ns=1, ip_in_receives=2, ip_in_delivers=3, ip_in_discards=4, ip_in_errors=5, udp_in_datagrams=6,
        udp_in_errors=7, udp_rcvbuf_errors=8, udp_in_csum_errors=9, udp_no_ports=10, udp_out_datagrams=11,
        udp_sndbuf_errors=12,
    )  # fmt: skip
    path = tmp_path / "n.jsonl"
    path.write_text(line(second) + "\n")
    assert read_network(path) == (second,)
    path.write_text(line(second) + "\n" + line(second)[:-3])
    with pytest.raises(EvidenceError, match=r"n\.jsonl:2: the last line is torn"):
        read_network(path)
