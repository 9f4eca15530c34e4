"""Competing traffic and the pacer: schedules, orders and accounts."""

from __future__ import annotations

import errno
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab.clients.background import PAYLOAD_BYTES, Orders, Send, Sender, offsets_s
from lab.clients.pacer import CpuTimes, lateness, pressure_us, softnet

SECOND_NS = 1_000_000_000
STAT = "cpu  100 5 50 800 20 3 2 20 0 0\ncpu0 1 2 3 4 5 6 7 8\n"


def send(pattern: str, seed: int = 1) -> Send:
    """Return a stream of 100 packets per second."""
    return Send(host="198.18.0.1", port=5001, rate_bps=PAYLOAD_BYTES * 8 * 100, pattern=pattern, seed=seed)


def within(pattern: str, seconds: float, seed: int = 1) -> list[float]:
    """Return when packets are due in the first `seconds`."""
    return list(itertools.takewhile(lambda due: due < seconds, offsets_s(send(pattern, seed))))


def test_constant_is_evenly_spaced() -> None:
    """Packet k at k * 10 ms, without drift."""
    due = within("constant", 60)
    assert len(due) == 6_000
    assert due[5_999] == pytest.approx(59.99, abs=1e-9)


def test_bursts_are_twice_the_rate_half_the_time() -> None:
    """200 packets per second for 500 ms, then none for 500 ms: the same mean."""
    due = within("bursts", 10)
    assert len(due) == pytest.approx(1_000, abs=1)
    assert all(moment % 1 < 0.5 for moment in due)


def test_poisson_has_its_mean_and_its_seed() -> None:
    """Same seed, same packets; 60 000 of them within 1 % of the mean, with a fixed seed."""
    due = within("poisson", 600)
    assert due == within("poisson", 600)
    assert due != within("poisson", 600, seed=2)
    assert len(due) == pytest.approx(60_000, rel=0.01)


def test_an_unknown_pattern_is_refused() -> None:
    """Nothing is sent in a pattern nobody asked for."""
    with pytest.raises(ValueError, match="'tidal' is not"):
        offsets_s(send("tidal"))


class Socket:
    """Takes packets, or refuses every other one."""

    def __init__(self, *, refuse: bool = False) -> None:
        """Refuse or not."""
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self._calls = 0
        self._refuse = refuse

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Take one packet."""
        self._calls += 1
        if self._refuse and self._calls % 2:
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        self.sent.append((data, address))


def orders(*sends: Send) -> list[dict[str, Any]]:
    """Return the orders as they stand in JSON."""
    return [dict(vars(each)) for each in sends]


def test_the_sender_keeps_its_schedule() -> None:
    """After 95 ms ten of 100 packets per second are out, wherever it looked; late ones are sent, not skipped."""
    socket = Socket()
    sender = Sender(socket)
    sender.begin(orders(send("constant")), 5 * SECOND_NS)
    sender.send_due(5 * SECOND_NS)
    assert (sender.sent, sender.next_ns()) == (1, 5 * SECOND_NS + 10_000_000)
    sender.send_due(5 * SECOND_NS + 95_000_000)
    assert sender.sent == 10
    assert socket.sent[0] == (b"\xff" * PAYLOAD_BYTES, ("198.18.0.1", 5001))


def test_new_orders_replace_the_old() -> None:
    """Two streams become none."""
    sender = Sender(Socket())
    assert sender.next_ns() is None
    sender.begin(orders(send("constant"), send("bursts")), 0)
    sender.begin([], 0)
    sender.send_due(SECOND_NS)
    assert (sender.sent, sender.next_ns()) == (0, None)


def test_what_the_kernel_refuses_is_counted() -> None:
    """ENOBUFS is neither sent nor hidden."""
    sender = Sender(Socket(refuse=True))
    sender.begin(orders(send("constant")), 0)
    sender.send_due(95_000_000)
    assert (sender.sent, sender.refused) == (5, 5)


def test_orders_begin_with_go_and_follow_each_change(tmp_path: Path) -> None:
    """Nothing before `go`; then the configuration's sends once; then each new orders.json once."""
    first, second = orders(send("constant")), orders(send("bursts"))
    watched = Orders(tmp_path, first)
    assert watched.news() is None
    (tmp_path / "go").write_text("{}")
    assert (watched.news(), watched.news()) == (first, None)
    for sends in (second, []):
        (tmp_path / "new").write_text(json.dumps({"sends": sends}))
        (tmp_path / "new").rename(tmp_path / "orders.json")
        assert (watched.news(), watched.news()) == (sends, None)


def test_cpu_shares() -> None:
    """proc(5): of 200 more ticks, 20 stolen, 100 idle (80 idle, 20 waiting), 80 worked, 10 of them nice."""
    before = CpuTimes.parse(STAT)
    after = CpuTimes.parse("cpu  150 15 70 880 40 3 2 40 0 0\n")
    assert after.shares_since(before) == {"steal": 0.1, "busy": 0.4, "nice": 0.05}
    with pytest.raises(ValueError, match="did not advance"):
        before.shares_since(before)


@pytest.mark.parametrize("text", ["cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3\n", "intr 1\n"])
def test_a_strange_proc_stat_is_refused(text: str) -> None:
    """Never a share of something else."""
    with pytest.raises(ValueError, match="is not the cpu line"):
        CpuTimes.parse(text)


def test_lateness_is_the_nearest_rank() -> None:
    """Of 1 … 100 ms the 99th is 99 and the last 100; of one, itself."""
    late = [ms * 1_000_000 for ms in range(100, 0, -1)]
    assert lateness(late) == {"ticks": 100, "late_p99_ms": 99.0, "late_max_ms": 100.0}
    assert lateness([500_000]) == {"ticks": 1, "late_p99_ms": 0.5, "late_max_ms": 0.5}


def test_pressure_is_the_kernels_totals() -> None:
    """psi.rst: some and full, but for the CPU, of which there is always one task that runs."""
    text = "some avg10=0.12 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=56\n"
    assert pressure_us("io", text) == {"io_some_us": 1234, "io_full_us": 56}
    assert pressure_us("cpu", text) == {"cpu_some_us": 1234}
    assert pressure_us("cpu", text.split("\n")[0]) == {"cpu_some_us": 1234}


def test_receive_backlogs_add_up_over_the_cpus() -> None:
    """Hexadecimal words: the second is dropped, the third squeezed."""
    text = "0017fcc6 00000000 00000004 00000000\n00175027 0000000a 00000010 00000000\n"
    assert softnet(text) == {"softnet_dropped": 10, "softnet_squeezed": 20}
