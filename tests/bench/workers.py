"""What a Dask scheduler and its workers gain and cost: real ones on loopback, media simulated by waiting.

A run waits as long as its media would last, and copies a stored recording, which is packed, sent, unpacked, verified,
synced and written into the journal like any other. The overhead of a cell is what it takes longer there than in the
process of the sweep: of a run that leaves hardly a file, and among the raw numbers of one that leaves 2 MB.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab.batch.crews.crew import Crew
from tests.bench.figures import Figure
from tests.cluster.process import Process
from tests.cluster.working import TAG, Replayed
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import laid, planned, swept
from tests.replay.keep import unpacked

MEDIA_S = 1.0
WITH_MEDIA, WITHOUT = 24, 48
"""How many cells a sweep has."""
START_S = 4.0
"""About what a scheduler with workers takes until it is there and gone again."""


def workers(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure a sweep on one worker and on two."""
    taken = [tuple(_on_workers(count, "quietly", MEDIA_S, WITH_MEDIA) for count in (1, 2)) for _ in range(asked.rounds)]
    yield Figure.of(
        "workers",
        [one / two for one, two in taken],
        cells=WITH_MEDIA,
        media_s=MEDIA_S,
        one_worker_s=[round(one, 2) for one, _ in taken],
        two_workers_s=[round(two, 2) for _, two in taken],
    )


def workers_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return asked.rounds * (1.5 * WITH_MEDIA * MEDIA_S + 2 * START_S)


def overhead(asked: argparse.Namespace) -> Iterator[Figure]:
    """Measure a sweep whose runs take no time on one worker and in-process; return ms per cell."""
    taken = {way: [_cost_ms(way) for _ in range(asked.rounds)] for way in ("emptily", "quietly")}
    yield Figure.of(
        "overhead",
        taken["emptily"],
        cells=WITHOUT,
        with_a_recording_of_2_mb_ms=[round(each, 2) for each in taken["quietly"]],
    )


def overhead_s(asked: argparse.Namespace) -> float:
    """Return about how long that takes."""
    return asked.rounds * 2 * (START_S + 6.0)


def _cost_ms(way: str) -> float:
    """Return what a cell takes longer on a worker than in this process."""
    there = _on_workers(1, way, 0.0, WITHOUT)
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as scratch:
        here = _swept_s(InOrder(Replayed(unpacked("clean", Path(scratch)), way, 0.0)), WITHOUT)
    return 1000 * (there - here) / WITHOUT


def _on_workers(count: int, way: str, media_s: float, cells: int) -> float:
    """Return the seconds of a sweep over `count` workers, which are there before."""
    with ExitStack() as stack:
        address = stack.enter_context(Process("scheduling")).first
        for _ in range(count):
            stack.enter_context(Process("working", address, "--way", way, "--media-s", str(media_s)))
        return _swept_s(stack.enter_context(_crew(address)), cells)


@contextmanager
def _crew(address: str) -> Iterator[Crew]:
    from lab.batch.remote import orders  # Dask, which is an extra
    from lab.batch.remote.cluster import Cluster
    from lab.batch.remote.scheduler import Scheduler

    orders.tag = lambda: TAG  # type: ignore[assignment]  # as the tests' workers call themselves
    with Scheduler(address) as scheduler:
        yield Cluster(scheduler, {}, lambda _: None)


def _swept_s(crew: Crew, cells: int) -> float:
    levels = ",".join(f"{number / 10}%" for number in range(cells))
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as place:
        folder = laid(planned(Path(place), f"links.publisher.up.loss={levels}"), Path(place) / "sweep")
        began = time.perf_counter()
        done = swept(folder, crew)
        took = time.perf_counter() - began
        assert len(done.committed()) == cells
    return took
