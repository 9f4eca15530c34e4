"""A call by itself, and the same call in a lab: how soon it is heard, and what measuring it costs."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from lab.evidence import host, names
from lab.evidence.accounts import CgroupSecond
from lab.evidence.store import RunFolder
from lab.host.machine import machine
from lab.rig.engine.cgroup import Cgroup
from lab.rig.engine.engine import Mount
from lab.rig.layout.containers import Program, program_spec
from lab.rig.layout.topology import SIGNAL_PORT
from lab.rig.process.watch import Progress, Watch, silent
from lab.rig.session import record
from lab.rig.standing import server
from lab.rig.standing.lab import Lab, Machine
from lab.scenario.dump import dump
from lab.scenario.load import loads
from lab.scenario.model import Scenario
from tests.bench import alone
from tests.bench.figures import Figure
from tests.bench.walls import LAB

SHORT = """
version: 1
name: audible
media: {duration: 2s, control: 1s}
links: {publisher: {}, subscriber: {}}
"""
CLEAN = SHORT.replace("2s, control", "30s, bitrate: 96kbit, control").replace("audible", "measuring")
"""At 96 kbit/s Opus encodes in one way only. At the 48 that a call has unless told otherwise it settles, by chance, for
one of two, of which one costs 12 ms of CPU per second more: twice of what measuring may, and nothing to do with it."""
LOUD = 500
"""Of 32 767: far above silence, far below any mark."""
SHORT_S, ALONE_S, WINDOW_S, JOIN_S = 10.0, 10.0, 33.0, 6.0
"""About what a short run takes, the containers by `docker run`, control and media, and what else a cell takes."""

Shares = Mapping[str, float]
"""CPUs in use, by container."""


def audible(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure, in turn, `lab run` and the same containers by `docker run`, from nothing to the first audible frame."""
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        here = machine(Path(folder) / "results", insist=None, watch=silent)
        _lab_heard_s(Path(folder))  # warm
        taken = []
        for number in range(asked.rounds):
            home = Path(folder) / str(number)
            home.mkdir()
            taken.append((_lab_heard_s(home), alone.heard_s(here.images, home, first_heard_s)))
    yield Figure.of(
        "audible",
        [ours / theirs for ours, theirs in taken],
        lab_s=[round(ours, 2) for ours, _ in taken],
        docker_run_s=[round(theirs, 2) for _, theirs in taken],
    )


def audible_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return SHORT_S + asked.rounds * (SHORT_S + ALONE_S)


def _lab_heard_s(folder: Path) -> float:
    scenario = folder / "audible.yaml"
    scenario.write_text(SHORT)
    began = time.monotonic()
    subprocess.run(
        (*LAB, "run", "-q", "--json", str(scenario), "-o", str(folder)), stdout=subprocess.DEVNULL, check=False
    )
    (listener,) = folder.rglob(names.client("subscriber", ""))
    heard = first_heard_s(listener)
    assert heard is not None, "nothing was heard"
    return heard - began


def first_heard_s(listener: Path) -> float | None:
    """Return when (CLOCK_MONOTONIC) a program read its first sound that is not silence; None while it has not."""
    sound, notes = (listener / name.format(publisher="publisher") for name in (names.CLIENT_HEARD, names.CLIENT_READS))
    if not sound.exists():
        return None
    loud = np.flatnonzero(np.abs(np.fromfile(sound, "<i2").astype(np.int32)) > LOUD)
    for line in notes.read_text().splitlines()[1:] if loud.size else ():
        read = json.loads(line)
        if read["samples"] > loud[0]:
            return float(read["t"]) / 1e9
    return None


def measuring(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure the CPU of two calls at the same time on one lab: one with everything and one with nothing measured.

    They share the server, which does the same for both: half of it is each call's.
    """
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        here = machine(Path(folder).resolve(), insist=None, watch=silent)
        scenario = loads(CLEAN)
        shared = replace(scenario, media=replace(scenario.media, duration_ms=asked.rounds * 120_000))
        with Lab(here, shared, watch=silent) as lab:
            taken = [_both(lab, scenario, Path(folder)) for _ in range(asked.rounds)]
    yield Figure.of(
        "measuring",
        [sum(full.values()) / sum(bare.values()) for full, bare in taken],
        measured_cpus=[{name: round(share, 4) for name, share in full.items()} for full, _ in taken],
        bare_cpus=[{name: round(share, 4) for name, share in bare.items()} for _, bare in taken],
    )


def measuring_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return SHORT_S + asked.rounds * (WINDOW_S + JOIN_S)


def _both(lab: Lab, scenario: Scenario, folder: Path) -> tuple[Shares, Shares]:
    """Return the CPUs that each part of a recorded and of a bare call used from the clean control to the end."""
    looks: dict[str, Mapping[str, CgroupSecond]] = {}
    with _bare_call(lab, scenario, folder) as containers:
        groups = {name: Cgroup(_pid(lab.machine, container)) for name, container in containers.items()}

        def watch(progress: Progress) -> bool:
            if progress.phase in ("control", "drain") and progress.phase not in looks:
                looks[progress.phase] = {name: group.read() for name, group in groups.items()}
            return False

        measured = _measured(lab, scenario, watch)
    bare = {name: _share(each, looks["drain"][name]) for name, each in looks["control"].items()}
    return {**measured, "server": bare["server"] / 2}, {**bare, "server": bare["server"] / 2}


def _measured(lab: Lab, scenario: Scenario, watch: Watch) -> Shares:
    """Return the CPUs that the clients of a recorded call used."""
    folder = RunFolder.create(lab.machine.results, scenario, as_written=CLEAN, resolved=dump(scenario))
    record(lab, scenario, folder, watch)
    marks = folder.manifest.marks
    found = {}
    for part in ("client-publisher", "client-subscriber"):
        looks = host.read_cgroup(folder.path / names.CGROUPS.format(container=part))
        inside = [each for each in looks if (marks.control_from_ns or 0) <= each.t_ns <= (marks.media_to_ns or 0)]
        found[part] = _share(inside[0], inside[-1])
    return found


def _share(first: CgroupSecond, last: CgroupSecond) -> float:
    return (last.cpu_ns - first.cpu_ns) / (last.t_ns - first.t_ns)


@contextmanager
def _bare_call(lab: Lab, scenario: Scenario, folder: Path) -> Iterator[Mapping[str, str]]:
    room, engine = lab.new_room(), lab.machine.engine
    found = {"server": lab.server}
    try:
        for role in ("subscriber", "publisher"):
            environment = {
                "LIVEKIT_URL": f"ws://{lab.topology.server.ip}:{SIGNAL_PORT}",
                "LIVEKIT_TOKEN": server.token(lab.credentials, room, role, lab.identity.deadline_s),
                "BITRATE": str(scenario.media.bitrate_bps),
            }
            program = Program(part=f"bare-{role}", module="", node=lab.nodes[role])
            spec = program_spec(lab.identity, lab.machine.images.client.reference, program, folder, lab.machine.results)
            mounts = (*spec.mounts, Mount(source=Path(__file__).parent, target="/bench"))
            command = ("/venv/bin/python", "-u", "/bench/bare.py", role)
            told = {**spec.environment, **environment}
            found[f"client-{role}"] = engine.start(replace(spec, mounts=mounts, command=command, environment=told))
        yield found
    finally:
        for name, container in found.items():
            if name != "server":
                engine.remove(container)


def _pid(here: Machine, container: str) -> int:
    state = here.engine.state(container)
    assert state is not None
    assert state.running, here.engine.logs(container)
    return state.pid
