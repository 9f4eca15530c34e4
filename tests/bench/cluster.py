"""What a cluster gains and costs, with simulated media: `python -m tests.bench.cluster`.

A real scheduler and real worker processes on loopback; a run waits as long as its media would last, and copies a stored
recording, which is packed, sent, unpacked, verified, synced and written into the journal like any other. Each figure is
the median of `ROUNDS` rounds, with the least and the greatest: how much faster two workers with a slot each are than
one; and how much longer a cell without media takes than in this process, when its run is empty, and when it is 2 MB.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from lab.batch import orders
from lab.batch.cluster import Cluster
from lab.batch.crew import Crew, InOrder
from lab.batch.scheduler import Scheduler
from tests.cluster.process import Process
from tests.cluster.working import TAG, Replayed
from tests.fakes.sweeps import laid, planned, swept
from tests.replay.keep import unpacked

MEDIA_S, ROUNDS = 1.0, 5
WITH_MEDIA, WITHOUT = 24, 48
"""How many cells a sweep has."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure with its spread, and what it was made of (seconds)."""

    name: str
    ratio: float
    low: float
    high: float
    raw: dict[str, list[float]]


@contextmanager
def cluster(workers: int, way: str, media_s: float = 0.0) -> Iterator[Crew]:
    """Have a scheduler with workers that work in that `way` and wait `media_s` per run."""
    with ExitStack() as stack:
        address = stack.enter_context(Process("scheduling")).first
        for _ in range(workers):
            stack.enter_context(Process("working", address, "--way", way, "--media-s", str(media_s)))
        yield Cluster(stack.enter_context(Scheduler(address)), {}, lambda _: None)


@contextmanager
def here(way: str) -> Iterator[Crew]:
    """Make runs in this process, without media."""
    with tempfile.TemporaryDirectory() as take:
        yield InOrder(Replayed(unpacked("clean", Path(take)), way, 0.0))


def wall_s(crew: Crew, cells: int) -> float:
    """Return how long a sweep of so many `cells` takes."""
    with tempfile.TemporaryDirectory() as place:
        levels = ",".join(f"{number / 10}%" for number in range(cells))
        folder = laid(planned(Path(place), f"links.publisher.up.loss={levels}"), Path(place) / "sweep")
        began = time.perf_counter()
        done = swept(folder, crew)
        took = time.perf_counter() - began
        assert len(done.committed()) == cells
        return took


def compared(name: str, sides: dict[str, Callable[[], float]], figure: Callable[..., float]) -> Figure:
    """Measure each of `sides` in turn, `ROUNDS` times; make a figure of each round."""
    raw: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side, measure in sides.items():
            raw[side].append(round(measure(), 3))
    each = [figure(*values) for values in zip(*raw.values(), strict=True)]
    return Figure(name=name, ratio=median(each), low=min(each), high=max(each), raw=raw)


def figures() -> Iterator[Figure]:
    """Measure."""
    orders.tag = lambda: TAG  # type: ignore[assignment]  # as in the workers, whoever edits the tree meanwhile

    def of(opened: Callable[[], AbstractContextManager[Crew]], cells: int) -> Callable[[], float]:
        def measure() -> float:
            with opened() as crew:
                return wall_s(crew, cells)

        return measure

    yield compared(
        "two workers ÷ one",
        {
            "one": of(partial(cluster, 1, "quietly", MEDIA_S), WITH_MEDIA),
            "two": of(partial(cluster, 2, "quietly", MEDIA_S), WITH_MEDIA),
        },
        lambda one, two: one / two,
    )
    for way, run in (("emptily", "an empty run"), ("quietly", "2 MB")):
        yield compared(
            f"overhead per cell, {run} (ms)",
            {"cluster": of(partial(cluster, 1, way), WITHOUT), "here": of(partial(here, way), WITHOUT)},
            lambda there, here_s: (there - here_s) / WITHOUT * 1000,
        )


if __name__ == "__main__":
    for found in figures():
        print(json.dumps(asdict(found)), flush=True)
        print(f"{found.name}: {found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})", file=sys.stderr)
