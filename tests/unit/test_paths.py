"""What there is at a path: no error, and nothing of the user's is overlooked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.paths import is_there


def test_where_nobody_may_look_something_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped scenario of the same name would else be run in place of the user's own."""

    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    assert not is_there(tmp_path / "clean.yaml")
    assert not is_there(tmp_path / ("x" * 300))
    monkeypatch.setattr(Path, "stat", refused)
    assert is_there(tmp_path / "clean.yaml")
