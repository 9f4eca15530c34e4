"""Each witness decides its own question: a broken one flips that answer, and everything else is answered as before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lab.batch.one import judged
from lab.evidence import names
from tests.replay.answers import flipped
from tests.replay.conftest import Copy, Whole
from tests.replay.keep import reseal

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


RANDOM, UNTOLD = (f"cause NETWORK/uplink uplink {reason}" for reason in ("random-loss", "undecided"))
SCRIPT, HOST = "cause CODE/client push script-slow", "cause CODE/client-host send host-busy"
UNEXPLAINED, UNREAD = "cause UNDECIDED unexplained undecided", "cause CODE/client read reader-slow"
NETWORK_ONLY = "audio_loss <= network + 0.5%"
MUTATIONS: list[tuple[str, Mutation, set[str]]] = [
    ("clean", capture_missed_packets, {"gate captures", "verdict"}),
    ("clean", in_lines(names.PACER, late_ticks), {"gate pacer", "verdict"}),
    ("clean", in_lines(names.STEPS, kernel_dropped_one_more), {"uplink decided"}),
    ("twenty-percent", in_lines(names.STEPS, queue_not_chance), {"uplink causes", RANDOM, UNTOLD}),
    (
        "sender-stalls",
        in_lines("clients/publisher/frames.jsonl", pushed_in_time),
        {"inserted by CODE/client", "inserted by CODE/client-host", "verdict", "verdict == CODE/client", SCRIPT, HOST},
    ),
    (
        "twenty-percent",
        in_lines("clients/subscriber/stats.jsonl", no_in_band_fec),
        {"uplink lost", "uplink repaired", "heard"},
    ),
    ("clean", hole_in_the_sound, {"heard", "unexplained", UNEXPLAINED, "unexplained_frames == 0", "verdict"}),
    ("clean", less_was_read, {"heard", "read lost", UNREAD, "lost_frames == 0", NETWORK_ONLY, "verdict"}),
    ("twenty-percent", less_was_read, {"heard", "read lost", UNREAD, NETWORK_ONLY, "verdict"}),
    ("sender-stalls", less_was_read, {"heard", "read lost", UNREAD}),
]


@pytest.mark.parametrize(("name", "mutate", "expected"), MUTATIONS)
def test_a_broken_piece_flips_what_it_decides(
    name: str, mutate: Mutation, expected: set[str], whole: Whole, copy: Copy
) -> None:
    """That question, and what follows from it, gets another answer; nothing else."""
    run = copy(name)
    mutate(run)
    reseal(run)
    assert flipped(whole(name), judged(run)) == expected
