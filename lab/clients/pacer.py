"""Could this machine keep time at all? A container that nothing throttles ticks each 10 ms and says how late it came.

`python -m lab.clients.pacer` writes, each second, a line of `pacer.jsonl` (the ticks), and one of `seconds.jsonl` (the
machine's steal and busy shares, CLOCK_REALTIME minus CLOCK_MONOTONIC, whose change is a clock step, what tasks had to
wait for, and packets that the CPUs' receive backlogs dropped).
Standard library only.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lab.probe.lines import Lines, realtime_minus_monotonic_ns

TICK_NS = 10_000_000
TICKS_PER_SECOND = 100


@dataclass(frozen=True, kw_only=True)
class CpuTimes:
    """The first line of /proc/stat, in clock ticks since boot (proc(5)); `idle` includes waiting for disks."""

    total: int
    idle: int
    steal: int
    nice: int

    @classmethod
    def parse(cls, text: str) -> CpuTimes:
        """Read the text of /proc/stat; ValueError when it does not begin with the cpu line."""
        name, *fields = text.split("\n", 1)[0].split()
        if name != "cpu" or len(fields) < 8:
            raise ValueError(f"/proc/stat: {name!r} with {len(fields)} fields is not the cpu line of Linux >= 2.6.11")
        user, nice, system, idle, iowait, irq, softirq, steal = (int(field) for field in fields[:8])
        total = user + nice + system + idle + iowait + irq + softirq + steal
        return cls(total=total, idle=idle + iowait, steal=steal, nice=nice)

    def shares_since(self, before: CpuTimes) -> dict[str, float]:
        """Return the shares (0..1) of `steal`, of work (`busy`), and of its part that gives way (`nice`)."""
        total = self.total - before.total
        if total <= 0:
            raise ValueError("/proc/stat did not advance")
        steal, nice, idle = self.steal - before.steal, self.nice - before.nice, self.idle - before.idle
        ticks = {"steal": steal, "busy": total - steal - idle, "nice": nice}
        return {name: round(each / total, 4) for name, each in ticks.items()}


def lateness(late_ns: Sequence[int]) -> dict[str, float]:
    """Return a second's `ticks`, `late_p99_ms` (nearest rank) and `late_max_ms`."""
    ordered = sorted(late_ns)
    p99 = ordered[math.ceil(0.99 * len(ordered)) - 1]
    return {"ticks": len(ordered), "late_p99_ms": round(p99 / 1e6, 3), "late_max_ms": round(ordered[-1] / 1e6, 3)}


def pressure_us(resource: str, text: str) -> dict[str, int]:
    """Return `<resource>_some_us` and, but for cpu, where it means nothing, `…_full_us` from /proc/pressure/<resource>.

    The totals of the kernel's Documentation/accounting/psi.rst; ValueError for another text.
    """
    totals = {line.split()[0]: int(line.rpartition("total=")[2]) for line in text.splitlines()}
    kinds = ("some",) if resource == "cpu" else ("some", "full")
    return {f"{resource}_{kind}_us": totals[kind] for kind in kinds}


def softnet(text: str) -> dict[str, int]:
    """Return `softnet_dropped` and `softnet_squeezed` from /proc/net/softnet_stat: a line of hex words per CPU."""
    rows = [[int(word, 16) for word in line.split()] for line in text.splitlines()]
    return {"softnet_dropped": sum(row[1] for row in rows), "softnet_squeezed": sum(row[2] for row in rows)}


def run(folder: Path) -> NoReturn:
    """Tick until the process ends; a tick that came late does not move the ones after it."""
    ticks, seconds = Lines.create(folder / "pacer.jsonl", "pacer"), Lines.create(folder / "seconds.jsonl", "seconds")
    before = _cpu_times()
    due, late = time.monotonic_ns(), list[int]()
    while True:
        due += TICK_NS
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        late.append(time.monotonic_ns() - due)
        if len(late) == TICKS_PER_SECOND:
            now, after = time.monotonic_ns(), _cpu_times()
            ticks.write({"t": now, **lateness(late)})
            offset = realtime_minus_monotonic_ns()
            seconds.write(
                {"t": now, **after.shares_since(before), "clock_offset_ns": offset, **_waits(), **_backlogs()}
            )
            before, late = after, []


def _cpu_times() -> CpuTimes:
    """Return the machine's CPU times now."""
    return CpuTimes.parse(Path("/proc/stat").read_text(encoding="ascii"))


def _waits() -> dict[str, int]:
    """Return the machine's pressure now; nothing where the kernel has none, or does not show it here."""
    found: dict[str, int] = {}
    for resource in ("cpu", "memory", "io"):
        with suppress(OSError):  # EOPNOTSUPP with psi=0 on the kernel's command line
            found |= pressure_us(resource, Path(f"/proc/pressure/{resource}").read_text(encoding="ascii"))
    return found


def _backlogs() -> dict[str, int]:
    """Return the CPUs' receive backlogs now: of the whole machine, though read in a namespace without a network."""
    return softnet(Path("/proc/net/softnet_stat").read_text(encoding="ascii"))


def main() -> NoReturn:
    """Run until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    run(Path(os.environ["LAB_DIR"]))


if __name__ == "__main__":
    main()
