"""A recording read back: whole when it is, and otherwise with each missing or broken piece named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.manifest import Phase, Place
from lab.evidence.purposes import purpose
from lab.evidence.reading import read
from lab.evidence.steps import StepState, to_line
from lab.evidence.store import RunFolder
from tests.unit.evidence.test_readers import FRAME, OFFSET_NS, PAIR, header
from tests.unit.evidence.test_store import created
from tests.unit.evidence.wire import Record, capture, frame, rtp

PLACES = (
    Place(name="a", role="publisher", ip="198.18.0.10", linked=True),
    Place(name="b", role="subscriber", ip="198.18.0.75", linked=False),
)
BEGUN = Phase(name="started", t_ns=0)
"""All moments of the pieces below lie between this and the seal."""
CAPTURE = capture([Record(data=frame(rtp(extension=b"\x10\x05")))])


FORWARDER = {"t_ns": 1, "participant": "a", "track": "TR_a", "forwarded": 5, "dropped": 0}
NETWORK = {
    "t_ns": 1, "ip_in_receives": 0, "ip_in_delivers": 0, "ip_in_discards": 0, "ip_in_errors": 0, "udp_in_datagrams": 0,
    "udp_in_errors": 0, "udp_rcvbuf_errors": 0, "udp_in_csum_errors": 0, "udp_no_ports": 0, "udp_out_datagrams": 0,
    "udp_sndbuf_errors": 0,
}  # fmt: skip


def put(folder: RunFolder, name: str, *records: Any) -> None:
    """Write `records` as the lines of a piece."""
    folder.write(name, "".join(json.dumps(record) + "\n" for record in records))


def recorded(results: Path) -> RunFolder:
    """Return a small, complete run that is not sealed yet: a publisher with a link, a subscriber without."""
    folder = created(results)
    folder.put(replace(folder.manifest, clients=PLACES, phases=(BEGUN,)))
    (folder.path / names.CAPTURES).mkdir()
    for name in (names.edge("a"), names.inner("a"), names.CORE_TAP, names.OPEN_TAP):
        (folder.path / name).write_bytes(CAPTURE)
        folder.write(name.replace(".pcap", ".log"), "1 packet captured\n2 packets dropped by kernel\n")
    for place in PLACES:
        put(folder, names.client(place.name, names.CLIENT_EVENTS), header("events"))
        line = {"t": 9, "inbound": [], "outbound": [], "pairs": [PAIR]}
        put(folder, names.client(place.name, names.CLIENT_STATS), header("stats"), line)
        put(folder, names.client(place.name, names.CLIENT_EXIT), {"exit_code": 0, "oom_killed": False})
    put(folder, names.client("a", names.CLIENT_FRAMES), header("frames"), FRAME)
    put(folder, names.PACER, header("pacer"), {"t": 1, "ticks": 100, "late_p99_ms": 0.4, "late_max_ms": 3})
    put(folder, names.HOST_SECONDS, header("seconds"), {"t": 1, "steal": 0, "busy": 0, "clock_offset_ns": 7})
    cgroup = {"t_ns": 1, "cpu_ns": 2, "throttled_ns": 3, "throttled_periods": 4, "memory_bytes": 5}
    put(folder, names.CGROUPS.format(container="server"), cgroup)
    put(folder, names.NETWORKS.format(container="client-a"), NETWORK)
    put(folder, names.SERVER_TRACKS, {"forwarder": FORWARDER})
    folder.write(names.SERVER_ROOMS, json.dumps({"t_ns": 1, "room": {"Participants": {}}}))
    folder.append(names.STEPS, to_line(StepState(name="clean", due_ns=None, from_ns=1, to_ns=2, directions=())))
    return folder


def test_a_whole_recording_has_no_problems(tmp_path: Path) -> None:
    """Every piece is there, under the name it was written with."""
    folder = recorded(tmp_path)
    folder.seal()
    found = read(folder.path)
    assert found.problems == ()
    assert [(tap.place, tap.client, tap.packets.size, tap.dropped) for tap in found.taps] == [
        ("core", None, 1, 2), ("open", None, 1, 2), ("edge", "a", 1, 2), ("inner", "a", 1, 2),
    ]  # fmt: skip
    publisher, subscriber = found.clients
    assert (publisher.name, publisher.address, publisher.exit_code) == ("a", "198.18.0.10", 0)
    assert (len(publisher.frames), len(publisher.pairs), len(subscriber.frames)) == (1, 1, 0)
    assert [set(client.clock_offsets_ns) for client in found.clients] == [{OFFSET_NS}, {OFFSET_NS}]
    assert (len(publisher.clock_offsets_ns), len(subscriber.clock_offsets_ns)) == (3, 2)
    assert [step.name for step in found.steps] == ["clean"]
    assert (len(found.ticks), len(found.seconds), list(found.cgroups)) == (1, 1, ["server"])
    assert (list(found.networks), len(found.networks["client-a"])) == (["client-a"], 1)
    assert (found.tracks, [each.forwarded for each in found.forwarders]) == ((), [5])
    assert found.manifest == folder.manifest


def pieces(results: Path) -> list[str]:
    """Return the name of every file that a reader reads."""
    unread = (names.AS_WRITTEN, names.RESOLVED, names.SERVER_ROOMS)
    folder = recorded(results)
    every = (path.relative_to(folder.path).as_posix() for path in sorted(folder.path.rglob("*")) if path.is_file())
    found = [name for name in every if name not in (*unread, names.MANIFEST) and not name.endswith(".log")]
    assert {names.CORE_TAP, names.STEPS, names.PACER} <= set(found)
    return found


def test_each_missing_piece_is_named_and_spoils_no_other(tmp_path: Path) -> None:
    """Without any one file the recording is read, and says which it is."""
    for number, name in enumerate(pieces(tmp_path / "names")):
        folder = recorded(tmp_path / str(number))
        folder.seal()
        (folder.path / name).unlink()
        problems = read(folder.path).problems
        assert problems
        assert all(problem.startswith(name) for problem in problems), name


def test_each_broken_piece_is_named_and_spoils_no_other(tmp_path: Path) -> None:
    """A file whose first byte was changed is told by the seal and by its reader."""
    for number, name in enumerate(pieces(tmp_path / "names")):
        folder = recorded(tmp_path / str(number))
        folder.seal()
        data = (folder.path / name).read_bytes()
        (folder.path / name).write_bytes(b"#" + data[1:])
        changed, *others = read(folder.path).problems
        assert changed == f"{name}: changed since it was sealed (it tells {purpose(name)})"
        assert len(others) == 1
        assert others[0].startswith(name)


def test_what_the_judge_reads_breaks_the_recording_and_nothing_else_does(tmp_path: Path) -> None:
    """A changed log is told, changed evidence breaks; a piece that was never recorded is a note."""
    told = (names.SERVER_LOG, names.SERVER_ROOMS)
    for number, name in enumerate((*told, names.STEPS, names.RESOLVED, names.CORE_TAP, names.PACER)):
        folder = recorded(tmp_path / str(number))
        folder.write("server/log.txt", "words\n")
        folder.seal()
        (folder.path / name).write_bytes((folder.path / name).read_bytes()[:-1])
        found = read(folder.path)
        assert found.problems
        assert bool(found.broken) == (name not in told), name
    folder = recorded(tmp_path / "without")
    (folder.path / names.PACER).unlink()
    folder.seal()
    assert (len(read(folder.path).problems), read(folder.path).broken) == (1, ())


@pytest.mark.parametrize("name", [names.NETWORKS.format(container="client-a"), names.SERVER_TRACKS])
def test_witnesses_that_were_never_recorded_are_no_problem(tmp_path: Path, name: str) -> None:
    """Recordings from before there were any are still judged; those who need them miss them by name."""
    folder = recorded(tmp_path)
    (folder.path / name).unlink()
    folder.seal()
    assert (read(folder.path).problems, read(folder.path).broken) == ((), ())
    assert names.is_judged(name)


def test_a_manifest_that_lists_no_files_seals_nothing(tmp_path: Path) -> None:
    """Everything the judge reads would be unsealed: broken."""
    folder = recorded(tmp_path)
    folder.seal()
    folder.put(replace(folder.manifest, files={}))
    assert f"{names.CORE_TAP}: added after the recording was sealed" in read(folder.path).broken


def test_a_torn_tail_breaks_although_it_was_sealed_so(tmp_path: Path) -> None:
    """Nobody can tell what came after it: the client was killed, or the capture was."""
    folder = recorded(tmp_path)
    (folder.path / names.CORE_TAP).write_bytes(CAPTURE + CAPTURE[24:-1])
    folder.seal()
    found = read(folder.path)
    assert found.broken == found.problems
    assert found.taps[0].torn.startswith("ends at byte")


def test_what_was_added_after_the_seal_is_told(tmp_path: Path) -> None:
    """Evidence never changes; derived/ may."""
    folder = recorded(tmp_path)
    folder.seal()
    folder.write(names.VERDICT, "{}")
    assert read(folder.path).problems == ()
    folder.write("clients/a/extra", "")
    assert read(folder.path).problems == ("clients/a/extra: added after the recording was sealed",)


def test_a_run_that_was_not_sealed_says_how_far_it_came(tmp_path: Path) -> None:
    """An interrupted recording is kept, read and marked."""
    folder = recorded(tmp_path)
    folder.phase("interrupted")
    assert read(folder.path).problems == ("not sealed: the recording ended in phase interrupted",)


def test_a_killed_clients_torn_line_is_told_and_the_rest_kept(tmp_path: Path) -> None:
    """Killed (137): all whole lines count. Ended by itself: a torn file is damage and does not count."""
    folder = recorded(tmp_path)
    torn = folder.path / names.client("a", names.CLIENT_FRAMES)
    torn.write_text(torn.read_text() + '{"frame":1,')
    put(folder, names.client("a", names.CLIENT_EXIT), {"exit_code": 137, "oom_killed": True})
    folder.seal()
    found = read(folder.path)
    assert found.problems == ("clients/a/frames.jsonl:3: the last line is torn",)
    assert (len(found.clients[0].frames), found.clients[0].oom_killed) == (1, True)
    folder = recorded(tmp_path / "2")
    torn = folder.path / names.client("a", names.CLIENT_FRAMES)
    torn.write_text(torn.read_text() + '{"frame":1,')
    folder.seal()
    assert read(folder.path).clients[0].frames == ()


def test_a_torn_capture_is_told_and_the_rest_kept(tmp_path: Path) -> None:
    """A capture whose writer was killed holds every packet but the last."""
    folder = recorded(tmp_path)
    (folder.path / names.CORE_TAP).write_bytes(CAPTURE + CAPTURE[24:-1])
    folder.seal()
    found = read(folder.path)
    assert found.taps[0].packets.size == 1
    assert len(found.problems) == 1
    assert found.problems[0].startswith("captures/core.pcap: ends at byte")


@pytest.mark.parametrize("words", [None, "no such words\n"])
def test_drops_that_tcpdump_did_not_tell_are_unknown(tmp_path: Path, words: str | None) -> None:
    """Unknown is None, never 0."""
    folder = recorded(tmp_path)
    log = folder.path / names.CORE_TAP.replace(".pcap", ".log")
    log.unlink()
    if words:
        log.write_text(words)
    folder.seal()
    assert read(folder.path).taps[0].dropped is None


def test_a_client_that_nobody_saw_end(tmp_path: Path) -> None:
    """Without exit.json the exit code is unknown; a broken one is named too."""
    folder = recorded(tmp_path)
    (folder.path / names.client("a", names.CLIENT_EXIT)).unlink()
    put(folder, names.client("b", names.CLIENT_EXIT), {"exit_code": "0"})
    folder.seal()
    found = read(folder.path)
    assert [client.exit_code for client in found.clients] == [None, None]
    assert [problem.split(":")[0] for problem in found.problems] == ["clients/a/exit.json", "clients/b/exit.json"]


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """What is not UTF-8 is a broken piece and no traceback."""
    folder = recorded(tmp_path)
    piece = names.client("a", names.CLIENT_EXIT)
    (folder.path / piece).write_bytes(b"{\xd6\xff}\n")
    folder.seal()
    assert any(told.startswith(piece) for told in read(folder.path).broken)


def test_what_did_not_happen_during_the_run_is_another_runs(tmp_path: Path) -> None:
    """The run began when all of that was over: each piece that tells of moments is named, and the recording broken."""
    folder = recorded(tmp_path)
    folder.put(replace(folder.manifest, phases=(replace(BEGUN, t_ns=10**18),)))
    folder.seal()
    told = {words.split(":")[0] for words in read(folder.path).broken}
    timeless = (names.CLIENT_EXIT, names.CLIENT_EVENTS)
    assert told == {name for name in pieces(tmp_path / "names") if not name.endswith(timeless)}


def test_a_link_in_a_sealed_recording_is_told(tmp_path: Path) -> None:
    """It is neither followed nor passed over."""
    folder = recorded(tmp_path)
    folder.seal()
    (folder.path / "link").symlink_to("/etc/hostname")
    (problem,) = read(folder.path).problems
    assert problem.startswith("link: neither a file nor a folder")


@pytest.mark.parametrize("manifest", [None, b"\xff\xfe", b"{}", b"not json"])
def test_a_folder_without_a_manifest_is_no_recording(tmp_path: Path, manifest: bytes | None) -> None:
    """The one thing that cannot be done without."""
    if manifest is not None:
        (tmp_path / names.MANIFEST).write_bytes(manifest)
    with pytest.raises(EvidenceError, match=r"manifest\.json"):
        read(tmp_path)


def test_an_edited_manifest_makes_a_folder_no_recording(tmp_path: Path) -> None:
    """Here it would say that media ended sooner: nothing else in the folder could contradict it."""
    folder = recorded(tmp_path)
    folder.seal()
    manifest = folder.path / names.MANIFEST
    manifest.write_text(manifest.read_text().replace('"enough_ns": null', '"enough_ns": 1'))
    with pytest.raises(EvidenceError, match=r"manifest\.json: its checksum does not fit"):
        read(folder.path)
