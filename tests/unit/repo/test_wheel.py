"""The wheel is complete: scenarios and Dockerfiles travel inside, and `lab plan` works in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release would, without fetching anything."""
    out = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(argv, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_a_plan_from_the_wheel_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Installed by itself, the product finds its own gallery; the checkout is not there to help."""
    place, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lab", "plan", "scenarios/congested.yaml"],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tc qdisc change dev up0" in done.stdout
    assert str(ROOT) not in done.stdout
    assert list(empty.iterdir()) == []


def test_everything_that_is_needed_travels_in_the_wheel(wheel: Path) -> None:
    """Dockerfiles, compose.yaml, the gallery, the files about names; and nothing of the tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = [*(ROOT / "compose").rglob("*"), *(ROOT / "scenarios").rglob("*.yaml")]
    wanted = {f"lab/_share/{path.relative_to(ROOT)}" for path in shipped if path.is_file() and path.name != ".env"}
    assert wanted <= names
    assert {"lab/rig/engine/no-resolver.conf", "lab/rig/engine/hosts"} <= names
    assert not any(name.startswith("tests/") for name in names)
