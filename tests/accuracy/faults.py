"""The closed list of faults.

Law: a fault's owner, hop and reason are known because it is the one that was put in; how strong it is, is drawn; how
much it cost is measured afterwards. To add one, add an entry to `network_faults`, `program_faults` or
`machine_faults`: name, owner, hop, reasons, what to draw, what to write into the scenario, and the measure (`effects`).
"""

from __future__ import annotations

from tests.accuracy.fault import Fault
from tests.accuracy.machine_faults import MACHINE_FAULTS
from tests.accuracy.network_faults import CONNECT_FAULTS, link_faults
from tests.accuracy.program_faults import PROGRAM_FAULTS

FAULTS: tuple[Fault, ...] = (
    *link_faults("up"),
    *link_faults("down"),
    *CONNECT_FAULTS,
    *PROGRAM_FAULTS,
    *MACHINE_FAULTS,
)


def fault(name: str) -> Fault:
    """Return the fault called `name`; KeyError when there is none."""
    return {each.name: each for each in FAULTS}[name]
