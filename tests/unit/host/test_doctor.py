"""What the doctor says of a machine, of figures that are given."""

from __future__ import annotations

import pytest

from lab.clients.pacer import CpuTimes
from lab.host.doctor import stolen


@pytest.mark.parametrize(("taken", "state", "said"), [(0, "ok", "0%"), (99, "ok", "10%"), (280, "warn", "28%")])
def test_a_hypervisor_that_takes_the_cpu_is_warned_of(taken: int, state: str, said: str) -> None:
    """More than a tenth, as the gate has it: the runs that follow may well be void."""
    before = CpuTimes(total=5_000, idle=4_000, steal=70, nice=0)
    found = stolen(before, CpuTimes(total=6_000, idle=4_500, steal=70 + taken, nice=0))
    assert (found.state, found.what) == (state, f"hypervisor: it took {said} of the CPU meanwhile")
    assert ("void" in found.fix) == (state == "warn")
