"""A range written with its step, `0ms..200ms/50ms`, counted out.

Law: a range begins at its first value and ends at its last, both included, in equal steps; one that would end
elsewhere, stand still or go backwards is refused. Every value is spelled in the finest unit of the three written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from lab.scenario.units import DURATION, FREQUENCY, RATE, SHARE, SIZE, Unit

MOST = 10_000
_NUMBER = re.compile(r"([0-9]{1,13}(?:\.[0-9]{1,6})?)([A-Za-z%]*)")
_KINDS = (DURATION, SHARE, RATE, SIZE, FREQUENCY)
_COUNT = Unit(noun="count", factors={"": Decimal(1)}, meant="", example="3", most=Decimal(10**13))


@dataclass(frozen=True, kw_only=True)
class _Point:
    """A number as written: its canonical value, and the name of its unit."""

    text: str
    value: Decimal
    unit: str


def values(text: str) -> tuple[str, ...]:
    """Return the values of `FROM..TO/STEP`, as they would be written one by one. ValueError."""
    ends, _, step = text.partition("/")
    first, _, last = ends.partition("..")
    if not step:
        raise ValueError(f"{text}: a range needs its step, as in 0ms..200ms/50ms")
    kind, (low, high, by) = _points(text, (first, last, step))
    if by.value == 0:
        raise ValueError(f"{text}: a step of {by.text} never ends; a step above 0 is expected")
    if low.value > high.value:
        raise ValueError(f"{text}: runs backwards; write {last}..{first}/{step}")
    if low.value == high.value:
        raise ValueError(f"{text}: from a value to itself is no range; write {first}")
    count = (high.value - low.value) / by.value
    if count >= MOST:
        raise ValueError(f"{text}: {int(count) + 1} values; a sweep has {MOST} cells at most")
    if count != int(count):
        ends_at = _spelled(low.value + int(count) * by.value, kind, by.unit)
        raise ValueError(f"{text}: steps of {step} do not meet {last}; the last one before it is {ends_at}")
    unit = min((low.unit, high.unit, by.unit), key=lambda name: kind.factors[name])
    return tuple(_spelled(low.value + each * by.value, kind, unit) for each in range(int(count) + 1))


def _points(text: str, written: tuple[str, ...]) -> tuple[Unit, list[_Point]]:
    """Return the three numbers in the one kind of unit that all of them are written in."""
    found = [_NUMBER.fullmatch(each) for each in written]
    for word, match in zip(written, found, strict=True):
        if match is None:
            raise ValueError(f"{text}: {word!r} is no number with a unit; FROM..TO/STEP such as 0ms..200ms/50ms")
    matches = [match for match in found if match]
    for kind in (_COUNT, *_KINDS):
        if all(match[2] in kind.factors for match in matches):
            return kind, [
                _Point(text=match[0], value=Decimal(match[1]) * kind.factors[match[2]], unit=match[2])
                for match in matches
            ]
    raise ValueError(f"{text}: all three carry a unit of the same kind, as in 0ms..200ms/50ms or 0%..20%/5%")


def _spelled(value: Decimal, kind: Unit, unit: str) -> str:
    text = f"{value / kind.factors[unit]:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + unit
