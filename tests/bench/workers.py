"""What a Dask scheduler and its workers cost: real ones on loopback, media simulated by waiting.

A run is a stored recording, copied after its media. What it costs more on a worker than in-process is the overhead: the
task, the run's folder packed, sent, verified and committed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.batch import orders
from lab.batch.cluster import Cluster
from lab.batch.crew import Crew, InOrder
from lab.batch.scheduler import Scheduler
from tests.bench.figures import Figure
from tests.cluster.conftest import Process
from tests.cluster.working import TAG, Replayed
from tests.fakes.sweeps import laid, planned, swept
from tests.replay.keep import unpacked

CELLS = 20
MEDIA_S = 1.0
AXIS = f"links.publisher.up.loss=0%..{CELLS - 1}%/1%"


def workers(asked: argparse.Namespace) -> Figure:
    """Measure a sweep on one worker and on two."""
    taken = [(_on_workers(1, MEDIA_S), _on_workers(2, MEDIA_S)) for _ in range(asked.rounds)]
    return Figure.of(
        "workers",
        [one / two for one, two in taken],
        cells=CELLS,
        media_s=MEDIA_S,
        one_worker_s=[round(one, 2) for one, _ in taken],
        two_workers_s=[round(two, 2) for _, two in taken],
    )


def overhead(asked: argparse.Namespace) -> Figure:
    """Measure a sweep whose runs take no time on one worker and in-process; return ms per cell."""
    taken = [(_on_workers(1, 0.0), _in_process()) for _ in range(asked.rounds)]
    return Figure.of(
        "overhead",
        [1000 * (there - here) / CELLS for there, here in taken],
        cells=CELLS,
        on_a_worker_s=[round(there, 3) for there, _ in taken],
        in_process_s=[round(here, 3) for _, here in taken],
    )


def _on_workers(count: int, media_s: float) -> float:
    """Return the seconds of a sweep over `count` workers, which are there before."""
    orders.tag = lambda: TAG  # type: ignore[assignment]  # as the tests' workers call themselves
    with ExitStack() as stack:
        scheduler = stack.enter_context(Process("scheduling"))
        for _ in range(count):
            stack.enter_context(Process("working", scheduler.first, "--media-s", str(media_s)))
        crew = Cluster(stack.enter_context(Scheduler(scheduler.first)), {}, lambda _: None)
        return _swept_s(crew)


def _in_process() -> float:
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as scratch:
        return _swept_s(InOrder(Replayed(unpacked("clean", Path(scratch)), "quiet", 0.0)))


def _swept_s(crew: Crew) -> float:
    with _sweep() as folder:
        began = time.monotonic()
        done = swept(folder, crew)
        took = time.monotonic() - began
        assert done.missing() == ()
    return took


@contextmanager
def _sweep() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        plan = planned(Path(folder) / "plan", AXIS)
        yield laid(plan, Path(folder) / "sweep")
