"""Parts of one sweep, put together: everything that is whole comes along, nothing that does not belong does."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders import limit_file, shards
from lab.batch.folders.committed import SweepFolder
from lab.batch.folders.journal import NAME, Journal, Noted
from lab.batch.folders.parcel import PARTIAL
from lab.batch.folders.stored import sweeps
from lab.batch.plans import images
from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.batch.sweeps.selecting import Selection, Shard
from lab.batch.sweeps.sweep import merge
from lab.errors import Interrupted, StorageError, UsageError
from lab.evidence import names
from lab.evidence.manifest import Image, read_manifest
from lab.host import sources
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import FakeRuns, begun, in_order, laid, planned, swept

AXIS = "links.publisher.up.loss=0%,1%,2%,3%,4%"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of ten cells."""
    return planned(tmp_path, AXIS, repeat=2)


def part(plan: Plan, folder: Path, number: int, of: int = 2, ends: dict[str, tuple[str, ...]] | None = None) -> Path:
    """Run one part of the sweep in `folder`, as another machine would: with another id."""
    mine = {cell.id for cell in Selection(shard=Shard(number=number, of=of)).of(plan)}
    laid(replace(plan, sweep=f"made-{number}"), folder)
    swept(folder, in_order(ends), may_begin=lambda cell: cell.id in mine)
    return folder


def merged(tmp_path: Path, *parts: Path) -> SweepFolder:
    """Merge, and read what came of it byte for byte."""
    return SweepFolder(shards.merged(parts, tmp_path / "results").path, every_byte=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below `folder`."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("of", [2, 4])
def test_parts_make_the_whole(tmp_path: Path, plan: Plan, of: int) -> None:
    """Each cell has the very run that its part has; the parts stay as they are."""
    parts = [part(plan, tmp_path / f"part-{number}", number, of) for number in range(1, of + 1)]
    before = [contents(folder) for folder in parts]
    done = merged(tmp_path, *parts)
    assert done.missing() == ()
    assert [contents(folder) for folder in parts] == before
    theirs = {each.cell.id: contents(each.folder) for folder in parts for each in SweepFolder(folder).committed()}
    assert {each.cell.id: contents(each.folder) for each in done.committed()} == theirs
    assert len(theirs) == 10
    assert done.path.parent.name == plan.name


def test_machines_that_built_their_own_images_make_parts_of_one_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other ids, the same recipes: they merge, each run with its own ids. Another Debian below is refused by name."""
    one = planned(tmp_path / "one", AXIS)
    parts = [elsewhere(one, tmp_path / "part-1", 1), elsewhere(planned(tmp_path / "two", AXIS), tmp_path / "part-2", 2)]
    done = merged(tmp_path, *parts)
    assert done.missing() == ()
    ids = {read_manifest(each.folder).images["router"].digest for each in done.committed()}
    assert ids == {"sha256:1", "sha256:2"}
    with monkeypatch.context() as patched:
        patched.setattr(sources, "DEBIAN_PINNED", "debian@sha256:other")
        images._recipes.cache_clear()
        other = planned(tmp_path / "three", AXIS)
    images._recipes.cache_clear()
    pattern = rf"client 1\.2\.1 \(.*router \({other.images['router']}, not {one.images['router']}\), server v1"
    with pytest.raises(UsageError, match=pattern):
        merged(tmp_path, parts[0], elsewhere(other, tmp_path / "part-3", 2))


def elsewhere(plan: Plan, folder: Path, number: int) -> Path:
    """Run one of two parts in `folder` with images whose ids are those of machine `number`."""
    mine = {cell.id for cell in Selection(shard=Shard(number=number, of=2)).of(plan)}
    swept(laid(plan, folder), InOrder(ImagedRuns(f"sha256:{number}")), may_begin=lambda cell: cell.id in mine)
    return folder


class ImagedRuns(FakeRuns):
    """Runs on a router of this id, made of what every router is made of."""

    def __init__(self, digest: str) -> None:
        """Make runs that pass."""
        super().__init__()
        self._digest = digest

    def images(self, cell: Cell) -> dict[str, Image]:
        """Return what stands in the manifest."""
        recipe = images.recipes_for(cell.scenario)["router"]
        return {"router": Image(reference="router", digest=self._digest, recipe=recipe, how="built")}


def test_what_is_missing_stays_missing_and_can_be_gone_on_with(tmp_path: Path, plan: Plan) -> None:
    """Two of four parts: the merged folder is a sweep like any other."""
    done = merged(tmp_path, *(part(plan, tmp_path / f"part-{n}", n, 4) for n in (1, 3)))
    there = {each.cell.id for each in done.committed()}
    assert 0 < len(there) < 10
    whole = swept(done.path, in_order())
    assert whole.missing() == ()
    assert {each.cell for each in begun(whole)[len(there) :]}.isdisjoint(there)


def test_void_attempts_come_along_and_are_counted(tmp_path: Path, plan: Plan) -> None:
    """As attempts of their cell, before the one that counts."""
    first = plan.cells[0]
    done = merged(
        tmp_path,
        part(plan, tmp_path / "one", 1, ends={first.id: ("VOID", "ERROR", "FAIL")}),
        part(plan, tmp_path / "two", 2),
    )
    valid = done.valid(first)
    assert valid is not None
    assert (valid.outcome, valid.attempt, done.tried(first)) == ("FAIL", 3, 3)


def test_a_run_that_is_in_both_is_there_once(tmp_path: Path, plan: Plan) -> None:
    """One part was copied and gone on with: what both have is the same."""
    one = part(plan, tmp_path / "one", 1)
    shutil.copytree(one, tmp_path / "copy")
    swept(tmp_path / "copy", in_order())
    done = merged(tmp_path, one, tmp_path / "copy")
    assert done.missing() == ()
    assert [done.tried(cell) for cell in plan.cells] == [1] * 10


def test_two_different_answers_to_one_cell_are_refused(tmp_path: Path, plan: Plan) -> None:
    """Both are named, and nothing is made."""
    one, two = part(plan, tmp_path / "one", 1), part(plan, tmp_path / "two", 1)
    with pytest.raises(UsageError, match="has two different runs that count") as refused:
        merged(tmp_path, one, two)
    assert all(str(folder) in str(refused.value) for folder in (one, two))
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": {"router": "router:2"}}, "images made of something else: router (router:2, not router:1)"),
        ({"seed": 8}, "another seed"),
        ({"repeat": 3}, "another number of repetitions"),
        ({"axes": (), "seed": 8}, "another seed and other axes"),
        ({}, "another scenario"),
    ],
)
def test_a_part_of_another_sweep_is_refused(tmp_path: Path, plan: Plan, changes: dict[str, object], words: str) -> None:
    """It says in what the plans differ."""
    plan = replace(plan, images={"router": "router:1"})
    other = replace(plan, cells=plan.cells[:-1], **changes)  # type: ignore[arg-type]
    with pytest.raises(UsageError) as refused:
        merged(tmp_path, laid(plan, tmp_path / "one"), laid(other, tmp_path / "two"))
    assert f"is no part of the same sweep as {tmp_path / 'one'}: {words}" in str(refused.value)


def test_what_is_no_sweep_one_folder_and_a_search_are_refused(tmp_path: Path, plan: Plan) -> None:
    """Each with its reason."""
    one, two = laid(plan, tmp_path / "one"), laid(plan, tmp_path / "two")
    with pytest.raises(UsageError, match="no sweep"):
        merged(tmp_path, one, tmp_path)
    with pytest.raises(UsageError, match="two folders or more"):
        merged(tmp_path, one, one / ".." / "one")
    limit_file.mark(two, "links.publisher.up.loss")
    with pytest.raises(UsageError, match="a search for a limit has no parts"):
        merged(tmp_path, one, two)


def test_a_damaged_run_is_left_out_and_named(tmp_path: Path, plan: Plan) -> None:
    """Its cell is missing, the others are there; the user hears why, and the journal keeps it."""
    one, two = part(plan, tmp_path / "one", 1), part(plan, tmp_path / "two", 2)
    harmed = SweepFolder(one).committed()[0]
    log = harmed.folder / names.SERVER_LOG
    log.write_bytes(bytes([log.read_bytes()[0] ^ 1]) + log.read_bytes()[1:])
    told: list[str] = []
    done = SweepFolder(shards.merged((one, two), tmp_path / "results", told.append).path, every_byte=True)
    assert [cell.id for cell in done.missing()] == [harmed.cell.id]
    assert told == [f"left out: {log}: not what was recorded"]
    assert any(told == [line.event.words] for line in done.lines if isinstance(line.event, Noted))


def test_a_damaged_copy_of_a_run_does_not_hide_the_whole_one(tmp_path: Path, plan: Plan) -> None:
    """Whichever is named first."""
    one = part(plan, tmp_path / "one", 1)
    shutil.copytree(one, tmp_path / "copy")
    (SweepFolder(one).committed()[0].folder / names.SERVER_LOG).unlink()
    for order in ([one, tmp_path / "copy"], [tmp_path / "copy", one]):
        assert len(merged(tmp_path, *order).committed()) == 5


def test_a_full_disk_leaves_no_half_of_a_sweep(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are still there; the new folder is not."""
    parts = [part(plan, tmp_path / f"part-{number}", number) for number in (1, 2)]
    write, written = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="free some space"):
        merged(tmp_path, *parts)
    assert len(written) == 12
    assert list((tmp_path / "results" / plan.name).iterdir()) == []


def test_a_part_that_is_being_run_is_said_to_go_on(tmp_path: Path, plan: Plan) -> None:
    """What it finishes from now on is in no merge; with its lock let go nothing is said."""
    parts, said = [part(plan, tmp_path / f"part-{number}", number) for number in (1, 2)], list[str]()
    with Journal(parts[0]):
        made = shards.merged(parts, tmp_path / "results", said.append)
    assert said == [f"{parts[0]} is being run: what it finishes from now on stays there"]
    assert said[0] in [line.event.words for line in made.lines if isinstance(line.event, Noted)]
    shards.merged(parts, tmp_path / "results", said.append)
    assert len(said) == 1


@pytest.mark.parametrize("lines", [1, 2])
def test_a_whole_run_that_a_part_never_told_of_is_said_to_be_left_out(tmp_path: Path, plan: Plan, lines: int) -> None:
    """The part was killed before it could, or has lost the lines: what takes the run in is said, and does."""
    one, two = part(plan, tmp_path / "one", 1), part(plan, tmp_path / "two", 2)
    last = begun(SweepFolder(one))[-1]
    journal = (one / NAME).read_bytes().splitlines(keepends=True)
    at = next(place for place, line in enumerate(journal) if b'"ended"' in line and last.run.encode() in line)
    (one / NAME).write_bytes(b"".join([*journal[: at + 1 - lines], *journal[at + 1 :]]))
    told: list[str] = []
    done = shards.merged((one, two), tmp_path / "results", told.append)
    run = SweepFolder(one).run(last.cell, last.run)
    assert told == [
        f"left out: {run}: it is whole, and its part never told of it (lab sweep --resume {one} takes it in first)"
    ]
    assert [cell.id for cell in done.missing()] == [last.cell]
    swept(one, in_order(), may_begin=lambda _: False)
    assert merged(tmp_path, one, two).missing() == ()


def test_what_is_being_merged_is_no_sweep_yet(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kills a merge leaves nothing that is taken for a sweep."""
    parts = [part(plan, tmp_path / f"part-{number}", number) for number in (1, 2)]
    copy, seen = shards._copy, list[list[Path]]()

    def looking(attempt: shards._Attempt, target: Path) -> None:
        copy(attempt, target)
        assert list((tmp_path / "results" / plan.name).iterdir())
        seen.append(sweeps(tmp_path / "results"))

    monkeypatch.setattr(shards, "_copy", looking)
    done = merged(tmp_path, *parts)
    assert seen == [[]] * 10
    assert sweeps(tmp_path / "results") == [done.path]
    assert list(done.path.parent.iterdir()) == [done.path]


def test_a_signal_ends_a_merge_and_leaves_nothing(tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM as Ctrl-C, with the exit code of the signal."""
    parts = [part(plan, tmp_path / f"part-{number}", number) for number in (1, 2)]
    monkeypatch.setattr(shards, "_copy", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted) as ended:
        merge(parts, tmp_path / "results", lambda _: True)
    assert ended.value.exit_code == 128 + signal.SIGTERM
    assert list((tmp_path / "results" / plan.name).iterdir()) == []


def test_what_a_killed_merge_left_is_removed_by_the_next_one_and_a_living_ones_is_not(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any scenario in the same results; each is named. Two merges at a time both come to an end."""
    parts, told = [part(plan, tmp_path / f"part-{number}", number) for number in (1, 2)], list[str]()
    left = tmp_path / "results" / "other" / f"{PARTIAL}20260101-000000-abcd-1234"
    (left / "cells").mkdir(parents=True)
    copy = shards._copy

    def meanwhile(*_: object) -> None:
        monkeypatch.setattr(shards, "_copy", copy)
        shards.merged(parts, tmp_path / "results", told.append)

    monkeypatch.setattr(shards, "_copy", lambda *what: (meanwhile(), copy(*what)))
    done = merged(tmp_path, *parts)
    assert (left.exists(), done.missing()) == (False, ())
    assert told == []  # the first one had removed it; the second left the first alone
    left.mkdir()
    shards.merged(parts, tmp_path / "results", told.append)
    assert told == [f"removed {left}, which a merge left that was killed"]
    assert len(sweeps(tmp_path / "results")) == 3
    assert list((tmp_path / "results").glob(f"*/{PARTIAL}*")) == []
