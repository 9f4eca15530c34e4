"""The run folder's one writer: whole files, phases, a seal, and errors that say what to do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault, EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.manifest import (
    FileFact,
    Image,
    Manifest,
    Marks,
    Netem,
    Phase,
    Place,
    ServerPlace,
    load,
)
from lab.evidence.store import RunFolder, evidence_files, token
from lab.scenario.model import Media, Scenario, Server

NOW_NS = 1_795_363_200_000_000_000  # 2026-11-22 16:00:00 UTC
SCENARIO = Scenario(
    version=1,
    name="clean",
    description="",
    seed=7,
    media=Media(),
    clients=(),
    links=(),
    timeline=(),
    impair_only="all",
    impair="after_join",
    server=Server(),
    inject=(),
    expect=(),
)
FULL = Manifest(
    run="20261122-160000-7f3a",
    scenario="clean",
    seed=7,
    phases=(Phase(name="started", t_ns=1), Phase(name="joined", t_ns=2, facts={"ready": True})),
    versions={"livekit-server": "v1.13.5"},
    images={"client": Image(reference="lab/client", digest="sha256:00", how="built")},
    netem=Netem(driver="vm", seeded=True, kernel="6.12", iproute2="6.15", qemu="10"),
    clients=(Place(name="a", role="both", ip="198.18.0.10", linked=True),),
    server=ServerPlace(ip="198.18.0.11", port=7882),
    marks=Marks(go_ns=3),
    host={"cpus": 2},
    files={"scenario.yaml": FileFact(bytes=1, sha256="00")},
)

CLIENT = {"name": "a", "role": "both", "ip": "198.18.0.10", "linked": True}
SEALED = {"bytes": 1, "sha256": "00"}


def created(results: Path, *tokens: str) -> RunFolder:
    """Return a new run folder at a fixed time, with the given random parts."""
    left = iter(tokens or ("7f3a",))
    return RunFolder.create(
        results,
        SCENARIO,
        as_written="name: clean\n",
        resolved="all\n",
        clock=lambda: NOW_NS,
        entropy=lambda: next(left),
    )


def test_a_run_that_was_moved_away_is_not_made_again(tmp_path: Path) -> None:
    """A sweep's folder that somebody moved while a run was made: StorageError, and nothing where it was."""
    (tmp_path / "sweep" / "cells").mkdir(parents=True)
    run = tmp_path / "sweep" / "cells" / "cell" / "run"
    folder = RunFolder.at(run, SCENARIO, as_written="", resolved="")
    (tmp_path / "sweep").rename(tmp_path / "elsewhere")
    for late in (
        lambda: folder.write("clients/a/log", ""),
        lambda: folder.append("clients/a/lines", ""),
        lambda: RunFolder.at(run, SCENARIO, as_written="", resolved=""),
    ):
        with pytest.raises(StorageError, match="No such file"):
            late()
    assert not (tmp_path / "sweep").exists()


def test_a_new_run_has_its_name_and_its_first_words(tmp_path: Path) -> None:
    """`<scenario>/<UTC time>-<4 random>/` with both scenarios and a manifest, before anything is started."""
    folder = created(tmp_path)
    assert folder.path == tmp_path / "clean" / "20261122-160000-7f3a"
    assert (folder.path / names.AS_WRITTEN).read_text() == "name: clean\n"
    assert (folder.path / names.RESOLVED).read_text() == "all\n"
    manifest = load((folder.path / names.MANIFEST).read_text(), "m")
    assert (manifest.run, manifest.seed, manifest.phase) == ("20261122-160000-7f3a", 7, "started")


def test_two_runs_of_one_second_do_not_meet(tmp_path: Path) -> None:
    """A name that is taken is never used; when every try is taken, that is an error."""
    created(tmp_path, "aaaa")
    assert created(tmp_path, "aaaa", "bbbb").path.name.endswith("bbbb")
    with pytest.raises(StorageError, match="16 names for a run were taken"):
        created(tmp_path, *["aaaa"] * 16)


def test_tokens_are_four_hexadecimal_digits() -> None:
    """Short enough to type, and not the same each time."""
    drawn = {token() for _ in range(50)}
    assert len(drawn) > 1
    assert all(len(each) == 4 and int(each, 16) >= 0 for each in drawn)


def test_phases_and_marks_are_on_disk_at_once(tmp_path: Path) -> None:
    """A kill after any phase leaves a manifest that says how far the run came."""
    folder = created(tmp_path)
    folder.phase("joined", ready=True)
    folder.mark("go_ns", 42)
    found = load((folder.path / names.MANIFEST).read_text(), "m")
    assert found == folder.manifest
    assert (found.phase, found.phases[-1].facts, found.marks.go_ns) == ("joined", {"ready": True}, 42)
    with pytest.raises(TypeError, match="lunch_ns"):
        folder.mark("lunch_ns", 1)


def test_growing_files_gain_whole_lines(tmp_path: Path) -> None:
    """Lines are appended in order; one with a line break in it is refused."""
    folder = created(tmp_path)
    folder.append(names.STEPS, "1")
    folder.append(names.STEPS, "2")
    assert (folder.path / names.STEPS).read_text() == "1\n2\n"
    with pytest.raises(ValueError, match="line break"):
        folder.append(names.STEPS, "1\n2")


def test_the_seal_names_every_piece_but_what_can_be_made_again(tmp_path: Path) -> None:
    """Sizes and sha256 of all evidence; `derived/` and the manifest itself are left out."""
    folder = created(tmp_path)
    folder.write(names.SERVER_LOG, "abc")
    folder.write(names.VERDICT, "{}")
    folder.seal()
    sealed = load((folder.path / names.MANIFEST).read_text(), "m")
    assert sorted(sealed.files) == [names.AS_WRITTEN, names.RESOLVED, names.SERVER_LOG]
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert sealed.files[names.SERVER_LOG] == FileFact(bytes=3, sha256=digest)
    assert (sealed.phase, sealed.marks.end_ns) == ("sealed", NOW_NS)


def test_a_link_left_by_a_client_is_not_followed(tmp_path: Path) -> None:
    """A program in a container may leave anything; sealing must not read what is outside the run, nor blame a disk."""
    folder = created(tmp_path)
    (folder.path / "link").symlink_to("/etc/hostname")
    with pytest.raises(EnvironmentFault, match=r"neither a file nor a folder \(a client left it there"):
        folder.seal()
    assert load((folder.path / names.MANIFEST).read_text(), "m").phase == "started"
    (folder.path / "link").unlink()
    os.mkfifo(folder.path / "pipe")
    with pytest.raises(EvidenceError, match="pipe"):
        evidence_files(folder.path)


def test_results_that_cannot_be_made(tmp_path: Path) -> None:
    """A file where the results folder should be is a StorageError, with the way out."""
    (tmp_path / "results").write_text("")
    with pytest.raises(StorageError, match="choose another folder with -o"):
        created(tmp_path / "results")


def test_a_full_manifest_survives_its_file() -> None:
    """Every field comes back as it was."""
    assert load(FULL.dump(), "m") == FULL


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "m: format 2 needs a newer lab"),
        ({"format": "1"}, "no format number"),
        ({"phase": "sealed"}, "m: phase 'sealed' contradicts"),
        ({"phases": []}, "m: phase 'joined' contradicts"),
        ({"seed": "7"}, "m: seed"),
        ({"netem": {"driver": "magic"}}, "m: netem: missing"),
        ({"verdict": 1}, r"unknown \['verdict'\]"),
        ({"server": {"ip": "198.19.20.738", "port": 1}}, "m: '198.19.20.738' is no IPv4 address"),
        ({"clients": [CLIENT | {"ip": "::1"}]}, "m: '::1' is no IPv4 address"),
        ({"clients": [CLIENT | {"name": "a\0b"}]}, r"m: 'a\\x00b' is no name of a client"),
        ({"clients": [CLIENT | {"name": "a/b"}]}, "m: 'a/b' is no name of a client"),
        ({"clients": [CLIENT | {"name": ".."}]}, "m: '..' is no name of a client"),
        ({"files": {"server/\0": SEALED}}, r"m: 'server/\\x00' is no name for a piece of a run"),
        ({"files": {"/etc/hostname": SEALED}}, "m: '/etc/hostname' is no name for a piece of a run"),
        ({"files": {"captures/../../x": SEALED}}, "m: 'captures/../../x' is no name for a piece of a run"),
        ({"files": {"\ud800": SEALED}}, r"m: '\\ud800' is no name for a piece of a run"),
    ],
)
def test_foreign_manifests_are_refused(change: dict[str, object], words: str) -> None:
    """A newer format, another tool's file, one that was edited before there were checksums."""
    with pytest.raises(EvidenceError, match=words):
        load(json.dumps(_unchecked() | change), "m")


def _unchecked() -> dict[str, object]:
    """Return the full manifest as one of before there were checksums."""
    return {key: value for key, value in json.loads(FULL.dump()).items() if key != "checksum"}


def test_a_manifest_of_before_there_were_checksums_is_read() -> None:
    """As it is, and however it is laid out."""
    assert load(json.dumps(_unchecked()), "m") == FULL


@pytest.mark.parametrize(
    "change",
    [
        {"run": "20261122-160000-7f3b"},
        {"seed": 8},
        {"versions": {}},
        {"marks": {"go_ns": 3, "enough_ns": 4}},
        {"clients": [*json.loads(FULL.dump())["clients"]] * 2},
        {"files": {}},
        {"checksum": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edited_manifest_is_refused_with_the_way_out(change: dict[str, object]) -> None:
    """Every word of it decides something: when media ended, who was there, what was sealed."""
    with pytest.raises(EvidenceError, match=r"^m: its checksum does not fit \(.*put a copy back, or record again\)$"):
        load(json.dumps(json.loads(FULL.dump()) | change), "m")


def test_what_is_left_out_or_spelled_otherwise_in_the_file_has_a_checksum_that_fits(tmp_path: Path) -> None:
    """A secret that a client said last, numbers as keys, and what is not ASCII."""
    folder = created(tmp_path)
    folder.phase("failed", why="lab-secret-1 \N{EN DASH} eyJh.eyJp.x", counts={10: 1, 9: 2.5})
    found = load((folder.path / names.MANIFEST).read_text(), "m")
    assert found.phases[-1].facts == {"why": "(secret) \N{EN DASH} (token)", "counts": {"10": 1, "9": 2.5}}


def test_a_piece_whose_name_is_no_utf8_is_a_piece(tmp_path: Path) -> None:
    """A client may call its file so; the seal names it as Python does, and it is found again."""
    folder = created(tmp_path)
    Path(os.fsdecode(os.fsencode(folder.path) + b"/\xff")).write_bytes(b"x")
    folder.seal()
    assert load((folder.path / names.MANIFEST).read_text(), "m").files["\udcff"].bytes == 1


def test_put_replaces_the_manifest(tmp_path: Path) -> None:
    """What is learned later joins what was known."""
    folder = created(tmp_path)
    folder.put(replace(folder.manifest, netem=FULL.netem))
    assert load((folder.path / names.MANIFEST).read_text(), "m").netem == FULL.netem
