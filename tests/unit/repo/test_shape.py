"""What linters cannot say about the shape of the code."""

from __future__ import annotations

import tomllib
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


def test_no_test_is_left_out() -> None:
    """The folders that `pytest` runs, the fast ones first, are all that hold tests."""
    run = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    holding = {path.relative_to(ROOT).parts[:2] for path in (ROOT / "tests").rglob("test_*.py")}
    assert {tuple(folder.split("/")) for folder in run} == holding
