"""Twenty runs of the proof (`make accuracy QUICK=1`): nobody is blamed who is not the one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.accuracy.__main__ import main

pytestmark = pytest.mark.e2e


def test_nobody_is_blamed_who_is_not_the_one(tmp_path: Path) -> None:
    """Faults of the network, of the code, both and none, and sabotages of the lab itself; then judged blindfolded."""
    where = ["--quick", "-o", str(tmp_path)]
    assert main(["run", *where]) == 0
    assert main(["blind", *where]) == 0
