"""What a folder of scenarios is taken for: all of it, or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.scenario.folder import scenarios


def made(folder: Path, *names: str) -> Path:
    """Make empty files below `folder`, and return it."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_linked_folder_is_that_folder(tmp_path: Path) -> None:
    """Each place is looked into once: a link may lead up, and a second one to where the first led."""
    folder, aside = made(tmp_path / "mine", "b.yaml", "a/c.yaml", "notes.txt"), made(tmp_path / "aside", "d.yaml")
    for name, target in (("link", aside), ("link2", aside), ("a/round", folder)):
        (folder / name).symlink_to(target)
    assert scenarios(folder) == [folder / "a/c.yaml", folder / "b.yaml", folder / "link/d.yaml"]


def test_what_would_be_left_out_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another ending, a FIFO and a folder that nobody may read, a line each; none of them is waited for."""
    folder = made(tmp_path, "good.yaml", "other.yml", "LOUD.YAML", "locked/x.yaml", ".github/ci.yaml", "compose.yml")
    for name in ("other.yml", "LOUD.YAML"):
        (folder / name).write_text("# mine\nversion: 1\nlinks: {publisher: {}}\n")
    os.mkfifo(folder / "pipe.yaml")
    look = os.scandir

    def scandir(place: str) -> object:
        if Path(place).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", place)
        return look(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(UsageError) as caught:
        scenarios(folder)
    assert str(caught.value).splitlines() == [
        f"{folder}/LOUD.YAML: scenario files end in .yaml; rename it",
        f"{folder}/locked: cannot be read (Permission denied); check the path",
        f"{folder}/other.yml: scenario files end in .yaml; rename it",
        f"{folder}/pipe.yaml: is no file; take it away",
    ]
