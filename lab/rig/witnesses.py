"""Witnesses outside the thing under test: a pacing container that nothing throttles, and the server's own cgroup.

The pacer says whether this machine could keep time at all while the run was measured (a run in which it could not is
void); the cgroup says whether the server was short of CPU (which is evidence about the server).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.evidence import names
from lab.rig.containers import Program, open_to_programs, program_spec
from lab.rig.lab import Lab

PACER = "lab.clients.pacer"
SAMPLE_S = 1.0


@contextmanager
def witnesses(lab: Lab, folder: Path) -> Iterator[None]:
    """Run the pacer and sample the server's cgroup while the block runs."""
    place = folder / names.HOST
    place.mkdir()
    open_to_programs(place)
    engine = lab.machine.engine
    program = Program(part="pacer", module=PACER, folder=place, environment={})
    pacer = engine.start(program_spec(lab.identity, lab.machine.images.client.reference, program))
    ended = threading.Event()
    state = engine.state(lab.server)
    target = folder / names.CGROUPS.format(container="server")
    sampler = threading.Thread(target=_sample, args=(state.pid if state else 0, target, ended))
    sampler.start()
    try:
        yield
    finally:
        ended.set()
        sampler.join()
        engine.signal(pacer, "SIGTERM")
        with suppress(TimeoutError):
            engine.wait(pacer, 3)
        engine.remove(pacer)


def _sample(pid: int, target: Path, ended: threading.Event) -> None:
    groups = Cgroup(pid)
    with target.open("w") as file:
        while True:
            last = ended.wait(SAMPLE_S)
            with suppress(FileNotFoundError):  # the container is gone: what was sampled stays
                file.write(json.dumps(groups.read()) + "\n")
            if last:
                return


class Cgroup:
    """The CPU and memory accounts of a process's cgroup, version 1 or 2 (kernel Documentation/admin-guide/cgroup-*)."""

    def __init__(self, pid: int, root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> None:
        """Find where the cgroup's files are. Raises FileNotFoundError when the process is gone."""
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
        by_controller = {
            name: path for _, names_, path in (line.split(":", 2) for line in lines) for name in names_.split(",")
        }
        self._version = 1 if "cpu" in by_controller else 2
        if self._version == 1:
            self._cpu = _existing(root, "cpu", by_controller["cpu"])
            self._account = _existing(root, "cpuacct", by_controller["cpuacct"])
            self._memory = _existing(root, "memory", by_controller["memory"])
        else:
            self._cpu = self._account = self._memory = root / by_controller[""].lstrip("/")

    def read(self) -> dict[str, int]:
        """Return the totals now: nanoseconds of CPU used and throttled, throttled periods, bytes of memory."""
        stat = dict(line.split() for line in (self._cpu / "cpu.stat").read_text().splitlines())
        if self._version == 1:
            used = int((self._account / "cpuacct.usage").read_text())
            throttled = int(stat["throttled_time"])
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


def _existing(root: Path, controller: str, path: str) -> Path:
    """Distributions mount `cpu` alone, or together with `cpuacct` under either order of names."""
    places = (root / mount / path.lstrip("/") for mount in (controller, "cpu,cpuacct", "cpuacct,cpu"))
    return next(place for place in places if place.exists())
