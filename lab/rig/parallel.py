"""Independent calls to the engine at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lab.rig.signals import shielded

T = TypeVar("T")
WORKERS = 16


def side_by_side(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Run `tasks` in threads and return their results in order; the first failure is raised after all have ended.

    A signal waits until then: a container whose creation is under way would be missed by the sweep.
    """
    with shielded(), ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(task) for task in tasks]
    return [future.result() for future in futures]
