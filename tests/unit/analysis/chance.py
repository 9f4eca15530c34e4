"""What property tests draw: a fate for every packet at every hop; and what must not matter, done to a recording.

Drawn once and for all (`derandomize`): the same examples in every run, on every machine. LAB_FUZZ=50 hunts for others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from lab.evidence.recording import Recording
from tests.unit.analysis.build import DOWN_SSRC, UP_SSRC, Plan, first_measured

FIRST = first_measured(Plan())
"""The window's first frame, which packet FIRST carries."""
MEDIA = Plan().media
HOPS = ("send", "uplink", "server", "downlink")
_DEADLY = {
    "host_lost": 0,
    "up_lost": 1,
    "up_altered": 1,
    "server_lost": 2,
    "down_lost": 3,
    "down_altered": 3,
}
"""Each fate that kills a packet, and the hop in HOPS where it does."""
_HARMLESS = ("up_copied", "down_copied", "up_delay_ms", "down_delay_ms")
ARRIVED = len(HOPS)
_CLOCKS = {"cpu_ns", "throttled_ns", "clock_offset_ns", "clock_offsets_ns", "offset_ns"}
"""Durations and offsets: they end in `_ns` and are no moments."""


HUNT = int(os.environ.get("LAB_FUZZ", "1"))
"""How many times as many examples, drawn anew each time, a hunt for counterexamples tries."""


def drawn(examples: int) -> Callable[[Any], Any]:
    """Return the settings of a property tried on so many examples."""
    return settings(derandomize=HUNT == 1, deadline=None, database=None, max_examples=HUNT * examples)


@dataclass(frozen=True, kw_only=True)
class Fates:
    """Per ordinal (counted from the window's first packet) everything that happens to a packet."""

    happens: Mapping[int, frozenset[str]]

    def plan(self, base: Plan) -> Plan:
        """Return `base` with all of it happening."""
        listed = {
            name: tuple(FIRST + i for i, what in sorted(self.happens.items()) if name in what)
            for name in (*_DEADLY, *_HARMLESS)
        }
        slow = {name: dict.fromkeys(listed.pop(name), 45.0) for name in _HARMLESS[2:]}
        return replace(base, **listed, **slow)

    def died(self, ordinal: int) -> int:
        """Return the hop that killed the packet, as an index in HOPS; ARRIVED when none did."""
        return min((_DEADLY[name] for name in self.happens.get(ordinal, ()) if name in _DEADLY), default=ARRIVED)


def fates(*, margin: int = 5) -> st.SearchStrategy[Fates]:
    """Draw what happens to the packets of the window and a few on either side: single ones, bursts, whole stretches."""
    what = st.frozensets(st.sampled_from((*_DEADLY, *_HARMLESS)), min_size=1, max_size=2)
    spell = st.tuples(st.integers(-margin, MEDIA + margin), st.sampled_from((1, 1, 1, 2, 3, 5, 30)), what)
    return st.lists(spell, max_size=25).map(_laid_out)


def _laid_out(spells: list[tuple[int, int, frozenset[str]]]) -> Fates:
    happens: dict[int, frozenset[str]] = {}
    for start, length, what in spells:
        for ordinal in range(start, start + length):
            happens[ordinal] = happens.get(ordinal, frozenset()) | what
    return Fates(happens=happens)


def shifted(run: Recording, by_ns: int) -> Recording:
    """Return `run` as if all of it had happened `by_ns` later."""
    moved: Recording = _changed(run, lambda name, value: value + by_ns if _is_moment(name) else value)
    return moved


def renamed(run: Recording, names: Mapping[int, int]) -> Recording:
    """Return `run` with other SSRCs."""
    other: Recording = _changed(run, lambda name, value: names.get(value, value) if name == "ssrc" else value)
    return other


def with_ssrcs(run: Recording, up: int, down: int) -> Recording:
    """Return `run` with these two SSRCs instead of its own."""
    return renamed(run, {UP_SSRC: up, DOWN_SSRC: down})


def _is_moment(name: str) -> bool:
    return name.endswith("_ns") and name not in _CLOCKS


def _changed(value: Any, change: Callable[[str, int], int], name: str = "") -> Any:
    """Return `value` with every whole number in it changed under the name of the field that holds it."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _changed(getattr(value, part.name), change, part.name) for part in fields(value)}
        return replace(value, **parts)
    if isinstance(value, tuple):
        return tuple(_changed(one, change, name) for one in value)
    if isinstance(value, np.ndarray):
        return _changed_rows(value, change)
    if isinstance(value, Mapping):
        return {key: _changed(one, change, name) for key, one in value.items()}
    return change(name, value) if type(value) is int else value


def _changed_rows(rows: np.ndarray[Any, Any], change: Callable[[str, int], int]) -> np.ndarray[Any, Any]:
    """Return packets with their columns changed; samples of sound have no columns and stay."""
    done = rows.copy()
    for column in ("t_ns", "ssrc") if rows.dtype.names else ():
        done[column] = [change(column, value) for value in rows[column].tolist()]
    return done
