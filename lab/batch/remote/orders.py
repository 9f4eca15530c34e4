"""What a sweep orders from the workers of a cluster, what they answer, and who carries it; no Dask in here.

Law: only names that every Python knows cross the scheduler, so that it needs no lab: an order travels as bytes, and
unpickling them on a worker carries it out. Worker and sweep run the same code, which the tag of a lab slot proves, and
the same images, or the order is refused.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import lab
from lab.batch.crews.crew import Attempt
from lab.batch.folders.parcel import Parcel
from lab.batch.plans.cells import Cell
from lab.evidence.durable import storing


@dataclass(frozen=True, kw_only=True)
class Order:
    """Make one run of `cell` into a folder named `run`, on `images`, those of the whole sweep."""

    cell: Cell
    run: str
    images: Mapping[str, str]
    sounds: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Sound files by hash: paths mean nothing on another machine."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of an order: the attempt with the folder that it left, or the `trouble` for which there is none."""

    attempt: Attempt | None = None
    parcel: Parcel = field(default_factory=lambda: Parcel(pieces=()), repr=False)
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class Offers:
    """Who is there: lab slots of this very code by worker, and what each of the other workers is instead."""

    slots: Mapping[str, int]
    others: Mapping[str, str] = field(default_factory=dict)


class Errand(Protocol):
    """Bytes on their way to a worker, which unpickles them and sends back the bytes that this returns."""

    def result(self) -> bytes:
        """Return what came back. RuntimeError with the reason why nothing did."""

    def drop(self) -> None:
        """Let everybody forget it."""


class Carrier(Protocol):
    """What connects a sweep with its workers."""

    address: str

    def offers(self) -> Offers:
        """Ask who is there. EnvironmentFault when nobody can be asked any more."""

    def send(self, key: str, data: bytes, worker: str, done: Callable[[], None]) -> Errand:
        """Have `worker` unpickle `data` in one of its slots; `done` is called, in a thread, when its answer is here."""


@cache
def tag() -> str:
    """Return what a lab slot of this very code is called: version, and a hash of every module."""
    package, digest = Path(lab.__file__).parent, hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return f"lab-{lab.__version__}-{digest.hexdigest()[:8]}"


def order(cell: Cell, run: str, images: Mapping[str, str]) -> Order:
    """Return the order for a run of `cell` in a sweep on `images`. StorageError for a sound that is gone."""
    sounds = {digest: _sound(path) for digest, path in cell.sounds.items()}
    return Order(cell=replace(cell, sounds={}), run=run, images=images, sounds=sounds)


def _sound(path: Path) -> bytes:
    with storing(path):
        return path.read_bytes()


class _Errand:
    """Something that is carried out by being unpickled."""

    def __init__(self, what: Order) -> None:
        self._what = what

    def __reduce__(self) -> tuple[Callable[[Order], bytes], tuple[Order]]:
        return carried_out, (self._what,)


def written(what: Order) -> bytes:
    """Return `what` as bytes; `pickle.loads` of them, on a worker, returns its answer as bytes."""
    return pickle.dumps(_Errand(what))


def answered(data: bytes) -> Answer:
    """Return the answer that a worker gave."""
    answer = pickle.loads(data)
    assert isinstance(answer, Answer)
    return answer


_offered: Callable[[Order], Answer] | None = None


def offer(carry_out: Callable[[Order], Answer] | None) -> None:
    """Have this process's orders carried out by `carry_out` from now on; None: by nobody any more."""
    global _offered
    _offered = carry_out


def carried_out(what: Order) -> bytes:
    """Carry out `what` in this process; return the answer as bytes."""
    if _offered is None:
        raise RuntimeError("this process offers no lab slots")
    return pickle.dumps(_offered(what))
