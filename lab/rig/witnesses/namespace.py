"""The IP and UDP counters of one network namespace: what its kernel did to packets before a program read them.

Law: `/proc/<pid>/net/snmp` of any process inside shows the whole namespace (RFC 1213, 2013 and 4293; Linux
net/ipv4/proc.c), read on the machine without entering it. A packet passes these points on its way in:

    device → IP InReceives → netfilter PREROUTING, INPUT → IP InDelivers → UDP socket's buffer → the program

* received, not delivered: a packet filter dropped it (iptables, nftables; net/ipv4/ip_input.c counts InDelivers behind
  the INPUT hook), unless InDiscards or the header and address errors say otherwise;
* on its way out, requested and not transmitted: dropped by OUTPUT or POSTROUTING (`OutTransmits` is of Linux 6.5);
* `RcvbufErrors`: delivered, but the socket's receive buffer was full (the program read too slowly, or SO_RCVBUF is
  small); `InCsumErrors`: the checksum was wrong; `NoPorts`: nobody listened. All but NoPorts are in `InErrors`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from lab.evidence.accounts import NetworkSecond


class Namespace:
    """The network namespace of a process; `read` reads its counters."""

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        """Take the process `pid`. Raises FileNotFoundError when there is none."""
        self._snmp = proc / str(pid) / "net" / "snmp"
        self._snmp.stat()

    def read(self) -> NetworkSecond:
        """Return the totals now. Raises OSError when the process has ended."""
        return parse(self._snmp.read_bytes().decode("ascii"), time.time_ns())


def parse(text: str, t_ns: int) -> NetworkSecond:
    """Read the text of `/proc/net/snmp`: pairs of lines, names and then numbers. OSError when counters are missing."""
    ip, udp = _table(text, "Ip:"), _table(text, "Udp:")
    try:
        return NetworkSecond(
            t_ns=t_ns,
            ip_in_receives=ip["InReceives"],
            ip_in_delivers=ip["InDelivers"],
            ip_in_discards=ip["InDiscards"],
            ip_in_errors=ip["InHdrErrors"] + ip["InAddrErrors"],
            udp_in_datagrams=udp["InDatagrams"],
            udp_in_errors=udp["InErrors"],
            udp_rcvbuf_errors=udp["RcvbufErrors"],
            udp_in_csum_errors=udp["InCsumErrors"],
            udp_no_ports=udp["NoPorts"],
            udp_out_datagrams=udp["OutDatagrams"],
            udp_sndbuf_errors=udp["SndbufErrors"],
            ip_out_requests=ip["OutRequests"],
            ip_out_transmits=ip.get("OutTransmits"),
        )
    except KeyError as missing:
        raise OSError(f"/proc/net/snmp of this kernel has no {missing}") from missing


def _table(text: str, protocol: str) -> Mapping[str, int]:
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith(protocol)]
    return dict(zip(lines[0], map(int, lines[1]), strict=True)) if len(lines) == 2 else {}
