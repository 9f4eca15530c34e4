"""A worker's side of an order: a lab slot makes the run, and its folder is packed for the way back.

Law: whatever goes wrong is an answer; another worker may be luckier. Images that cannot be had are a failed attempt,
for maybe nobody can have them; where the engine itself does not answer, that is this worker's trouble, whatever the
cell. Nothing of a run stays here. There are as many slots as this machine was found to carry, and whoever offers them
hears when that changes.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from lab.batch.crews.crew import Attempt, RunCell
from lab.batch.crews.fidelity import Fidelity
from lab.batch.folders.journal import ERROR
from lab.batch.folders.parcel import Parcel, pack
from lab.batch.plans.images import differing
from lab.batch.remote.orders import Answer, Order
from lab.errors import EnvironmentFault, Interrupted, LeftoverError, StorageError
from lab.evidence.durable import ELSEWHERE, storing
from lab.rig.process.signals import shielded
from lab.scenario.model import Scenario

_OPTION = "--scratch"
"""With which `lab worker` is told where runs are."""

Over = Callable[[], bool]
OpenSlot = Callable[[Over], AbstractContextManager[RunCell]]
"""Opens a slot, which gives up what it is making once it is over."""
ImagesOf = Callable[[Scenario], Mapping[str, str]]
"""Makes sure of the images that a scenario needs, and returns them as `Plan.images` has them. EnvironmentFault."""
Check = Callable[[], object]
"""Asks the engine of this machine whether it is there. EnvironmentFault when it does not answer."""


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A slot, what closes it, and what its lab was last built for."""

    make: RunCell
    close: ExitStack
    host: str = ""


class Slots:
    """The lab slots of this machine, as a context; each makes one run at a time, judged before the next one begins."""

    def __init__(self, open_slot: OpenSlot, fidelity: Fidelity, scratch: Path, images: ImagesOf, check: Check) -> None:
        """Make runs in folders below `scratch`, in as many slots as `fidelity` says."""
        self.changed: Callable[[str], None] = lambda _: None
        self._open_slot, self._fidelity, self._scratch = open_slot, fidelity, scratch
        self._images, self._check = images, check
        self._free: list[_Open] = []
        self._left: list[str] = []
        self._busy = 0
        self._over = threading.Event()
        self._turn = threading.Condition()
        self._broom = ThreadPoolExecutor(1, thread_name_prefix="broom")

    @property
    def count(self) -> int:
        """How many there are now."""
        return self._fidelity.lanes

    def __enter__(self) -> Slots:
        """Be ready; a slot is opened with its first order."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Give up what is being made, and close every slot.

        LeftoverError when one leaves, or has left, something behind; where there is a first error it is only told.
        """
        self._over.set()
        with shielded(), self._turn, ExitStack() as closing:
            self._turn.wait_for(lambda: not self._busy)
            told = len(self._left)
            for slot in self._free:
                closing.callback(self._close, slot)
            closing.callback(self._broom.shutdown)
        if self._left and error is None:
            raise LeftoverError("; ".join(self._left))
        if last := "; ".join(self._left[told:]):
            self.changed(last)

    def carry_out(self, what: Order) -> Answer:
        """Make the run. Whatever goes wrong is told, never raised."""
        try:
            slot, changes = self._taken(what.cell.host), self._fidelity.changes
            try:
                answer = self._made(slot.make, what)
            finally:
                self._put_back(replace(slot, host=what.cell.host))
        except (Exception, Interrupted) as error:  # noqa: BLE001 - see above
            return Answer(trouble=_of_a_worker(f"{type(error).__name__}: {error}"))
        if answer.attempt is None:
            return answer
        self._heard(answer.attempt, changes)
        return replace(answer, attempt=replace(answer.attempt, why=_of_a_worker(answer.attempt.why)))

    def _taken(self, host: str) -> _Open:
        """Return the free slot whose lab fits, else one that is new, else any that is free."""
        with self._turn:
            if self._over.is_set():
                raise RuntimeError("this worker is ending")
            self._busy += 1
            fit = [slot for slot in self._free if slot.host == host]
            new = self._busy + len(self._free) <= self.count
            if fit or (self._free and not new):
                chosen = (fit or self._free)[0]
                self._free.remove(chosen)
                return chosen
        return self._opened()

    def _opened(self) -> _Open:
        close = ExitStack()
        try:
            return _Open(make=close.enter_context(self._open_slot(self._over.is_set)), close=close)
        except BaseException:
            self._done()
            raise

    def _put_back(self, slot: _Open) -> None:
        """Keep `slot` for the next order, unless there are too many by now."""
        with self._turn:
            keep = self._busy + len(self._free) <= self.count or self._over.is_set()
            if keep:
                self._free.append(slot)
        try:
            left = "" if keep else self._close(slot)
        finally:
            self._done()
        if left:
            self.changed(left)

    def _close(self, slot: _Open) -> str:
        """Close `slot`; return what its labs leave behind, which is no run's fault: what was just made is whole."""
        try:
            slot.close.close()
        except LeftoverError as error:
            self._left.append(str(error))
            return self._left[-1]
        return ""

    def _done(self) -> None:
        with self._turn:
            self._busy -= 1
            self._turn.notify_all()

    def _heard(self, attempt: Attempt, changes: int) -> None:
        with self._turn:
            words = self._fidelity.heard(attempt, changes)
        if words:
            self.changed(words)

    def _made(self, make: RunCell, what: Order) -> Answer:
        with storing(self._scratch, option=_OPTION):
            place = Path(tempfile.mkdtemp(dir=self._scratch, prefix="cell-"))
        try:
            with storing(place, option=_OPTION):
                cell = replace(what.cell, sounds=_laid(what.sounds, place))
            try:
                here = self._images(cell.scenario)
            except EnvironmentFault as error:
                self._check()
                return Answer(attempt=Attempt(outcome=ERROR, why=str(error), exit_code=error.exit_code, final=True))
            if other := differing(what.images, here):
                return Answer(trouble=f"its images are made of something else: {', '.join(other)}")
            folder = place / "cell" / what.run
            folder.parent.mkdir()
            attempt = make(cell, folder)
            return Answer(attempt=attempt, parcel=_packed(attempt, folder))
        finally:
            self._broom.submit(shutil.rmtree, place)  # what that leaves, whoever made the scratch folder tells


def _of_a_worker(words: str) -> str:
    """Return `words` with the option of `lab worker` where they name that of `lab run` for the same."""
    return words.replace(ELSEWHERE.format(option="-o"), ELSEWHERE.format(option=_OPTION))


def _packed(attempt: Attempt, folder: Path) -> Parcel:
    """Return what `attempt` left in `folder`; nothing of one that failed of what no parcel can carry. StorageError."""
    try:
        return pack(folder)
    except StorageError:
        if attempt.outcome != ERROR:
            raise
        return Parcel(pieces=())


def _laid(sounds: Mapping[str, bytes], place: Path) -> dict[str, Path]:
    """Write each sound into a file; return hash → path."""
    found = {}
    for digest, data in sounds.items():
        found[digest] = place / f"{digest}.wav"
        found[digest].write_bytes(data)
    return found
