"""Spelled quantities: text such as `40ms`, `5%`, `400kbit`, `20kB` to and from one canonical unit.

Law: a text is read with the meaning its unit spells, or refused with a spelling that would be taken; nothing is
guessed, and formatting a value that was read gives a text that reads back to the same value.
Canonical units: milliseconds, shares 0..1, bits per second, bytes (1 kB = 1000 B), samples per second (Hz).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

_NUMBER = r"[0-9]{1,13}(?:\.[0-9]{1,6})?"
_SPELLED = re.compile(rf"({_NUMBER})([A-Za-z%]+)")
_BARE = re.compile(r"[+-]?([0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})(?:[eE][+-]?[0-9]{1,2})?")
_NEXT = 1000
"""How many times larger or smaller a unit is that somebody may have meant."""
_CLOCK = re.compile(r"([0-9]{1,3}):([0-9]{1,2})")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A kind of quantity: its spellings with their factors (largest first), what a bare number means, its limits.

    `step` is what a value is a multiple of, 0 where it may be anything between.
    """

    noun: str
    factors: Mapping[str, Decimal]
    meant: str
    example: str
    most: Decimal
    least: Decimal = Decimal(0)
    step: Decimal = Decimal(0)
    positive: bool = False


DURATION = Unit(
    noun="time",
    factors={"m": Decimal(60_000), "s": Decimal(1000), "ms": Decimal(1)},
    meant="ms",
    example="40ms, 2s or 1m",
    most=Decimal(86_400_000),
)
WHOLE_DURATION = replace(DURATION, step=Decimal(1))
DELAY = replace(DURATION, most=Decimal(30_000))
"""Of a link, one way: a call ends that hears nothing back for 30 s (consent to send, RFC 7675)."""
SHARE = Unit(noun="share", factors={"%": Decimal("0.01")}, meant="%", example="5%", most=Decimal(1))
RATE = Unit(
    noun="rate",
    factors={"gbit": Decimal(10**9), "mbit": Decimal(10**6), "kbit": Decimal(1000), "bit": Decimal(1)},
    meant="kbit",
    example="400kbit or 5mbit (bits per second)",
    most=Decimal(10**10),
    step=Decimal(1),
    positive=True,
)
LINK_RATE = replace(RATE, least=Decimal(100))
"""Below 88 bit/s tc shortens the burst of its tbf in silence, as it counts no more than 274 s; below 8 it refuses."""
SIZE = Unit(
    noun="size",
    factors={"GB": Decimal(10**9), "MB": Decimal(10**6), "kB": Decimal(1000), "B": Decimal(1)},
    meant="kB",
    example="20kB or 64MB",
    most=Decimal(10**12),
    step=Decimal(1),
    positive=True,
)
FREQUENCY = Unit(
    noun="rate of samples",
    factors={"kHz": Decimal(1000), "Hz": Decimal(1)},
    meant="kHz",
    example="48kHz or 44.1kHz",
    most=Decimal(10**6),
    step=Decimal(1),
    positive=True,
)
_SAME = {
    name: unit
    for unit, names in {
        "ms": ("msec", "millis"),
        "s": ("sec", "secs", "second", "seconds"),
        "m": ("min", "mins", "minute", "minutes"),
        "bit": ("bps", "bits"),
        "kbit": ("kbps", "kbits", "k"),
        "mbit": ("mbps", "mbits"),
        "gbit": ("gbps", "gbits"),
        "%": ("percent", "pct"),
    }.items()
    for name in names
}


def duration(written: object) -> float:
    """Return the milliseconds that `written` (`40ms`, `1.5s`, `2m`) spells; ValueError says what was meant."""
    return float(read(DURATION, written))


def delay(written: object) -> float:
    """Return the milliseconds that the delay of a link spells; ValueError says what was meant."""
    return float(read(DELAY, written))


def whole_duration(written: object) -> int:
    """Return whole milliseconds; ValueError also for fractions of one."""
    return int(read(WHOLE_DURATION, written))


def share(written: object) -> float:
    """Return the share 0..1 that a percentage (`5%`) spells; ValueError says what was meant."""
    return float(read(SHARE, written))


def rate(written: object) -> int:
    """Return the bits per second that `written` (`400kbit`) spells; ValueError says what was meant."""
    return int(read(RATE, written))


def link_rate(written: object) -> int:
    """Return the bits per second that the rate of a link spells; ValueError says what was meant."""
    return int(read(LINK_RATE, written))


def size(written: object) -> int:
    """Return the bytes that `written` (`20kB`) spells; ValueError says what was meant."""
    return int(read(SIZE, written))


def format_duration(milliseconds: float) -> str:
    """Return the spelling of a time, in seconds when they are whole."""
    return _format(DURATION, milliseconds, ("s", "ms"))


def format_share(value: float) -> str:
    """Return the spelling of a share 0..1 as a percentage."""
    return f"{_plain(Decimal(repr(value)) * 100)}%"


def format_rate(bits_per_second: int) -> str:
    """Return the spelling of a rate in its largest whole unit."""
    return _format(RATE, bits_per_second, tuple(RATE.factors))


def format_size(size_bytes: int) -> str:
    """Return the spelling of a size in its largest whole unit."""
    return _format(SIZE, size_bytes, tuple(SIZE.factors))


def format_frequency(hertz: int) -> str:
    """Return the spelling of a rate of samples, in kHz when that takes no more than one decimal."""
    return f"{_plain(Decimal(hertz) / 1000)}kHz" if hertz % 100 == 0 and hertz else f"{hertz}Hz"


def read(unit: Unit, written: object) -> Decimal:
    """Return what `written` spells, in the canonical unit of its kind; ValueError says what was meant."""
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        raise ValueError(f"a {unit.noun} is expected, such as {unit.example}")
    spelled = _SPELLED.fullmatch(str(written))
    if not spelled or spelled[2] not in unit.factors:
        raise ValueError(f"{written}: {_meant(unit, str(written))}")
    value = Decimal(spelled[1]) * unit.factors[spelled[2]]
    if wrong := _wrong(unit, value):
        raise ValueError(f"{written}: {wrong}{_slip(unit, spelled[1]) if value > unit.most else ''}")
    return value


def _wrong(unit: Unit, value: Decimal) -> str:
    """Return why there is no such value of this unit, empty when there is."""
    if unit.least and not unit.least <= value <= unit.most:
        return f"{_limit(unit, unit.least)} to {_limit(unit, unit.most)} is expected"
    if value > unit.most:
        return f"more than {_limit(unit, unit.most)} is not possible"
    if unit.positive and not value:
        return "more than 0 is expected"
    if unit.step and value % unit.step:
        finest = tuple(unit.factors)[-1]
        of = f"whole number of {finest}" if unit.step == 1 else f"multiple of {_limit(unit, unit.step)}"
        return f"a {of} is expected"
    return ""


def _limit(unit: Unit, value: Decimal) -> str:
    return format_share(float(value)) if "%" in unit.factors else _format(unit, value, tuple(unit.factors))


def _slip(unit: Unit, number: str) -> str:
    """Return the hint that a minute or a second, too long, was to be a millisecond: one letter is missing."""
    meant = "ms" in unit.factors and not _wrong(unit, Decimal(number))
    return f'; did you mean "{number}ms"?' if meant else ""


def _meant(unit: Unit, written: str) -> str:
    """Return the hint for a text that spells no quantity of this unit."""
    if written.startswith("-"):
        return f"a {unit.noun} is not negative; such as {unit.example}"
    if suggestion := _suggestion(unit, written):
        return f'did you mean "{suggestion}"? A {unit.noun} is written with its unit'
    return f"a {unit.noun} is written as {unit.example}"


def _suggestion(unit: Unit, written: str) -> str:
    """Return the first spelling of what may have been meant that would be taken; empty when none would."""
    return next((each for each in _spellings(unit, written.strip()) if _taken(unit, each)), "")


def _taken(unit: Unit, text: str) -> bool:
    spelled = _SPELLED.fullmatch(text)
    return spelled is not None and not _wrong(unit, Decimal(spelled[1]) * unit.factors[spelled[2]])


def _spellings(unit: Unit, text: str) -> list[str]:
    """Return what `text` may have been meant to be, the likeliest first."""
    clock = _CLOCK.fullmatch(text)
    if clock and "s" in unit.factors:
        return [f"{int(clock[1]) * 60 + int(clock[2])}s"]
    if _BARE.fullmatch(text):
        return _with_unit(unit, Decimal(text))
    number = re.fullmatch(rf"({_NUMBER})\s*([A-Za-z%/]+)", text)
    if not number:
        return []
    known = {name.lower(): name for name in unit.factors}
    word = number[2].lower().removesuffix("/s")
    name = known.get(word) or _SAME.get(word, "")
    return [f"{number[1]}{name}"] if name in unit.factors else []


def _with_unit(unit: Unit, number: Decimal) -> list[str]:
    """Return a bare `number` with the unit that is usually meant, then with those next to it: others are guesses."""
    usual = unit.factors[unit.meant]
    apart = {name: max(usual / size, size / usual) for name, size in unit.factors.items()}
    names = sorted((name for name in apart if apart[name] <= _NEXT), key=apart.__getitem__)
    fraction = unit is SHARE and 0 < number < 1
    return [f"{_plain(number * 100 if fraction else number)}{name}" for name in names]


def _format(unit: Unit, value: float | Decimal, names: tuple[str, ...]) -> str:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    for name in names:
        scaled = exact / unit.factors[name]
        if scaled == int(scaled) and exact:
            return f"{int(scaled)}{name}"
    return f"{_plain(exact)}{tuple(unit.factors)[-1]}"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
