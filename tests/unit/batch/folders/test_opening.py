"""A sweep's folder before its first run: whole on disk, and gone on with only as it was planned."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import pytest

from lab.batch.folders.journal import Journal, Opened
from lab.batch.folders.opening import check_images, created, found
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.errors import EnvironmentFault, EvidenceError, StorageError, UsageError
from tests.fakes.sweeps import BASE, laid, planned


def test_plan_and_sounds_are_there_and_cells_find_them(tmp_path: Path) -> None:
    """A sweep that plays a file can go on although that file is gone."""
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 48_000)
    (tmp_path / "base.yaml").write_text(f"{BASE}media: {{audio: voice.wav}}\n")
    made = created(plan(tmp_path / "base.yaml", SweepAsked(axes=("media.red=true,false",))), tmp_path / "results")
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


def test_who_has_the_recipes_goes_on_and_who_has_another_is_refused(tmp_path: Path) -> None:
    """Half a sweep on one build and half on another is no sweep: the image is named, with both recipes."""
    asked = planned(tmp_path)
    check_images(created(asked, tmp_path / "results"))
    other = replace(asked, sweep="other", images={**asked.images, "router": "router:old"})
    with pytest.raises(EnvironmentFault, match=rf"else: router \({asked.images['router']}, not router:old\)"):
        check_images(created(other, tmp_path / "results"))


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
