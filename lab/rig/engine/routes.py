"""Address blocks that this machine already reaches some other way; Docker looks only at its own networks."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

_TABLE = Path("/proc/net/route")


def overlapping(subnet: str, table: str | None = None) -> str | None:
    """Return the first route of the kernel's `table` (`/proc/net/route`) that overlaps `subnet`, None when none does.

    A default route overlaps nothing. Raises ValueError for a subnet or a table that is not one.
    """
    wanted = IPv4Network(subnet)
    for line in (_TABLE.read_text() if table is None else table).splitlines()[1:]:
        columns = line.split()
        route = IPv4Network((_address(columns[1]), str(_address(columns[7]))))
        if route.prefixlen > 0 and route.overlaps(wanted):
            return str(route)
    return None


def _address(column: str) -> IPv4Address:
    """Return the address that the kernel prints as a hexadecimal number in the machine's byte order."""
    return IPv4Address(struct.pack("=L", int(column, 16)))
