"""Witnesses outside the thing under test: a pacing container that nothing throttles, and the kernel's own accounts.

The pacer says whether this machine could keep time at all while the run was measured (a run in which it could not is
void); what the kernel counts for each container and its network namespace is evidence about that container.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.store import RunFolder
from lab.rig.engine.cgroup import Cgroup
from lab.rig.engine.engine import Engine
from lab.rig.layout.containers import Program, open_to_programs
from lab.rig.process.waiting import until
from lab.rig.programs import programs
from lab.rig.standing.lab import Lab
from lab.rig.witnesses.namespace import Namespace
from lab.rig.witnesses.sampling import Account, Sampler

PACER = "lab.clients.pacer"
TICKS_S = 10.0
BUSY = "is the machine overloaded?"


class Witnesses:
    """What watches the containers of a run, as a context; `watch` adds one, `pace` starts the pacer.

    A sampling that failed, or a pacer that did not start, is raised on exit.
    """

    def __init__(self, lab: Lab, folder: RunFolder) -> None:
        """Plan to write into `folder`."""
        self._lab = lab
        self._folder = folder
        self._sampler = Sampler(folder)
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(2)
        self._pacer: Future[programs.Running] | None = None

    def __enter__(self) -> Witnesses:
        """Begin to sample whatever is watched."""
        home = self._folder.path / names.HOST
        with storing(home):
            home.mkdir()
        open_to_programs(home)
        self._sampling = self._pool.submit(self._sampler.run, self._ended)
        return self

    def __exit__(self, *_: object) -> None:
        """Sample once more, and end the pacer."""
        self._ended.set()
        try:
            if self._pacer is not None:
                programs.finish(self._lab, self._pacer.result(), self._folder)
        finally:
            self._pool.shutdown()
        self._sampling.result()

    def watch(self, name: str, container: str, node: str) -> None:
        """Watch a program's container as `name` (server, client-<name>), and the namespace `node` it sits in."""
        engine, place = self._lab.machine.engine, self._lab.nodes[node]
        group, network = names.CGROUPS.format(container=name), names.NETWORKS.format(container=name)
        self._sampler.watch(Account(target=group, open=lambda: Cgroup(_pid(engine, container)).read))
        self._sampler.watch(Account(target=network, open=lambda: Namespace(_pid(engine, place)).read))

    def pace(self) -> None:
        """Have the pacer started, and wait for nothing."""
        program = Program(part="pacer", module=PACER)
        self._pacer = self._pool.submit(programs.start, self._lab, program, self._folder, names.HOST)

    def ticking(self) -> None:
        """Wait until the pacer ticks. Raises EnvironmentFault when it does not."""
        assert self._pacer is not None, "`pace` comes first"
        self._pacer.result()
        late = f"the pacer does not tick after {TICKS_S:g} s"
        until((self._folder.path / names.PACER).exists, TICKS_S, lambda: EnvironmentFault(late, fix=BUSY))


def _pid(engine: Engine, container: str) -> int:
    """Return the machine's number of the container's first process. ProcessLookupError when it does not run here."""
    state = engine.state(container)
    if state is None or not state.running or not state.pid:
        raise ProcessLookupError(f"container {container[:12]} does not run here")
    return state.pid
