"""The accounts of one container's cgroup, version 1 or 2 (kernel Documentation/admin-guide/cgroup-v1 and cgroup-v2).

Law: totals as the kernel keeps them, read from the machine's own files: the container is not asked and not disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lab.evidence.accounts import CgroupSecond


class Cgroup:
    """Where the accounts of a process's cgroup are; `read` reads them."""

    def __init__(self, pid: int, root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> None:
        """Find where the cgroup's files are. Raises FileNotFoundError when process or files are not there."""
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        by_controller = {
            name: path for _, names_, path in (line.split(":", 2) for line in lines) for name in names_.split(",")
        }
        self._version = 1 if "cpu" in by_controller else 2
        own = by_controller.get("cpu" if self._version == 1 else "", "/")
        if own == "/":  # where version 1 has a process that has ended; its accounts are the whole machine's
            raise FileNotFoundError(f"no cgroup of its own has process {pid}")
        if self._version == 1:
            self._cpu, self._account, self._memory = (
                _existing(root, name, by_controller) for name in ("cpu", "cpuacct", "memory")
            )
        else:
            self._cpu = self._account = self._memory = _existing(root, "", by_controller)
        self._tasks = self._cpu / ("tasks" if self._version == 1 else "cgroup.threads")
        self._proc = proc
        self._waits: Mapping[str, int] | None = None

    def read(self) -> CgroupSecond:
        """Return the totals now. Raises OSError when the container has ended."""
        cpu = _table(self._cpu / "cpu.stat")
        if self._version == 1:
            used, throttled = int((self._account / "cpuacct.usage").read_bytes()), cpu.get("throttled_time", 0)
            memory = "memory.usage_in_bytes"
        else:
            used, throttled = cpu["usage_usec"] * 1000, cpu.get("throttled_usec", 0) * 1000
            memory = "memory.current"
        return CgroupSecond(
            t_ns=time.time_ns(),
            cpu_ns=used,
            throttled_ns=throttled,
            throttled_periods=cpu.get("nr_throttled", 0),
            memory_bytes=int((self._memory / memory).read_bytes()),
            oom_kills=self.oom_kills(),
            waited_ns=self._waited_ns(),
        )

    def oom_kills(self) -> int | None:
        """Return how many of its processes were killed for memory; None where the kernel does not count. OSError."""
        events = "memory.oom_control" if self._version == 1 else "memory.events"
        return _table(self._memory / events).get("oom_kill")

    def _waited_ns(self) -> int | None:
        """Return how long its task that waited longest for a CPU did so since the last call; None on the first."""
        before, self._waits = self._waits, _run_delays(self._proc, self._tasks)
        if before is None or self._waits is None:
            return None
        return max((waited - before.get(task, 0) for task, waited in self._waits.items()), default=0)


def holds(container: str, pid: int, proc: Path = Path("/proc")) -> bool:
    """Return whether the process that has the number `pid` here is one of `container`: its cgroup bears that id.

    An engine that runs elsewhere, or in another process namespace, means by the same number another process.
    """
    try:
        return container in (proc / str(pid) / "cgroup").read_text()
    except OSError:
        return False


def killed_for_memory(pid: int) -> bool:
    """Return whether the kernel says that it killed one of the cgroup of `pid`; when that is gone, it says nothing."""
    try:
        return bool(Cgroup(pid).oom_kills())
    except OSError:
        return False


def _run_delays(proc: Path, tasks: Path) -> Mapping[str, int] | None:
    """Read how long each task has stood in a run queue since it began (ns).

    Source: kernel Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat. None where the kernel does not count
    it. A task that has ended meanwhile is left out.
    """
    found: dict[str, int] = {}
    if not (proc / "self/schedstat").exists():
        return None
    for task in tasks.read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):
            found[task] = int((proc / task / "schedstat").read_bytes().split()[1])
    return found


def _table(path: Path) -> Mapping[str, int]:
    """Read a file of `name number` lines."""
    words = path.read_bytes().decode("ascii").split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _existing(root: Path, controller: str, paths: Mapping[str, str]) -> Path:
    """Distributions mount `cpu` alone, or together with `cpuacct` under either order of names."""
    mounts = dict.fromkeys((controller, "cpu,cpuacct", "cpuacct,cpu"))
    places = (root / mount / paths[controller].lstrip("/") for mount in mounts if controller in paths)
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise FileNotFoundError(f"no cgroup of controller {controller or 'version 2'!r} below {root}")
    return found
