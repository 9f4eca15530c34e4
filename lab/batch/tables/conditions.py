"""What must be the same before two runs may be compared, and what is not.

Law: two runs may differ in one thing, the thing compared, and in chance (the seed). Everything else that a manifest and
a scenario tell is a condition. What comes together counts as one thing: a server's version and its image, the kernel
and the machine it runs on, with the ids of the images that it built by the same recipes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lab.analysis.several.compared import Differing
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.manifest import Manifest, read_manifest
from lab.scenario.dump import plain
from lab.scenario.load import loads

_CHANCE = ("version", "name", "description", "seed")
"""Keys of a scenario that do nothing to a run but name it, or draw its chance."""
_WHOLE = ("audio", "loss", "background", "expect")
"""Mappings of a scenario that are one setting."""
_SERVER, _CLIENT, _MACHINE, _NETEM, _LAB = "server.version", "clients.sdk", "machine", "netem", "lab"
_VERSIONS = {"server": _SERVER, "engine": _MACHINE}
_IMAGES = {"server": _SERVER, "client": _CLIENT}
_RECIPE, _IMAGE = "recipe ", "image "


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One fact of a run: `thing` is what may be compared as one, `detail` the fact in it, if several."""

    thing: str
    detail: str
    value: str


def conditions(run: Path) -> tuple[Condition, ...]:
    """Return every condition of the run in the folder `run`. EvidenceError, StorageError, ScenarioError."""
    path = run / names.RESOLVED
    with storing(path):
        text = path.read_bytes()
    return (*_scenario(_without_seed(text)), *_manifest(read_manifest(run)))


def differing(first: Sequence[Condition], second: Sequence[Condition]) -> tuple[Differing, ...]:
    """Return the conditions that are not the same, in the order of the first run's.

    A mapping that only one side has, such as a client, is one thing.
    """
    one, other = _named(first, second), _named(second, first)
    found = tuple(
        Differing(thing=thing, detail=detail, first=one.get((thing, detail), ""), second=other.get((thing, detail), ""))
        for thing, detail in dict.fromkeys((*one, *other))
        if one.get((thing, detail)) != other.get((thing, detail))
    )
    same = {name[1] for name, value in one.items() if other.get(name) == value}
    return tuple(replace(each, thing=_MACHINE) if _is_of_a_machine(each.detail, same) else each for each in found)


def _is_of_a_machine(detail: str, same: Collection[str]) -> bool:
    """Say whether it is the id of an image whose recipe is among what is the `same`: each machine has its own."""
    return detail.startswith(_IMAGE) and f"{_RECIPE}{detail.removeprefix(_IMAGE)}" in same


def _named(found: Sequence[Condition], partner: Sequence[Condition]) -> dict[tuple[str, str], str]:
    """Return `found` by name; what lies below a key that `partner` does not have at all goes by that key."""
    known = {key for one in partner for key in above(one.thing)}
    values: dict[tuple[str, str], list[str]] = {}
    for one in found:
        thing = next((key for key in above(one.thing) if key not in known), one.thing)
        tail = one.thing[len(thing) :].lstrip(".")
        values.setdefault((thing, one.detail), []).append(f"{tail} {one.value}".strip())
    return {name: ", ".join(texts) for name, texts in values.items()}


def above(thing: str) -> list[str]:
    """Return the keys on the way to `thing`, and itself: `media` and `media.red`."""
    parts = thing.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _without_seed(text: bytes) -> bytes:
    """Return a resolved scenario as all repetitions have it, so that it is read once for all of them."""
    return b"".join(line for line in text.splitlines(keepends=True) if not line.startswith(b"seed:"))


@lru_cache(maxsize=1024)
def _scenario(text: bytes) -> tuple[Condition, ...]:
    # an older lab wrote no defaults of what it did not know
    data = plain(loads(text.decode(), source=names.RESOLVED, recorded=True))
    return tuple(_leaves({key: value for key, value in data.items() if key not in _CHANCE}))


def _leaves(value: Any, *path: str) -> Iterator[Condition]:
    if isinstance(value, Mapping) and value and not (path and path[-1] in _WHOLE):
        for key, below in value.items():
            yield from _leaves(below, *path, str(key))
        return
    key = ".".join(path)
    if path[0] == "clients" and path[-1] == "sdk":
        yield Condition(thing=_CLIENT, detail=key, value=_spelled(value))
    else:
        yield Condition(thing=key, detail="", value=_spelled(value))


def _spelled(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_spelled(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return "; ".join(map(_spelled, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None else str(value)


def _manifest(manifest: Manifest) -> Iterator[Condition]:
    for name, version in manifest.versions.items():
        yield Condition(thing=_VERSIONS.get(name, _LAB), detail=name, value=version)
    for name, image in manifest.images.items():
        thing = _IMAGES.get(name.split(" ")[0], f"images.{name}")
        if image.recipe:
            yield Condition(thing=thing, detail=f"{_RECIPE}{name}", value=image.recipe)
        yield Condition(thing=thing, detail=f"{_IMAGE}{name}", value=image.digest)
    for name, value in asdict(manifest.netem).items() if manifest.netem else ():
        yield Condition(thing=_NETEM, detail=name, value=str(value))
    for name, value in manifest.host.items():
        yield Condition(thing=_MACHINE, detail=name, value=str(value))
