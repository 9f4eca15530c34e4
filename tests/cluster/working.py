"""A real worker whose lab slots replay a stored recording: `python -m tests.cluster.working ADDRESS [--way WAY]`.

Prints a line when it is there, and one for each cell that it begins.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.batch.crews.crew import Attempt, RunCell
from lab.batch.crews.fidelity import Fidelity
from lab.batch.folders.journal import ERROR
from lab.batch.folders.parcel import Parcel, pack
from lab.batch.plans.cells import Cell
from lab.batch.remote import orders
from lab.batch.remote import slots as of_slots
from lab.batch.remote.slots import Slots
from lab.batch.remote.worker import work
from lab.errors import EnvironmentFault, Interrupted, LabError
from lab.rig.process.signals import interruptible
from lab.scenario.model import Scenario
from tests.fakes.sweeps import FakeRuns
from tests.replay.keep import unpacked

TAG = "lab-of-these-tests"
"""Instead of a hash of a tree that somebody may be working on while the tests run."""
WAYS = ("well", "quietly", "emptily", "stalls", "lies", "fails", "raises", "old")
"""How it works: well; the same without a word; without a word and without evidence; its second run does not end; it
sends other bytes than it hashed; every attempt comes to nothing; every run raises what nobody foresaw; well, with no
image for an SDK that is not 1.2.1."""
STALLS_S = 600.0


class Replayed:
    """A `RunCell` that copies the recording in `take`, after `media_s`."""

    def __init__(self, take: Path, way: str, media_s: float) -> None:
        """Work in that `way`."""
        self._take, self._way, self._media_s = take, way, media_s
        self._made = 0

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        if self._way not in ("quietly", "emptily"):
            print(cell.id, flush=True)
        self._made += 1
        if self._way == "fails":
            return Attempt(outcome=ERROR, why="no engine here", exit_code=4)
        if self._way == "raises":
            raise ZeroDivisionError("a bug")
        time.sleep(self._media_s if self._way != "stalls" or self._made == 1 else STALLS_S)
        assert cell.scenario.links  # whoever makes a run reads it
        if self._way == "emptily":
            return FakeRuns()(cell, folder)
        shutil.copytree(self._take, folder)
        return Attempt(outcome="PASS", owner="NONE", wall_s=self._media_s)


def lied(folder: Path) -> Parcel:
    """Pack `folder`, and change a byte afterwards."""
    parcel = pack(folder)
    object.__setattr__(parcel.pieces[-1], "data", b"!" + parcel.pieces[-1].data[1:])
    return parcel


def main() -> None:
    """Work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--way", choices=WAYS, default="well")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--media-s", type=float, default=0.0)
    parser.add_argument("--router", default="sha256:1")
    parser.add_argument("--tag", default=TAG)
    asked = parser.parse_args()
    orders.tag = lambda: asked.tag  # type: ignore[assignment]
    if asked.way == "lies":
        of_slots.pack = lied
    with tempfile.TemporaryDirectory() as scratch:
        take = unpacked("clean", Path(scratch))

        @contextmanager
        def opened(_: object) -> Iterator[RunCell]:
            yield Replayed(take, asked.way, asked.media_s)

        def images(scenario: Scenario) -> Mapping[str, str]:
            if asked.way == "old" and any(client.sdk != "1.2.1" for client in scenario.clients):
                raise EnvironmentFault("there is no such SDK")
            return {"router": asked.router}

        slots = Slots(opened, Fidelity(asked.slots), Path(scratch), images, lambda: None)
        with interruptible(), slots:
            work(asked.address, slots, Path(scratch), lambda words: print(words, flush=True))


if __name__ == "__main__":
    try:
        main()
    except (LabError, Interrupted) as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
