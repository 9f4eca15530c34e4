"""What linters cannot say about the shape of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIMITS = {"lab": 250, "tests": 400}


@pytest.mark.parametrize("folder", LIMITS)
def test_modules_stay_short(folder: str) -> None:
    """A module is about 250 lines at most, a test file 400; what is longer is two things."""
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert {str(path): n for path, n in lengths.items() if n > LIMITS[folder]} == {}


def test_no_name_that_means_nothing() -> None:
    """`utils`, `helpers` and `manager` say nothing about what a module is for."""
    empty = {"utils", "helpers", "manager", "common", "misc"}
    assert [path for path in (ROOT / "lab").rglob("*.py") if path.stem in empty] == []
