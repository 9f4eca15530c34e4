"""`lab doctor`: is this machine fit? Each finding is ok, warn or fail with its fix, and nothing is believed unmeasured.

Emulation is said to work only after 20 ms of delay and 50 % of loss were asked of the bump, and packets showed them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Literal

from lab.analysis.verdicts.starving import STEAL_SHARE
from lab.clients.pacer import CpuTimes
from lab.errors import LabError
from lab.host import images
from lab.host.machine import cache_folder
from lab.rig.bump.driver import choose
from lab.rig.bump.plumbing import Driver
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import RUN_LABEL, Engine
from lab.rig.layout.images import Images
from lab.rig.process.watch import silent
from lab.rig.standing import cleanup
from lab.rig.standing.lab import Lab, Machine
from lab.rig.standing.ruler import Measured, measure
from lab.scenario.load import loads
from lab.scenario.model import Impairment, Loss

ASKED_DELAY_MS = 20.0
ASKED_LOSS = 0.5
LATE_MS = 10.0
"""How much more than asked the bump may delay, at the median, before this machine is too slow to judge on."""
Z_TOLERATED = 4.9
"""A fair coin strays this far once in a million."""
PACKETS = 200
FREE_BYTES = 3 * 10**9
_STAT = Path("/proc/stat")
_SCENARIO = "version: 1\nname: doctor\nlinks: {publisher: {}}\n"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's."""

    state: Literal["ok", "warn", "fail"]
    what: str
    fix: str = ""

    @property
    def failed(self) -> bool:
        """Whether a run cannot work."""
        return self.state == "fail"

    def __str__(self) -> str:
        """Return the line for a person."""
        return f"{self.state:<5} {self.what}" + (f"\n      fix: {self.fix}" if self.fix else "")


def examine() -> Iterator[Finding]:
    """Yield the findings as they come; stops after one that makes the next ones impossible."""
    yield _space()
    try:
        engine = DockerEngine.connect()
    except LabError as error:
        yield Finding(state="fail", what=str(error), fix="make setup, or: apt-get install -y docker.io")
        return
    info = engine.info()
    yield Finding(
        state="ok", what=f"engine: Docker {info.version}, API {info.api_version}, cgroup v{info.cgroup_version}"
    )
    yield _leftovers(engine)
    ready = images.present(engine)
    if ready is None:
        yield Finding(state="fail", what="images: not all of them are here, or not up to date", fix="lab setup")
        return
    yield Finding(state="ok", what=f"images: router, client and {ready.server.reference} ({ready.server.how})")
    before = _cpu()
    try:
        driver = choose(engine, ready.router.reference, None)
        why = "this kernel has netem" if driver == "kernel" else "this kernel has no netem, so it runs in a small VM"
        yield Finding(state="ok", what=f"netem driver: {driver} ({why})")
        with _machine(engine, ready, driver) as machine:
            yield from _path(machine)
        yield stolen(before, _cpu())
    except LabError as error:
        yield Finding(state="fail", what=str(error), fix=error.fix or "lab clean, then lab setup")


def stolen(before: CpuTimes, after: CpuTimes) -> Finding:
    """Say how much of the CPU the hypervisor took between two looks, while the doctor's own lab wanted it."""
    share = after.shares_since(before)["steal"]
    what = f"hypervisor: it took {share:.0%} of the CPU meanwhile"
    if share > STEAL_SHARE:
        return Finding(state="warn", what=what, fix="runs may be void here: try again later, or on a quieter machine")
    return Finding(state="ok", what=what)


def _cpu() -> CpuTimes:
    return CpuTimes.parse(_STAT.read_text())


def cross(engine: Engine, ready: Images, driver: Driver) -> Finding:
    """Say whether packets cross edge → router → core on this machine."""
    with _machine(engine, ready, driver) as machine, Lab(machine, loads(_SCENARIO), watch=silent) as lab:
        lab.complete()
        return _crossing(measure(lab, "publisher", PACKETS))


@contextmanager
def _machine(engine: Engine, ready: Images, driver: Driver) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="livekit-lab-doctor-") as results:
        yield Machine(engine=engine, images=ready, driver=driver, results=Path(results), cache=cache_folder())


def _space() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free > FREE_BYTES
    cpus = os.cpu_count() or 1
    what = f"machine: {cpus} CPUs, {free / 1e9:.0f} GB free here"
    return Finding(state="ok" if enough else "warn", what=what, fix="" if enough else "free some disk, or use -o")


def _leftovers(engine: DockerEngine) -> Finding:
    left = [thing for thing in cleanup.found(engine, {RUN_LABEL: ""}) if cleanup.is_abandoned(thing)]
    if not left:
        return Finding(state="ok", what="leftovers: none")
    return Finding(state="warn", what=f"leftovers: {len(left)} objects of dead labs", fix="lab clean")


def _path(machine: Machine) -> Iterator[Finding]:
    """Build a lab with one link and measure its path: as it is, with 20 ms, with 50 % loss."""
    with Lab(machine, loads(_SCENARIO), watch=silent) as lab:
        lab.complete()
        plain = measure(lab, "publisher", PACKETS)
        crossing = _crossing(plain)
        yield crossing
        if crossing.failed:
            return
        lab.bump.apply("doctor-delay", {("publisher", "up"): Impairment(delay_ms=ASKED_DELAY_MS)}, None)
        yield _delay(plain, measure(lab, "publisher", PACKETS))
        lab.bump.apply("doctor-loss", {("publisher", "up"): Impairment(loss=Loss(share=ASKED_LOSS))}, None)
        yield _loss(lambda: measure(lab, "publisher", 2 * PACKETS), lab)


def _crossing(plain: Measured) -> Finding:
    if plain.lost == 0:
        return Finding(state="ok", what=f"path: {plain.sent} of {plain.sent} packets crossed edge → router → core")
    what = f"path: only {plain.sent - plain.lost} of {plain.sent} packets crossed edge → router → core"
    return Finding(state="fail", what=what, fix="is the machine overloaded? lab clean, then lab setup")


def _delay(plain: Measured, delayed: Measured) -> Finding:
    if plain.delay_ms is None or delayed.delay_ms is None:
        return Finding(state="fail", what="delay: no packet came through", fix="lab clean, then lab setup")
    extra = delayed.delay_ms - plain.delay_ms
    what = f"delay: asked {ASKED_DELAY_MS:g} ms, measured {extra:.1f} ms (the path itself: {plain.delay_ms:.1f} ms)"
    if abs(extra - ASKED_DELAY_MS) > LATE_MS:
        return Finding(state="fail", what=what, fix="is the machine overloaded? try again when it is quiet")
    return Finding(state="ok", what=what)


def _loss(send: Callable[[], Measured], lab: Lab) -> Finding:
    """Compare three accounts of the same packets: asked, missing at the far end, dropped by the kernel's own count."""
    before = _dropped(lab)
    seen = send()
    counted = _dropped(lab) - before
    stray = Z_TOLERATED * sqrt(seen.sent * ASKED_LOSS * (1 - ASKED_LOSS))
    lost = f"{seen.lost} lost, {counted} counted by the kernel"
    what = f"loss: asked {ASKED_LOSS:.0%}, measured {seen.lost / seen.sent:.1%}; {lost}"
    if abs(seen.lost - seen.sent * ASKED_LOSS) > stray or seen.lost != counted:
        return Finding(state="fail", what=what, fix="packets are lost elsewhere, or pass the bump: report this")
    return Finding(state="ok", what=what)


def _dropped(lab: Lab) -> int:
    states = lab.bump.read("doctor").directions
    return sum(q.dropped for state in states if state.direction == "up" for q in state.qdiscs if q.handle == "1:")
