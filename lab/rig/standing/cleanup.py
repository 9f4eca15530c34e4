"""Remove what carries a run's label, by id.

The law: idempotent; one container that refuses never stops the rest; what is left is listed, with why. What belongs
to a living lab is not touched unless it is named, and an empty id names none. Images are never removed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.errors import EnvironmentFault, LeftoverError, UsageError
from lab.rig.engine.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, Engine
from lab.rig.layout import owner

SWEEP_APART_S = 0.5
EMPTY_SWEEPS = 3
REAP_DEADLINE_S = 60.0
_WORKERS = 8
_OF_A_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
"""What a run's folder is called, and a sweep's; no lab is."""

Pause = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A container of a run."""

    id: str
    name: str
    labels: Mapping[str, str]

    @property
    def run(self) -> str:
        """The id of the run that it belongs to."""
        return self.labels.get(RUN_LABEL, "")

    def __str__(self) -> str:
        """Name it for a person."""
        return f"container {self.name} ({self.id[:12]})"


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """What a sweep removed, and what refused, each with its reason."""

    removed: tuple[Thing, ...] = ()
    refused: tuple[tuple[Thing, str], ...] = ()

    def raise_if_any(self, run: str) -> None:
        """Raise LeftoverError that lists what refused to go and names the clean command."""
        if self.refused:
            listed = "; ".join(f"{thing}: {why}" for thing, why in self.refused)
            raise LeftoverError(f"could not be removed: {listed}", fix=f"`lab clean --run {run}`")


def sweep(engine: Engine, labels: Mapping[str, str]) -> Leftovers:
    """Remove everything that carries all of `labels` (an empty value matches any).

    Raises EnvironmentFault only when the engine cannot say what there is.
    """
    return _remove(engine, found(engine, labels))


def labels_of(run: str) -> Mapping[str, str]:
    """Return the labels of everything of `run`. UsageError for an empty id: as a label's value it matches every lab."""
    if not run.strip():
        raise UsageError("an empty id is no lab's", fix="give an id, or none at all")
    return {RUN_LABEL: run}


def sweep_run(engine: Engine, run: str) -> None:
    """Remove everything of `run`. Raises LeftoverError for what refused, or when the engine does not answer."""
    try:
        done = sweep(engine, labels_of(run))
    except EnvironmentFault as error:
        raise LeftoverError(f"could not look for what is left: {error}", fix=f"`lab clean --run {run}`") from error
    done.raise_if_any(run)


def found(engine: Engine, labels: Mapping[str, str]) -> tuple[Thing, ...]:
    """Return the containers that carry all of `labels`."""
    return tuple(Thing(id=c.id, name=c.name, labels=c.labels) for c in engine.containers(labels))


def clean(engine: Engine, *, run: str | None = None, everything: bool = False, dry: bool = False) -> Leftovers:
    """Remove what dead or expired runs of this user left; or of `run`; or, with `everything`, of every run at all.

    `dry` removes nothing: then `removed` is what would be. UsageError for a `run` of which there is nothing.
    """
    chosen = _all(engine, everything) if run is None else _named(engine, run)
    return Leftovers(removed=chosen) if dry else _remove(engine, chosen)


def _all(engine: Engine, everything: bool) -> tuple[Thing, ...]:
    return tuple(thing for thing in found(engine, {RUN_LABEL: ""}) if everything or is_abandoned(thing))


def _named(engine: Engine, run: str) -> tuple[Thing, ...]:
    """Return what there is of `run`. UsageError that lists the ids there are when that is nothing."""
    if things := found(engine, labels_of(run)):
        return things
    ids = sorted({thing.run for thing in found(engine, {RUN_LABEL: ""})} - {""})
    meant = ": that is a run's; its lab's is meant, which `lab run --keep` printed" if _OF_A_RUN.fullmatch(run) else ""
    there = f"there are: {', '.join(ids)}" if ids else "there is none"
    raise UsageError(f"no lab with the id {run} on this machine{meant}", fix=there)


def is_abandoned(thing: Thing) -> bool:
    """Return whether `thing` is this user's and its lab is known to be dead, or its time is over."""
    label = thing.labels.get(OWNER_LABEL, "")
    over = owner.has_expired(thing.labels.get(EXPIRES_LABEL, ""))
    return owner.is_mine(label) and (over or owner.is_dead(label))


def reap(
    engine: Engine,
    labels: Mapping[str, str],
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Pause = time.sleep,
) -> bool:
    """Sweep until nothing was found EMPTY_SWEEPS times in a row; return False when REAP_DEADLINE_S was too short.

    More than once, because a creation under way when its lab was killed may finish after the first look.
    """
    deadline, empty = clock() + REAP_DEADLINE_S, 0
    while empty < EMPTY_SWEEPS and clock() < deadline:
        empty = empty + 1 if _swept_nothing(engine, labels) else 0
        pause(SWEEP_APART_S)
    return empty >= EMPTY_SWEEPS


def _swept_nothing(engine: Engine, labels: Mapping[str, str]) -> bool:
    """Sweep once; a daemon that does not answer has not said that there is nothing."""
    try:
        left = sweep(engine, labels)
    except EnvironmentFault:
        return False
    return not left.removed and not left.refused


def _remove(engine: Engine, things: Sequence[Thing]) -> Leftovers:
    """Remove `things` side by side."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        reasons = tuple(pool.map(lambda thing: _refusal(engine, thing), things))
    refusals = tuple(zip(things, reasons, strict=True))
    return Leftovers(
        removed=tuple(thing for thing, why in refusals if why is None),
        refused=tuple((thing, why) for thing, why in refusals if why is not None),
    )


def _refusal(engine: Engine, thing: Thing) -> str | None:
    """Remove `thing`; return why it would not go."""
    try:
        engine.remove(thing.id)
    except EnvironmentFault as error:
        return str(error)
    return None
