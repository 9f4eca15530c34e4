"""`lab worker`: offer this machine's lab slots to a scheduler until that is gone or gives it up, or somebody ends it.

Law: a worker drives only the engine of its own machine, and leaves nothing behind: what it is making when it ends is
given up, its labs are taken down, and the sweep has it made elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab.batch.crews.fidelity import MOST_LANES, Fidelity, most_lanes
from lab.batch.crews.judging import Judge
from lab.batch.crews.slot import Slot, serious
from lab.batch.remote import orders
from lab.batch.remote.scheduler import CONNECT_S, absent, checked, dask, knock, near_side, parted, quiet, words_of
from lab.batch.remote.scratch import scratch
from lab.batch.remote.slots import Slots
from lab.batch.runs.machines import Machines
from lab.host.machine import machine
from lab.report.amounts import many
from lab.rig.process.signals import interruptible
from lab.rig.process.watch import Watch

_TICK_S = 0.2
"""How often the main thread is there to be interrupted."""
_LEAVE_S = 10.0
_AGAIN_S = 600.0
"""How long an image that could not be had is not tried again: a worker serves for days, and registries come back."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for. `lanes` None: as many as this machine carries; `scratch` None: in /tmp."""

    address: str
    lanes: int | None = None
    scratch: Path | None = None
    netem: str | None = None


def serve(request: Request, watch: Watch, tell: Tell) -> None:
    """Make runs on this machine for whoever has them ordered; raise what ends that.

    Raises UsageError, EnvironmentFault, LeftoverError, Interrupted; the scheduler is asked before anything is prepared.
    """
    tell(f"looking for the scheduler at {checked(request.address)}")
    asyncio.run(knock(request.address))
    with interruptible(), scratch(request.scratch, tell) as folder, Judge() as judge:
        machines = Machines(machine(folder, insist=request.netem, watch=watch), watch, _AGAIN_S)
        open_slot = partial(Slot, machines, judge, serious(watch))
        with Slots(open_slot, Fidelity(request.lanes, most_lanes()), folder, machines.images, machines.check) as slots:
            work(request.address, slots, folder, tell)


def work(address: str, slots: Slots, local: Path, tell: Tell) -> None:
    """Carry out the orders of the scheduler at `address` with `slots`, until the scheduler ends that; then raise why.

    What Dask keeps on disk is below `local`.
    For the main thread, which a signal may end meanwhile (`signals.interruptible`); the caller closes `slots`.
    Raises UsageError for no address, EnvironmentFault when the scheduler is not there, of another version, or gone, or
    has given this worker up.
    """
    offer = _Offer(checked(address), slots, local, tell)
    orders.offer(slots.carry_out)
    with ThreadPoolExecutor(1, thread_name_prefix="dask") as pool:
        standing = pool.submit(asyncio.run, offer.stand())
        try:
            while not wait({standing}, _TICK_S).done:
                pass
        finally:
            orders.offer(None)
            offer.withdraw()
            slots.changed = tell  # nobody is to hear of it any more but who stands here
        standing.result()
    raise asyncio.run(parted(address))


class _Offer:
    """A Dask worker in an event loop of its own: it stands until it is withdrawn, or the scheduler is gone."""

    def __init__(self, address: str, slots: Slots, local: Path, tell: Tell) -> None:
        self._address, self._slots, self._local, self._tell = address, slots, local, tell
        self._withdrawn = threading.Event()

    def withdraw(self) -> None:
        """End it, from another thread."""
        self._withdrawn.set()

    async def stand(self) -> None:
        """Register, and be there. EnvironmentFault."""
        quiet()
        await knock(self._address)
        worker = await self._registered()
        finished = asyncio.create_task(worker.finished())
        while not self._withdrawn.is_set() and not finished.done():
            await asyncio.wait({finished}, timeout=_TICK_S)
        await worker.close(timeout=_LEAVE_S, executor_wait=False)
        await finished

    async def _registered(self) -> Any:
        """Return a worker that the scheduler knows; Dask is not to pause it for its memory.

        It listens only on the side of the scheduler: whoever reaches it can run code here.
        """
        worker = dask.Worker(
            self._address,
            host=await near_side(self._address),
            nthreads=MOST_LANES,
            resources=self._offered(),
            memory_limit=0,
            local_directory=str(self._local),
            death_timeout=CONNECT_S,
        )
        try:
            await worker
        except Exception as error:  # noqa: BLE001 - Dask says it in many ways
            raise absent(self._address, words_of(error.__cause__ or error)) from None
        loop = asyncio.get_running_loop()
        self._slots.changed = lambda words: self._change(words, worker, loop)
        self._tell(f"{worker.address} offers {many(self._slots.count, 'lab slot')} to {self._address}")
        return worker

    def _change(self, words: str, worker: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Offer as many slots as there are now."""
        self._tell(words)
        asyncio.run_coroutine_threadsafe(worker.set_resources(**self._offered()), loop)

    def _offered(self) -> dict[str, float]:
        return {orders.tag(): float(self._slots.count)}
