"""The doctor on this very machine: it measures its own lab, and finds what was asked for."""

from __future__ import annotations

import pytest

from lab.host import doctor

pytestmark = pytest.mark.e2e


def test_the_doctor_measures_path_delay_and_loss_through_a_lab_of_its_own() -> None:
    """Three accounts of the loss: asked, missing at the far end, dropped by the kernel's own count."""
    found = [*doctor.examine()]
    assert [each for each in found if each.failed] == []
    subjects = [each.what.partition(":")[0] for each in found]
    assert subjects[-4:] == ["path", "delay", "loss", "hypervisor"]
