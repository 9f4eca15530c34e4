"""What several commands read in the same way from their words."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli.options import files_and_axes, zipped


def test_words_with_an_equals_sign_are_axes_unless_they_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order; a file may be called a=b.yaml, and one that is not there is still a file."""
    monkeypatch.chdir(tmp_path)
    Path("a=b.yaml").touch()
    files, axes = files_and_axes(["media.red=true", "a=b.yaml", "gone.yaml", "c=d.yaml"])
    assert files == (Path("a=b.yaml"), Path("gone.yaml"))
    assert axes == ("media.red=true", "c=d.yaml")


def test_keys_to_zip_are_told_apart_by_commas() -> None:
    """With or without a space; without --zip there are none."""
    assert zipped(["a, b", "c"]) == (("a", "b"), ("c",))
    assert zipped(None) == ()
