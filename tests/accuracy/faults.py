"""The closed list of faults.

Law: a fault's owner, hop and reason are known because it is the one that was put in; how strong it is, is drawn; how
much it cost is measured afterwards. To add one, add an entry to `network_faults` or `code_faults`: name, owner, hop,
reasons, what to draw, what to write into the scenario, and the measure (`effects`).
"""

from __future__ import annotations

from tests.accuracy.code_faults import CODE_FAULTS
from tests.accuracy.fault import Fault
from tests.accuracy.network_faults import CONNECT_FAULTS, link_faults

FAULTS: tuple[Fault, ...] = (*link_faults("up"), *link_faults("down"), *CONNECT_FAULTS, *CODE_FAULTS)


def fault(name: str) -> Fault:
    """Return the fault called `name`; KeyError when there is none."""
    return {each.name: each for each in FAULTS}[name]
