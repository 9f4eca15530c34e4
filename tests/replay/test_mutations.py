"""Each witness decides its own question: a broken one flips that answer, and everything else is answered as before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.batch.runs.one import judged
from lab.evidence import names
from tests.fakes.answering import answering
from tests.replay.answers import flipped
from tests.replay.conftest import Copy, Whole
from tests.replay.keep import NAMES, reseal

Mutation = Callable[[Path], None]
FIFTH = 9_600
"""Samples in 200 ms."""


def in_lines(file: str, change: Callable[[dict[str, object]], None]) -> Mutation:
    """Change every JSON object of a JSON-lines file but its header."""

    def mutate(run: Path) -> None:
        lines = [json.loads(line) for line in (run / file).read_text().splitlines()]
        for line in lines:
            if "format" not in line:
                change(line)
        (run / file).write_text("".join(json.dumps(line) + "\n" for line in lines))

    return mutate


def capture_missed_packets(run: Path) -> None:
    """Let tcpdump say that it missed three packets at the core."""
    log = run / "captures/core.log"
    log.write_text(re.sub(r"\d+ packets? dropped by kernel", "3 packets dropped by kernel", log.read_text()))


def late_ticks(line: dict[str, object]) -> None:
    """Let the pacer have been 200 ms late."""
    line |= {"late_p99_ms": 150.0, "late_max_ms": 200.0}


def kernel_dropped_one_more(line: dict[str, object]) -> None:
    """Let the kernel have counted a drop on the publisher's uplink that no tap saw."""
    for direction in line["directions"]:  # type: ignore[attr-defined]
        if (direction["client"], direction["direction"], line["name"]) == ("publisher", "up", "final"):
            for qdisc in direction["qdiscs"]:
                qdisc["dropped"] += qdisc["handle"] in ("1:", "2:")


def queue_not_chance(line: dict[str, object]) -> None:
    """Let the same drops have been counted by the queue's qdisc."""
    for direction in line["directions"]:  # type: ignore[attr-defined]
        random = next(qdisc["dropped"] for qdisc in direction["qdiscs"] if qdisc["handle"] == "2:")
        for qdisc in direction["qdiscs"]:
            if qdisc["handle"] == "20:":
                qdisc["dropped"] = random


def no_in_band_fec(line: dict[str, object]) -> None:
    """Let the decoder never have seen in-band FEC."""
    for inbound in line.get("inbound", []):  # type: ignore[attr-defined]
        inbound["fec_packets_received"] = 0


def pushed_in_time(line: dict[str, object]) -> None:
    """Let every frame have been pushed when it was due: then the silence is not the program's."""
    line["pushed"] = line["available"]


def _sound(run: Path) -> tuple[Path, NDArray[np.int16]]:
    """Return what was heard, and a place in the middle of what was measured."""
    (file,) = run.glob("clients/*/heard-*.pcm")
    return file, np.fromfile(file, "<i2")


def hole_in_the_sound(run: Path) -> None:
    """Silence 200 ms of what was read, of which no statistics tell anything."""
    file, samples = _sound(run)
    samples[samples.size // 2 :][:FIFTH] = 0
    samples.tofile(file)


def less_was_read(run: Path) -> None:
    """Take 200 ms out of what was read, and out of the program's own notes: NetEQ delivered more."""
    file, samples = _sound(run)
    begin = samples.size // 2
    np.delete(samples, slice(begin, begin + FIFTH)).tofile(file)

    def fewer(line: dict[str, object]) -> None:
        line["samples"] = min(line["samples"], max(begin, line["samples"] - FIFTH))  # type: ignore[call-overload, operator]

    in_lines(str(file.with_suffix(".jsonl").relative_to(run)), fewer)(run)


def available_in_time(line: dict[str, object]) -> None:
    """Let the program have had each frame when it was due."""
    line["available"] = line["scheduled"]


def free_loop(line: dict[str, object]) -> None:
    """Let the event loop never have lagged."""
    line["lag_ms"] = 0.0


def blocked_loop(line: dict[str, object]) -> None:
    """Let the event loop have lagged as long as the longest push was late."""
    line["lag_ms"] = 400.0


def nothing_withheld(line: dict[str, object]) -> None:
    """Let the kernel have withheld no CPU."""
    line |= {"throttled_ns": 0, "throttled_periods": 0}


def all_delivered(line: dict[str, object]) -> None:
    """Let every packet that the server's namespace received have been delivered."""
    line["ip_in_receives"] = line["ip_in_delivers"]


def never_refused(line: dict[str, object]) -> None:
    """Let the SDK have taken every push."""
    line["error"] = None


def over_udp(line: dict[str, object]) -> None:
    """Let the nominated pair be one over UDP."""
    for pair in line.get("pairs", []):  # type: ignore[attr-defined]
        pair["protocol"] = "udp"


def nothing_made_up(line: dict[str, object]) -> None:
    """Let NetEQ never have concealed anything."""
    for inbound in line.get("inbound", []):  # type: ignore[attr-defined]
        inbound |= {"concealed_samples": 0, "silent_concealed_samples": 0, "concealment_events": 0}


def counted_by(handle: str, count: int) -> Callable[[dict[str, object]], None]:
    """Let the qdisc `handle` of every direction have dropped `count` packets."""

    def change(line: dict[str, object]) -> None:
        for direction in line["directions"]:  # type: ignore[attr-defined]
            for qdisc in direction["qdiscs"]:
                qdisc["dropped"] = count if qdisc["handle"] == handle else qdisc["dropped"]

    return change


def nothing_left_out(run: Path) -> None:
    """Let DTX not have been asked for."""
    file = run / names.RESOLVED
    file.write_text(file.read_text().replace("dtx: true", "dtx: false"))


FRAMES, STATS = "clients/publisher/frames.jsonl", "clients/{}/stats.jsonl"
SERVER_CPU, SENDER_CPU = (names.CGROUPS.format(container=name) for name in ("server", "client-publisher"))
SERVER_NET = names.NETWORKS.format(container="server")


def cause(owner: str, hop: str, *reasons: str) -> set[str]:
    """Return the questions whether `owner` is charged at `hop` with each of `reasons`."""
    return {f"cause {owner} {hop} {reason}" for reason in reasons}


def told(*kinds: str) -> set[str]:
    """Return the questions that follow when what the scenario says of itself (`verdict`, `reason`) is no longer so."""
    return {"verdict", *kinds}


UNEXPLAINED = {"heard", "unexplained", *cause("UNDECIDED", "unexplained", "undecided")}
UNREAD = {"heard", "read lost", *cause("CODE/client", "read", "reader-slow")}
NETWORK_ONLY, NONE_LOST, NONE_UNEXPLAINED = (
    "audio_loss <= network + 0.5%",
    "lost_frames == 0",
    "unexplained_frames == 0",
)
VOID = {"gate captures", "verdict"}
LATE_BACKEND = {
    *cause("CODE/client", "push", "script-slow"), "inserted by CODE/backend", "inserted by CODE/client",
    *told("verdict == CODE/backend"),
}  # fmt: skip
UNREAD_BY_SERVER = {"server decided", *cause("UNDECIDED", "server", "undecided"), *told("verdict == CODE/server")}
NOT_SENT = {
    "heard",
    "push lost",
    "send lost",
    *cause("CODE/sdk", "send", "sdk-content"),
    *told("verdict == CODE/client"),
}
UPLINK_OPEN = {
    "uplink decided", "verdict", NETWORK_ONLY,
    *cause("NETWORK/uplink", "uplink", "random-loss"), *cause("UNDECIDED", "uplink", "undecided"),
}  # fmt: skip
MUTATIONS: list[tuple[str, Mutation, set[str]]] = [
    ("clean", capture_missed_packets, VOID),
    ("clean", in_lines(names.PACER, late_ticks), {"gate pacer", "verdict"}),
    ("clean", in_lines(names.STEPS, kernel_dropped_one_more), {"uplink decided"}),
    ("clean", hole_in_the_sound, {*UNEXPLAINED, NONE_UNEXPLAINED, "verdict"}),
    ("clean", less_was_read, {*UNREAD, NONE_LOST, NETWORK_ONLY, "verdict"}),
    (
        "twenty-percent",
        in_lines(names.STEPS, queue_not_chance),
        {"uplink causes", *cause("NETWORK/uplink", "uplink", "random-loss", "undecided")},
    ),
    (
        "twenty-percent",
        in_lines(STATS.format("subscriber"), no_in_band_fec),
        {"uplink lost", "uplink made up", "uplink repaired", "heard"},
    ),
    ("twenty-percent", less_was_read, {*UNREAD, NETWORK_ONLY, "verdict"}),
    ("sender-stalls", less_was_read, UNREAD),
    (
        "sender-stalls",
        in_lines(FRAMES, pushed_in_time),
        {
            "inserted by CODE/client", "inserted by CODE/client-host", *told("verdict == CODE/client"),
            *cause("CODE/client", "push", "script-slow"), *cause("CODE/client-host", "send", "undecided"),
        },
    ),
    (
        "backend-late",
        in_lines(FRAMES, available_in_time),
        {*LATE_BACKEND, *cause("CODE/backend", "push", "backend-late"), "reason == backend-late"},
    ),
    (
        "backend-bursty",
        in_lines(FRAMES, available_in_time),
        {*LATE_BACKEND, *cause("CODE/backend", "push", "backend-bursty"), "reason == backend-bursty"},
    ),
    (
        "loop-blocked",
        in_lines(FRAMES, free_loop),
        {*cause("CODE/client", "push", "loop-blocked", "script-slow"), *told("reason == loop-blocked")},
    ),
    (
        "client-throttled",
        in_lines(SENDER_CPU, nothing_withheld),
        {
            *cause("CODE/client-host", "send", "host-throttled", "host-busy", "undecided"),
            *told("gate starved", "reason == host-throttled"),
        },
    ),
    (
        "server-throttled",
        in_lines(SERVER_CPU, nothing_withheld),
        {
            *cause("CODE/load", "server", "server-throttled"), *cause("CODE/server", "server", "not-forwarded"),
            *told("gate starved", "reason == server-throttled", "verdict == CODE/load"),
        },
    ),
    (
        "packet-filter",
        in_lines(SERVER_NET, all_delivered),
        {*UNREAD_BY_SERVER, *cause("CODE/server", "server", "packet-filter"), "reason == packet-filter"},
    ),
    (
        "push-refused",
        in_lines(FRAMES, never_refused),
        {*NOT_SENT, *cause("CODE/client", "push", "push-refused"), "reason == push-refused"},
    ),
    (
        "frames-dropped",
        in_lines(FRAMES, pushed_in_time),
        {
            *(NOT_SENT - {"heard"}), "kind tail",
            *cause("CODE/client", "push", "frames-dropped"), "reason == frames-dropped",
        },
    ),
    ("media-over-tcp", in_lines(STATS.format("publisher"), over_udp), {"gate path", "verdict"}),
    (
        "jitter",
        in_lines(STATS.format("subscriber"), nothing_made_up),
        {
            *UNEXPLAINED, "downlink lost", "downlink made up",
            *cause("NETWORK/downlink", "downlink", "jitter", "latency"),
            *told("reason == jitter", "verdict == NETWORK/downlink"),
        },
    ),
    (
        "queue-full",
        in_lines(names.STEPS, counted_by("20:", 0)),
        {"uplink causes"},
    ),
    (
        "nat-timeout",
        in_lines(names.STEPS, counted_by("3:", 0)),
        {
            "downlink causes", *cause("NETWORK/downlink", "downlink", "blocked", "undecided"),
            *told("reason == blocked"),
        },
    ),
    (
        "burst-loss",
        in_lines(names.STEPS, kernel_dropped_one_more),
        {
            "uplink decided", *cause("NETWORK/uplink", "uplink", "burst-loss"),
            *cause("NETWORK/uplink", "uplink", "undecided"), *cause("UNDECIDED", "uplink", "undecided"),
            *told("reason == burst-loss", "verdict == NETWORK/uplink"),
        },
    ),
    (
        "dtx",
        nothing_left_out,
        {
            "send lost", "kind dtx", *cause("CODE/client-host", "send", "host-dropped"), *cause("NONE", "send", "dtx"),
            *told("reason == dtx", "verdict == NONE"),
        },
    ),
    (
        "twenty-percent-plain",
        in_lines(names.STEPS, kernel_dropped_one_more),
        {
            *(UPLINK_OPEN - cause("NETWORK/uplink", "uplink", "random-loss")),
            *cause("NETWORK/uplink", "uplink", "red-off"),
        },
    ),
    *(
        (f"twenty-percent-{name}", in_lines(names.STEPS, kernel_dropped_one_more), UPLINK_OPEN)
        for name in ("speech", "frame-50")
    ),
    ("corrupt", less_was_read, {*UNREAD, *told("verdict == NETWORK/uplink")}),
    ("downlink-loss", less_was_read, {*UNREAD, *told("verdict == NETWORK/downlink")}),
    ("late-and-lossy", in_lines(FRAMES, blocked_loop), {*cause("CODE/client", "push", "loop-blocked", "script-slow")}),
    (
        "outage",
        in_lines(names.STEPS, counted_by("3:", 0)),
        {"uplink causes", *cause("NETWORK/uplink", "uplink", "outage", "undecided"), *told("reason == outage")},
    ),
    *((name, capture_missed_packets, VOID) for name in ("own-rate", "end-cut", "firewall-udp", "wrong-address")),
    *((name, capture_missed_packets, VOID) for name in ("client-paused", "red-off", "muted", "latency", "reader-slow")),
]  # fmt: skip


def test_every_recording_has_a_piece_to_break() -> None:
    """A stored recording that no mutation tells apart from its opposite proves little."""
    assert set(NAMES) <= {name for name, _, _ in MUTATIONS}


@pytest.mark.parametrize(("name", "mutate", "expected"), MUTATIONS)
def test_a_broken_piece_flips_what_it_decides(
    name: str, mutate: Mutation, expected: set[str], whole: Whole, copy: Copy
) -> None:
    """That question, and what follows from it, gets another answer; nothing else."""
    run = copy(name)
    mutate(run)
    reseal(run)
    with answering():
        broken = judged(run)
    assert flipped(whole(name), broken) == expected
