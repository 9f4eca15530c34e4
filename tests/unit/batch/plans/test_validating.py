"""What `lab validate` says about sweeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.plans.validating import validate_all
from lab.errors import ScenarioError

PLAIN = "version: 1\nseed: 3\nmedia: {duration: 10s}\nlinks: {publisher: {up: {loss: 5%}}}\n"


def written(folder: Path, text: str, name: str = "x.yaml") -> Path:
    """Write a scenario file and return its path."""
    (folder / name).write_text(text)
    return folder / name


def test_every_cell_of_a_file_is_checked(tmp_path: Path) -> None:
    """The base may be sound and a cell not; both kinds of complaint name the file, and the sound files are told."""
    good = written(tmp_path, PLAIN + "sweep: {axes: {media.red: [true, false]}, repeat: 2}\n")
    written(tmp_path, PLAIN + "sweep: {axes: {media.frame: [20ms, 25ms]}}\n", "bad.yaml")
    written(tmp_path, PLAIN + "sweep: {axes: {media.frame: [20ms, 20.0ms]}}\n", "twice.yaml")
    lines = []
    with pytest.raises(ScenarioError) as caught:
        lines += validate_all([tmp_path])
    assert "bad.yaml:5: media.frame: 25ms: a multiple of 10ms" in str(caught.value)
    assert "twice.yaml: sweep: media.frame=20ms and media.frame=20.0ms mean the same" in str(caught.value)
    assert list(validate_all([good])) == [f"{good}: ok (x, 10 s, a sweep of 4)"]
