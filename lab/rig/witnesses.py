"""Witnesses outside the thing under test: a pacing container that nothing throttles, and the kernel's own accounts.

The pacer says whether this machine could keep time at all while the run was measured (a run in which it could not is
void); what the kernel counts for each container and its network namespace is evidence about that container.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from lab.evidence import names
from lab.evidence.store import RunFolder, storing
from lab.rig import programs
from lab.rig.cgroup import Cgroup
from lab.rig.containers import Program, open_to_programs
from lab.rig.engine import Engine
from lab.rig.lab import Lab
from lab.rig.namespace import Namespace
from lab.rig.sampling import Account, Sampler

PACER = "lab.clients.pacer"


class Witnesses:
    """What watches the containers of a run; `watch` adds one that was started since."""

    def __init__(self, lab: Lab, sampler: Sampler) -> None:
        """Watch through `sampler`."""
        self._lab = lab
        self._sampler = sampler

    def watch(self, name: str, container: str, node: str) -> None:
        """Watch a program's container as `name` (server, client-<name>), and the namespace `node` it sits in."""
        engine, place = self._lab.machine.engine, self._lab.nodes[node]
        group, network = names.CGROUPS.format(container=name), names.NETWORKS.format(container=name)
        self._sampler.watch(Account(target=group, open=lambda: Cgroup(_pid(engine, container)).read))
        self._sampler.watch(Account(target=network, open=lambda: Namespace(_pid(engine, place)).read))


@contextmanager
def witnesses(lab: Lab, folder: RunFolder) -> Iterator[Witnesses]:
    """Run the pacer and sample the accounts while the block runs.

    A sampling that failed is raised behind the block.
    """
    home = folder.path / names.HOST
    with storing(home):
        home.mkdir()
    open_to_programs(home)
    program = Program(part="pacer", module=PACER, folder=home, environment={})
    pacer = programs.start(lab, program, names.HOST)
    ended, sampler = threading.Event(), Sampler(folder)
    with ThreadPoolExecutor(1) as pool:
        sampling = pool.submit(sampler.run, ended)
        try:
            yield Witnesses(lab, sampler)
        finally:
            ended.set()
            programs.finish(lab, pacer, folder)
    sampling.result()


def _pid(engine: Engine, container: str) -> int:
    """Return the machine's number of the container's first process. ProcessLookupError when it does not run."""
    state = engine.state(container)
    if state is None or not state.running:
        raise ProcessLookupError(f"container {container[:12]} does not run")
    return state.pid
