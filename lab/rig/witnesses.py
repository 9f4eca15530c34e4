"""Witnesses outside the thing under test: a pacing container that nothing throttles, and the server's own cgroup.

The pacer says whether this machine could keep time at all while the run was measured (a run in which it could not is
void); the cgroup says whether the server was short of CPU (which is evidence about the server).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lab.evidence import names
from lab.evidence.store import RunFolder, storing
from lab.rig import programs
from lab.rig.containers import Program, open_to_programs
from lab.rig.lab import Lab

PACER = "lab.clients.pacer"
SAMPLE_S = 1.0


@contextmanager
def witnesses(lab: Lab, folder: RunFolder) -> Iterator[None]:
    """Run the pacer and sample the server's cgroup while the block runs; a sampling that failed is raised after it."""
    home = folder.path / names.HOST
    with storing(home):
        home.mkdir()
    open_to_programs(home)
    program = Program(part="pacer", module=PACER, folder=home, environment={})
    pacer = programs.start(lab, program, names.HOST)
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sampling = pool.submit(sample, partial(_server_cgroup, lab), folder, ended)
        try:
            yield
        finally:
            ended.set()
            programs.finish(lab, pacer, folder)
    sampling.result()


def _server_cgroup(lab: Lab) -> Cgroup:
    state = lab.machine.engine.state(lab.server)
    return Cgroup(state.pid if state else 0)


def sample(cgroup: Callable[[], Cgroup], folder: RunFolder, ended: threading.Event) -> None:
    """Write the cgroup's totals each second until `ended`, and once more then. StorageError.

    No cgroup to be seen (the server died, or this is another container than the engine's machine) is no evidence
    about it: the file says why, or ends there.
    """
    target = names.CGROUPS.format(container="server")
    try:
        group, last = cgroup(), False
        while not last:
            last = ended.wait(SAMPLE_S)
            folder.append(target, json.dumps(group.read()))
    except OSError as error:
        folder.write(f"{names.HOST}/cgroup-server.log", f"the server's cgroup cannot be read: {error}\n")


class Cgroup:
    """The CPU and memory accounts of a process's cgroup, version 1 or 2 (kernel Documentation/admin-guide/cgroup-*)."""

    def __init__(self, pid: int, root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> None:
        """Find where the cgroup's files are. Raises FileNotFoundError when process or files are not there."""
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        by_controller = {
            name: path for _, names_, path in (line.split(":", 2) for line in lines) for name in names_.split(",")
        }
        self._version = 1 if "cpu" in by_controller else 2
        if self._version == 1:
            self._cpu, self._account, self._memory = (
                _existing(root, name, by_controller) for name in ("cpu", "cpuacct", "memory")
            )
        else:
            self._cpu = self._account = self._memory = _existing(root, "", by_controller)

    def read(self) -> dict[str, int]:
        """Return the totals now: nanoseconds of CPU used and throttled, throttled periods, bytes of memory."""
        stat = dict(line.split() for line in (self._cpu / "cpu.stat").read_text().splitlines())
        if self._version == 1:
            used = int((self._account / "cpuacct.usage").read_text())
            throttled = int(stat.get("throttled_time", 0))
            memory = int((self._memory / "memory.usage_in_bytes").read_text())
        else:
            used, throttled = int(stat["usage_usec"]) * 1000, int(stat.get("throttled_usec", 0)) * 1000
            memory = int((self._memory / "memory.current").read_text())
        return {
            "t_ns": time.time_ns(),
            "cpu_ns": used,
            "throttled_ns": throttled,
            "throttled_periods": int(stat.get("nr_throttled", 0)),
            "memory_bytes": memory,
        }


def _existing(root: Path, controller: str, paths: Mapping[str, str]) -> Path:
    """Distributions mount `cpu` alone, or together with `cpuacct` under either order of names."""
    mounts = dict.fromkeys((controller, "cpu,cpuacct", "cpuacct,cpu"))
    places = (root / mount / paths[controller].lstrip("/") for mount in mounts if controller in paths)
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise FileNotFoundError(f"no cgroup of controller {controller or 'version 2'!r} below {root}")
    return found
