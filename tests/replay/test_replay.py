"""Stored recordings of real runs: the same bytes again, and each broken piece flips what it decides, no more."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lab.analysis.values import Outcome, RunVerdict
from lab.batch.one import Judged, judged
from lab.evidence import names
from lab.evidence.recording import read_manifest
from lab.evidence.store import RunFolder
from tests.replay.keep import STORED

Mutation = Callable[[Path], None]
NAMES = sorted(path.name.removesuffix(".tar.xz") for path in STORED.glob("*.tar.xz"))


def unpacked(name: str, folder: Path) -> Path:
    """Unpack the stored recording `name` into `folder`."""
    with tarfile.open(STORED / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / name


def reseal(run: Path) -> None:
    """Make what was changed count as what was sealed: a mutation breaks the evidence, not the seal."""
    manifest = read_manifest(run)
    RunFolder(run, replace(manifest, phases=manifest.phases[:-1]), clock=lambda: manifest.phases[-1].t_ns).seal()


def answers(verdict: RunVerdict) -> dict[str, object]:
    """Return every question that a verdict answers, one by one."""
    (flow,) = verdict.flows
    found: dict[str, object] = {"verdict": (verdict.outcome, verdict.owner)}
    found |= {f"gate {gate.name}": gate.ok for gate in verdict.gates}
    for hop in flow.hops:
        found[f"{hop.name} dropped"] = hop.packets_dropped
        found[f"{hop.name} causes"] = dict(hop.causes)
        found[f"{hop.name} lost"] = hop.frames_lost
        found[f"{hop.name} decided"] = not hop.undecided
        found[f"{hop.name} repaired"] = dict(hop.repaired)
    found |= {f"inserted by {owner}": round(ms) for owner, ms in flow.frames.inserted_ms.items()}
    return found


def flipped(before: Judged, after: Judged) -> set[str]:
    """Return the questions that got another answer."""
    one, other = answers(before.verdict), answers(after.verdict)
    return {question for question in one | other if one.get(question) != other.get(question)}


def test_the_three_recordings_are_there() -> None:
    """Clean, impaired, and the client's own fault; small enough to live in the repository."""
    assert {"clean", "twenty-percent", "sender-stalls"} <= set(NAMES)
    assert all((STORED / f"{name}.tar.xz").stat().st_size <= 400_000 for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_same_byte_for_byte(name: str, tmp_path: Path) -> None:
    """A recording means the same on every machine, at any time."""
    assert judged(unpacked(name, tmp_path)).json == (STORED / f"{name}.json").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_judge_is_blind_to_what_was_injected(name: str, tmp_path: Path) -> None:
    """Links, faults, timeline and limits cut out of the scenario, the tc commands out of the steps: the same bytes."""
    run = unpacked(name, tmp_path)
    scenario = yaml.safe_load((run / names.RESOLVED).read_text())
    for key in ("links", "inject", "timeline", "server", "impair", "impair_only", "description"):
        scenario.pop(key, None)
    (run / names.RESOLVED).write_text(yaml.safe_dump(scenario, sort_keys=False))
    steps = [json.loads(line) for line in (run / names.STEPS).read_text().splitlines()]
    for step in steps:
        for direction in step["directions"]:
            direction["argv"] = []
    (run / names.STEPS).write_text("".join(json.dumps(step) + "\n" for step in steps))
    (run / names.AS_WRITTEN).write_text("")
    (run / "clients/publisher/injected.jsonl").unlink()
    reseal(run)
    assert judged(run).json == (STORED / f"{name}.json").read_text()


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


MUTATIONS = [
    ("clean", capture_missed_packets, {"gate captures", "verdict"}),
    ("clean", in_lines(names.PACER, late_ticks), {"gate pacer", "verdict"}),
    ("clean", in_lines(names.STEPS, kernel_dropped_one_more), {"uplink decided"}),
    ("twenty-percent", in_lines(names.STEPS, queue_not_chance), {"uplink causes"}),
    (
        "sender-stalls",
        in_lines("clients/publisher/frames.jsonl", pushed_in_time),
        {"inserted by CODE/client", "inserted by CODE/client-host", "verdict"},
    ),
    ("twenty-percent", in_lines("clients/subscriber/stats.jsonl", no_in_band_fec), {"uplink lost", "uplink repaired"}),
]
PIECES = (
    *(f"captures/{tap}.pcap" for tap in ("core", "edge-publisher", "inner-publisher", "edge-subscriber")),
    "captures/inner-subscriber.pcap",
    "captures/core.log",
    "clients/publisher/events.jsonl",
    "clients/publisher/exit.json",
    "clients/publisher/frames.jsonl",
    "clients/publisher/stats.jsonl",
    "clients/subscriber/stats.jsonl",
    names.STEPS,
    names.PACER,
    names.HOST_SECONDS,
    "host/cgroup-server.jsonl",
    names.RESOLVED,
)


def delete(file: Path) -> None:
    """Take the piece away."""
    file.unlink()


def tear(file: Path) -> None:
    """Keep the first half of the bytes."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def cut(file: Path) -> None:
    """Keep the first half of the lines, so that nothing looks torn."""
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: len(lines) // 2]))


DECIDING = ("captures/core.pcap", "clients/publisher/frames.jsonl", "clients/subscriber/stats.jsonl", names.RESOLVED)
"""Pieces that no verdict can do without, the seal apart."""


@pytest.fixture(scope="module", params=["twenty-percent", "sender-stalls"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack one recording for all that is done to its pieces."""
    return unpacked(request.param, tmp_path_factory.mktemp("stored"))


@pytest.mark.parametrize("harm", [delete, tear, cut])
@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_that_is_not_what_was_sealed_is_unknown_and_named(
    piece: str, harm: Mutation, stored: Path, tmp_path: Path
) -> None:
    """Whatever half of it would say: UNKNOWN, and both the reasons and the table name the piece."""
    run = shutil.copytree(stored, tmp_path / "run")
    harm(run / piece)
    found = judged(run)
    assert (found.verdict.outcome, found.exit_code, found.verdict.void) == (Outcome.UNKNOWN, 3, ())
    assert found.verdict.reasons[0].startswith(piece)
    assert piece in found.text


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_that_was_never_recorded_is_missed_by_name_or_decides_nothing(
    piece: str, stored: Path, tmp_path: Path
) -> None:
    """Sealed without it: the same verdict, or UNKNOWN with the piece among the reasons; never another owner."""
    whole, run = judged(stored).verdict, shutil.copytree(stored, tmp_path / "run")
    delete(run / piece)
    reseal(run)
    found = judged(run).verdict
    if (found.outcome, found.owner) != (whole.outcome, whole.owner):
        assert found.outcome == Outcome.UNKNOWN
        assert any(piece in reason for reason in found.reasons)
    assert found.outcome == Outcome.UNKNOWN or piece not in DECIDING


def test_a_seal_without_files_seals_nothing(stored: Path, tmp_path: Path) -> None:
    """The manifest's list was emptied: UNKNOWN."""
    run = shutil.copytree(stored, tmp_path / "run")
    manifest = json.loads((run / names.MANIFEST).read_text())
    (run / names.MANIFEST).write_text(json.dumps(manifest | {"files": {}}))
    assert judged(run).verdict.outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("kept", [650, 450, 100])
def test_half_a_log_is_unknown_however_it_is_sealed(kept: int, stored: Path, tmp_path: Path) -> None:
    """The wire goes on where the log ends: nobody is charged for that, and no share is above one."""
    run = shutil.copytree(stored, tmp_path / "run")
    file = run / "clients/publisher/frames.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:kept]))
    reseal(run)
    verdict = judged(run).verdict
    assert verdict.outcome == Outcome.UNKNOWN
    assert "frames of publisher: only" in verdict.reasons[0]
    assert sum(verdict.flows[0].damage.values()) < 1


@pytest.mark.parametrize(("name", "mutate", "expected"), MUTATIONS)
def test_a_broken_piece_flips_what_it_decides(name: str, mutate: Mutation, expected: set[str], tmp_path: Path) -> None:
    """Each witness decides its own question; everything else is answered as before."""
    whole = judged(unpacked(name, tmp_path / "whole"))
    run = unpacked(name, tmp_path / "broken")
    mutate(run)
    reseal(run)
    assert flipped(whole, judged(run)) == expected
