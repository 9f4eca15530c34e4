"""What a fault is: what a scenario says to put it in, whose it is, and how its log tells what it cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.accuracy.effects import Measure

Strength = Mapping[str, float]
Fragment = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault. Of `owners`, `hops` and `reasons` any is right: what the lab calls the same thing.

    `soft`: its cost is only felt, not counted, so that it is never put in together with another.
    """

    name: str
    owners: tuple[str, ...]
    hops: tuple[str, ...]
    reasons: tuple[str, ...]
    draw: Callable[[Random, int], Strength]
    scenario: Callable[[Strength], Fragment]
    measure: Measure
    soft: bool = False

    @property
    def network(self) -> bool:
        """Whether it is the network's."""
        return self.owners[0].startswith("NETWORK/")
