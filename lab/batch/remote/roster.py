"""The workers of a cluster as a sweep knows them: who is there, what each is making, whom nothing is given any more.

Law: a worker that troubles the sweep twice in a row gets nothing more, whether it is here then or comes back. One that
could not make a run which another then made was in trouble; one that nobody could make troubles nobody but its cell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

STRIKES = 2


@dataclass(kw_only=True)
class Worker:
    """One worker: how many lab slots it offers, how many of them are busy, and what its labs were built for."""

    address: str
    slots: int
    busy: int = 0
    hosts: tuple[str, ...] = ()
    strikes: int = 0

    @property
    def usable(self) -> bool:
        """Whether it may be given something at all."""
        return self.strikes < STRIKES


class Roster:
    """Everybody that was ever there."""

    def __init__(self) -> None:
        """Know nobody."""
        self._here: dict[str, Worker] = {}
        self._known: dict[str, Worker] = {}
        self.trouble = ""

    @property
    def usable(self) -> tuple[Worker, ...]:
        """Those who are here and may be given something, busy or not."""
        return tuple(worker for worker in self._here.values() if worker.usable)

    @property
    def here(self) -> int:
        """How many are here, usable or not."""
        return len(self._here)

    def __contains__(self, address: str) -> bool:
        """Whether that worker is here."""
        return address in self._here

    def see(self, slots: Mapping[str, int]) -> None:
        """Take notice of who is here, address → lab slots; who is not makes nothing any more."""
        self._here = {address: self._here.get(address) or self._come(address) for address in slots}
        self._known |= self._here
        for address, count in slots.items():
            self._here[address].slots = count

    def _come(self, address: str) -> Worker:
        """Return a worker that was not here, idle, with the trouble that it has made before."""
        before = self._known.get(address)
        return Worker(address=address, slots=0, strikes=before.strikes if before else 0)

    @property
    def slots(self) -> int:
        """How many runs those who may be given something make at a time."""
        return sum(worker.slots for worker in self.usable)

    def free(self, host: str, tried: Collection[str] = (), ahead: int = 0) -> Worker | None:
        """Return the best worker with a free slot, or with fewer than `ahead` orders beyond its slots; None: no such.

        None of those that `tried` in vain while another is usable; rather one with a lab for `host`, or the least busy.
        """
        fresh = [worker for worker in self.usable if worker.address not in tried] or self.usable
        able = [worker for worker in fresh if worker.busy < worker.slots + ahead]
        idle = [worker for worker in able if worker.busy < worker.slots]
        return min(idle or able, key=lambda one: (host not in one.hosts, one.busy / one.slots), default=None)

    def has(self, host: str, tried: Collection[str] = (), ahead: int = 0) -> bool:
        """Whether the worker that is `free` for it has a lab for `host`."""
        worker = self.free(host, tried, ahead)
        return worker is not None and host in worker.hosts

    def take(self, worker: Worker, host: str) -> None:
        """Let one slot of `worker` be busy with a cell of `host`."""
        worker.busy += 1
        worker.hosts = (*(one for one in worker.hosts if one != host), host)[-worker.slots :]

    def give_back(self, address: str) -> None:
        """Let one slot be free again."""
        if address in self._here:
            self._here[address].busy -= 1

    def praise(self, address: str) -> None:
        """Forgive it whatever it did before: it made a run."""
        if address in self._here:
            self._here[address].strikes = 0

    def blame(self, address: str, trouble: str, strikes: int = 1) -> bool:
        """Remember its `trouble`; return whether that puts it out, from now on."""
        self.trouble = f"{address}: {trouble}"
        worker = self._known.get(address)
        if worker is None or not worker.usable:
            return False
        worker.strikes += strikes
        return not worker.usable
