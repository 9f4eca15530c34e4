"""Where a result is, as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.runs.places import here


def test_a_place_below_the_current_folder_is_told_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be typed; another one is told whole, and what was written relative stays so."""
    monkeypatch.chdir(tmp_path)
    assert here(tmp_path / "results" / "call" / "run") == "results/call/run"
    assert here(tmp_path.parent / "else") == str(tmp_path.parent / "else")
    assert here(Path("../else")) == "../else"


def test_a_current_folder_that_is_gone_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is told whole then."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert here(tmp_path / "results") == str(tmp_path / "results")
