"""A sweep's folder before its first run: whole on disk, and gone on with only as it was planned."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.batch.folders.journal import Journal, Opened
from lab.batch.folders.opening import check_images, created, found, images_for
from lab.batch.plans.cells import Plan, plan
from lab.batch.plans.images import needed_images
from lab.errors import EnvironmentFault, EvidenceError, StorageError, UsageError
from lab.scenario.model import Scenario
from tests.fakes.sweeps import BASE, laid, planned


def digests(scenario: Scenario) -> Mapping[str, str]:
    """Return made-up images."""
    return {name: f"sha256:{name}" for name in needed_images(scenario)}


def test_plan_and_sounds_are_there_and_cells_find_them(tmp_path: Path) -> None:
    """A sweep that plays a file can go on although that file is gone."""
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 48_000)
    (tmp_path / "base.yaml").write_text(f"{BASE}media: {{audio: voice.wav}}\n")
    made = created(plan(tmp_path / "base.yaml", axes=("media.red=true,false",)), tmp_path / "results")
    (tmp_path / "voice.wav").unlink()
    sound = found(made.path).plan.cells[0].scenario.media.audio
    assert sound is not None
    assert sound.path is not None
    assert sound.path.parent.parent == made.path
    assert sound.path.stat().st_size > 96_000


def test_a_folder_is_named_by_scenario_and_sweep_and_never_taken_twice(tmp_path: Path) -> None:
    """`results/<scenario>/<sweep id>`."""
    asked = planned(tmp_path)
    made = created(asked, tmp_path / "results")
    assert made.path == tmp_path / "results" / "base" / asked.sweep
    assert made.plan.cells == asked.cells
    with pytest.raises(StorageError, match="File exists"):
        created(asked, tmp_path / "results")


def test_each_image_is_made_sure_of_once(tmp_path: Path) -> None:
    """Two versions over six cells: two questions."""
    (tmp_path / "base.yaml").write_text(BASE)
    axes = ("server.version=v1.13.5,v1.13.4", "links.publisher.up.loss=0%,1%,2%")
    asked: list[str] = []

    def images_of(scenario: Scenario) -> Mapping[str, str]:
        asked.append(scenario.server.version)
        return digests(scenario)

    images = images_for(plan(tmp_path / "base.yaml", axes=axes).cells, images_of)
    assert sorted(asked) == ["v1.13.4", "v1.13.5"]
    assert {"router", "server v1.13.4", "server v1.13.5"} < images.keys()


def imaged(tmp_path: Path) -> Plan:
    """Return a plan that names its images."""
    (tmp_path / "base.yaml").write_text(BASE)
    draft = plan(tmp_path / "base.yaml", axes=("media.red=true,false",))
    return plan(tmp_path / "base.yaml", axes=("media.red=true,false",), images=digests(draft.cells[0].scenario))


def test_another_image_than_planned_is_named_and_refused(tmp_path: Path) -> None:
    """Half a sweep on one build and half on another is no sweep."""
    folder = created(imaged(tmp_path), tmp_path / "results")
    now = dict(folder.plan.images)
    check_images(folder, now)
    with pytest.raises(EnvironmentFault, match="another image for router than this machine has now"):
        check_images(folder, {**now, "router": "sha256:new"})


def test_the_images_make_the_cells(tmp_path: Path) -> None:
    """Other images, other ids."""
    draft = planned(tmp_path)
    assert not {cell.id for cell in draft.cells} & {cell.id for cell in imaged(tmp_path).cells}


def test_a_journal_of_another_plan_is_refused(tmp_path: Path) -> None:
    """Somebody copied plan.json."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    with Journal(folder) as journal:
        journal.append(Opened(plan="other", lab="0", pid=1))
    with pytest.raises(EvidenceError, match="another plan"):
        found(folder)


def test_a_run_is_no_sweep(tmp_path: Path) -> None:
    """Bad usage."""
    with pytest.raises(UsageError, match="no sweep"):
        found(tmp_path)
