"""One thread that writes down what the kernel counts for every container of a run: CPU, memory, packets dropped.

Law: it looks four times a second, from the machine and not from inside, so that a pause of half a second covers a whole
interval; once at the start and once more at the end, so that totals are those of the whole run. Containers come and
go: one that is gone is no evidence and no failure; one that could never be read leaves a file that says why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from lab.evidence.accounts import CgroupSecond, NetworkSecond
from lab.evidence.host import line
from lab.evidence.store import RunFolder

PERIOD_S = 0.25
Reader = Callable[[], CgroupSecond | NetworkSecond]
"""Reads totals now; OSError when they are not there any more."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Totals to be written to the file `target`; `open` finds where they are, OSError when they cannot be found."""

    target: str
    open: Callable[[], Reader]


class Sampler:
    """Reads every account that it was given; `watch` may be called from any thread, before and while it runs."""

    def __init__(self, folder: RunFolder) -> None:
        """Write below `folder`; nothing is read before `run`."""
        self._folder = folder
        self._new: SimpleQueue[Account] = SimpleQueue()

    def watch(self, account: Account) -> None:
        """Read `account` from the next sample on."""
        self._new.put(account)

    def run(self, ended: threading.Event) -> None:
        """Write a sample of every account each period until `ended`, and one more then. StorageError."""
        open_: dict[str, Reader] = {}
        last = False
        while True:
            open_ |= self._opened()
            open_ = {target: reader for target, reader in open_.items() if self._sampled(target, reader)}
            if last:
                return
            last = ended.wait(PERIOD_S)

    def _opened(self) -> dict[str, Reader]:
        """Return the readers of the accounts that are new."""
        found: dict[str, Reader] = {}
        while True:
            try:
                account = self._new.get_nowait()
                found[account.target] = account.open()
            except Empty:
                return found
            except OSError as error:
                self._unread(account.target, error)

    def _sampled(self, target: str, reader: Reader) -> bool:
        """Write one sample; return whether there may be another."""
        try:
            sample = reader()
        except OSError as error:
            if not (self._folder.path / target).exists():
                self._unread(target, error)
            return False
        self._folder.append(target, line(sample))
        return True

    def _unread(self, target: str, error: OSError) -> None:
        """Say why there is nothing: the container is gone already, or runs on another machine than this."""
        self._folder.write(target.replace(".jsonl", ".log"), f"cannot be read: {error}\n")
