"""The sampling thread: containers come and go, and the totals are those of the whole run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import StorageError
from lab.evidence.accounts import CgroupSecond
from lab.evidence.host import read_cgroup
from lab.evidence.store import RunFolder
from lab.rig.witnesses.namespace import parse
from lab.rig.witnesses.sampling import Account, Reader, Sampler
from tests.unit.rig.labs import run_folder
from tests.unit.rig.layout.test_topology import scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, ())
TARGET = "host/cgroup-a.jsonl"
SNMP = """\
Ip: Forwarding InReceives InHdrErrors InAddrErrors InDiscards InDelivers OutRequests
Ip: 1 90 2 3 4 71 44
Icmp: InMsgs
Icmp: 8
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti
Udp: 50 5 12 40 9 1 3 0
UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
UdpLite: 0 0 0 0 0 0 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Give a run folder."""
    return run_folder(tmp_path, PLAIN)


class Waits:
    """Stands for the run's end: before each wait it does something, and it is over after the last."""

    def __init__(self, *doing: object) -> None:
        self._doing = iter(doing)

    def wait(self, _: float) -> bool:
        """Do the next thing; say whether the run is over."""
        step = next(self._doing, None)
        if callable(step):
            step()
        return step is None


def looks(cpu_ns: Iterator[int]) -> Reader:
    """Return a reader of these totals, whose container is gone after the last."""

    def read() -> CgroupSecond:
        used = next(cpu_ns, None)
        if used is None:
            raise FileNotFoundError("cpu.stat")
        return CgroupSecond(t_ns=used, cpu_ns=used, throttled_ns=0, throttled_periods=0, memory_bytes=0, oom_kills=0)

    return read


def account(*cpu_ns: int, target: str = TARGET) -> Account:
    """Return an account of these totals."""
    reader = looks(iter(cpu_ns))
    return Account(target=target, open=lambda: reader)


def ran(sampler: Sampler, *doing: object) -> None:
    """Run `sampler` for one period per step of `doing`, and one more."""
    sampler.run(Waits(*doing))  # type: ignore[arg-type]


def test_totals_are_read_first_and_last(folder: RunFolder) -> None:
    """A sample at once, one a period, and one when the run is over."""
    sampler = Sampler(folder)
    sampler.watch(account(1, 2, 3, 4))
    ran(sampler, "period", "period")
    assert [each.cpu_ns for each in read_cgroup(folder.path / TARGET)] == [1, 2, 3, 4]


def test_containers_come_and_go(folder: RunFolder) -> None:
    """What was started later is read from then on; what ended leaves what it left, and no complaint."""
    sampler = Sampler(folder)
    sampler.watch(account(1, 2))
    ran(sampler, "period", lambda: sampler.watch(account(7, 8, 9, target="host/cgroup-b.jsonl")), "period")
    assert [each.cpu_ns for each in read_cgroup(folder.path / TARGET)] == [1, 2]
    assert [each.cpu_ns for each in read_cgroup(folder.path / "host/cgroup-b.jsonl")] == [7, 8, 9]
    assert not list(folder.path.glob("host/*.log"))


def test_what_could_never_be_read_says_why(folder: RunFolder) -> None:
    """A dead server, or one behind another machine's engine, has no accounts here: no evidence, and a reason."""

    def gone() -> Reader:
        raise ProcessLookupError("container 7 does not run")

    sampler = Sampler(folder)
    sampler.watch(account())
    sampler.watch(Account(target="host/cgroup-b.jsonl", open=gone))
    ran(sampler)
    assert "cpu.stat" in (folder.path / "host/cgroup-a.log").read_text()
    assert "does not run" in (folder.path / "host/cgroup-b.log").read_text()
    assert not list(folder.path.glob("host/*.jsonl"))


def test_a_sample_that_cannot_be_stored_is_an_error(folder: RunFolder) -> None:
    """It is not taken for a container that has gone."""
    (folder.path / TARGET).mkdir(parents=True)
    sampler = Sampler(folder)
    sampler.watch(account(1))
    over = threading.Event()
    over.set()
    with pytest.raises(StorageError):
        sampler.run(over)


def test_the_kernels_counters_are_read_by_name() -> None:
    """The columns differ from kernel to kernel; UdpLite is not Udp."""
    now = parse(SNMP, 5)
    assert (now.t_ns, now.ip_in_receives, now.ip_in_delivers, now.ip_in_discards, now.ip_in_errors) == (5, 90, 71, 4, 5)
    assert (now.udp_in_datagrams, now.udp_in_errors, now.udp_rcvbuf_errors, now.udp_in_csum_errors) == (50, 12, 9, 3)
    assert (now.udp_no_ports, now.udp_out_datagrams, now.udp_sndbuf_errors) == (5, 40, 1)
    assert (now.ip_out_requests, now.ip_out_transmits) == (44, None)


@pytest.mark.parametrize("text", ["", "Ip: A\nIp: 1\nUdp: B\nUdp: 2\n", SNMP.replace("RcvbufErrors", "X")])
def test_counters_that_are_missing_are_not_zero(text: str) -> None:
    """A kernel that does not count them leaves no evidence."""
    with pytest.raises(OSError, match="has no"):
        parse(text, 5)
