"""The matrix: which runs a seed asks for.

Law: the same seed and size give the same cells, letter for letter; what one cell draws does not depend on any other.
At least a quarter of the runs that are not sabotaged are clean controls, about as many hold a fault of the network and
one of the code at once, and every single fault comes about equally often.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from random import Random
from typing import Any

import yaml

from tests.accuracy.fault import Fault, Strength
from tests.accuracy.faults import FAULTS, fault
from tests.accuracy.harness import SABOTAGES, Sabotage

CLEAN_SHARE = PAIR_SHARE = 0.25
FULL_SEED = 20_271_104
"""Of the published proof; development draws from any other."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many runs, how many sabotaged ones on top, and how long the media of each."""

    runs: int
    sabotaged: int
    media_ms: int


FULL = Size(runs=300, sabotaged=102, media_ms=10_000)
QUICK = Size(runs=17, sabotaged=3, media_ms=6_000)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run to make: its scenario, what is put into it, and what is done to the lab meanwhile."""

    id: str
    text: str
    faults: tuple[str, ...] = ()
    strengths: tuple[Strength, ...] = ()
    sabotage: str = ""
    sabotage_strength: Strength | None = None


def matrix(seed: int, size: Size) -> tuple[Cell, ...]:
    """Return the cells of `seed`, the sabotaged ones among the others, in the order in which they are numbered."""
    plans = [*_plans(Random(f"{seed}/plan"), size.runs), *_sabotaged(Random(f"{seed}/harness"), size.sabotaged)]
    return tuple(_cell(number, plan, seed, size.media_ms) for number, plan in enumerate(plans))


Plan = tuple[tuple[Fault, ...], Sabotage | None]


def _plans(dice: Random, runs: int) -> list[Plan]:
    clean, pairs = math.ceil(CLEAN_SHARE * runs), round(PAIR_SHARE * runs)
    singles = _dealt(dice, FAULTS, runs - clean - pairs)
    network = _dealt(dice, [each for each in FAULTS if each.network and not each.soft], pairs)
    code = _dealt(dice, [each for each in FAULTS if not each.network and not each.soft], pairs)
    alone: list[Plan] = [((), None)] * clean + [((each,), None) for each in singles]
    plans = alone + [(both, None) for both in zip(network, code, strict=True)]
    dice.shuffle(plans)
    return plans


def _sabotaged(dice: Random, runs: int) -> list[Plan]:
    """Return sabotages of clean runs, and every third of a run whose link loses much."""
    dealt = _dealt(dice, SABOTAGES, runs)
    return [((fault("uplink-random"),) if number % 3 == 2 else (), each) for number, each in enumerate(dealt)]


def _dealt(dice: Random, kinds: Sequence[Any], count: int) -> list[Any]:
    """Return `count` of `kinds`, each as often as the others, give or take one."""
    dealt: list[Any] = []
    while len(dealt) < count:
        dealt += dice.sample(kinds, len(kinds))
    return dealt[:count]


def _cell(number: int, plan: Plan, seed: int, media_ms: int) -> Cell:
    faults, sabotage = plan
    dice = Random(f"{seed}/{number}")
    strengths = tuple(each.draw(dice, media_ms) for each in faults)
    words = [each.name for each in faults] or ["clean"]
    identity = "-".join([f"c{number:03}", *([sabotage.name] if sabotage else []), *words])
    fragments = [each.scenario(strength) for each, strength in zip(faults, strengths, strict=True)]
    bare = _bare(identity, dice.getrandbits(32), media_ms)
    drawn = None
    if sabotage:
        drawn = {"at_ms": dice.uniform(0.1, 0.4) * media_ms, **sabotage.draw(dice, media_ms)}
    return Cell(
        id=identity,
        text=_written(reduce(_merged, fragments, bare)),
        faults=tuple(each.name for each in faults),
        strengths=strengths,
        sabotage=sabotage.name if sabotage else "",
        sabotage_strength=drawn,
    )


def _bare(name: str, seed: int, media_ms: int) -> dict[str, Any]:
    """Return a scenario with nothing wrong in it that asks whether a point of the audio is missing, and whose it is."""
    return {
        "version": 1,
        "name": name[:64].rstrip("-"),
        "seed": seed,
        "media": {"duration": f"{media_ms}ms", "settle": "2s", "control": "3s"},
        "links": {"publisher": {}, "subscriber": {}},
        "expect": {"missing_audio": f"< {media_ms // 100}ms"},
    }


def _written(scenario: Mapping[str, Any]) -> str:
    """Return YAML without anchors, which no scenario may hold: each value stands where it counts."""
    return yaml.safe_dump(json.loads(json.dumps(scenario)), sort_keys=False)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, mappings merged and lists joined."""
    merged = dict(under)
    for key, value in over.items():
        match merged.get(key), value:
            case dict() as below, dict():
                merged[key] = _merged(below, value)
            case list() as below, list():
                merged[key] = below + value
            case _:
                merged[key] = value
    return merged
