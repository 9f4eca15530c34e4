"""The fields of a resolved scenario by their dotted names: what an axis may have meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.scenario.dump import plain
from lab.scenario.model import Scenario


def meant(key: str, scenario: Scenario) -> tuple[str, ...]:
    """Return the fields of `scenario` that end in `key`: `loss` → `links.publisher.up.loss`, `….down.loss`."""
    return tuple(name for name in _names(plain(scenario), "") if name.endswith(f".{key}"))


def _names(node: Any, above: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            name = f"{above}.{key}" if above else str(key)
            yield name
            yield from _names(value, name)
