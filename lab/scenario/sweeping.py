"""The grammar of a sweep: what is varied, over which values, how often; and the cross product of it.

Law: a value stays the text that was written, and means what it would mean after `--set KEY=`; only a range is counted
out here, exactly, in the unit it was written in. A key that does nothing and a range that never ends are refused; one
value alone fixes its key.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.errors import UsageError
from lab.scenario import ranges
from lab.scenario.tree import did_you_mean, one_line

MAX_CELLS = 10_000
_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,31}")
_OPEN, _CLOSED = "{[", "}]"
_FIXED = {
    "version": "the format's version is no setting",
    "name": "the name does nothing; vary what it stands for",
    "description": "the description does nothing",
    "sweep": "a sweep cannot vary itself",
}

Setting = tuple[tuple[str, str], ...]
"""One choice for every key: (key, value as written)."""
Dice = tuple[str | None, int]
"""What decides all chance of a run: the seed where it is varied, and which time a setting is tried."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What is varied: one key, or several that advance together; each of `values` has one text per key."""

    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """All axes, of which every combination is tried `repeat` times."""

    axes: tuple[Axis, ...]
    repeat: int = 1


def axis(text: str) -> Axis:
    """Return the axis that `KEY=VALUE,VALUE…` or `KEY=FROM..TO/STEP` spells. UsageError."""
    key, equals, values = text.partition("=")
    if not equals:
        raise UsageError(
            f"{one_line(text)}: an axis is KEY=VALUE,VALUE…", fix="such as links.publisher.up.loss=0%,5%,10%"
        )
    try:
        return axis_of(key, [values])
    except ValueError as wrong:
        raise UsageError(one_line(f"axis {key}: {wrong}")) from wrong


def axis_of(key: str, written: Sequence[str]) -> Axis:
    """Return the axis of `key` over what is `written`, each a value, several with commas, or a range. ValueError."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no field; a key such as links.publisher.up.loss is expected")
    if why := _FIXED.get(key.partition(".")[0]):
        raise ValueError(f"{why}; choose another field")
    values = tuple(value for text in written for part in _parts(text) for value in _counted(part))
    if not values:
        raise ValueError("no values; give one or more")
    if twice := [value for value, times in Counter(values).items() if times > 1]:
        raise ValueError(f"{twice[0]} is given twice; use --repeat to run the same again")
    if len(values) > MAX_CELLS:
        raise ValueError(f"{len(values)} values; a sweep has {MAX_CELLS} cells at most")
    return Axis(keys=(key,), values=tuple((value,) for value in values))


def sweep(axes: Sequence[Axis], zips: Sequence[Sequence[str]] = (), repeat: int = 1) -> Sweep:
    """Return the sweep over `axes`, those whose keys stand together in `zips` advancing together. UsageError."""
    if repeat < 1:
        raise UsageError(f"repeat {repeat}: 1 or more is expected")
    _check_apart([key for axis in axes for key in axis.keys])
    for keys in zips:
        axes = _zipped(axes, keys)
    found = Sweep(axes=tuple(axes), repeat=repeat)
    if (cells := cells_of(found)) > MAX_CELLS:
        raise UsageError(f"{cells} cells; a sweep has {MAX_CELLS} at most", fix="fewer values, or several sweeps")
    return found


def cells_of(sweep: Sweep) -> int:
    """Return how many runs `sweep` asks for, controls not counted."""
    return math.prod(len(axis.values) for axis in sweep.axes) * sweep.repeat


def shortest(keys: Sequence[str]) -> Iterator[str]:
    """Yield for each dotted key the shortest end of it that no other of `keys` has."""
    for key in keys:
        ends = [key.split(".", cut)[-1] for cut in range(key.count("."), -1, -1)]
        others = [other for other in keys if other != key]
        yield next((end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), key)


def key_named(name: str, keys: Sequence[str]) -> str:
    """Return the one of `keys` that `name` is, or is the end of: `loss` for links.publisher.up.loss. UsageError."""
    found = [key for key in keys if key == name] or [key for key in keys if key.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"'{name}' could be {' or '.join(found)}", fix="write more of it")
    raise UsageError(f"no axis '{name}' {did_you_mean(name, keys)}")


def settings(sweep: Sweep) -> tuple[Setting, ...]:
    """Return every combination, the last axis changing fastest; one empty setting where there is no axis."""
    choices = ([tuple(zip(axis.keys, value, strict=True)) for value in axis.values] for axis in sweep.axes)
    return tuple(tuple(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*choices))


def dice(setting: Setting, repetition: int) -> Dice:
    """Return the dice of `setting` in that `repetition`: runs with the same ones lose the same packets."""
    return dict(setting).get("seed"), repetition


def spelled(setting: Setting) -> str:
    """Return `setting` as one would type it: `media.red=true links.publisher.up.loss=5%`."""
    return " ".join(f"{key}={value}" for key, value in setting)


def _parts(text: str) -> Iterator[str]:
    """Split `text` at its commas, but not inside brackets and quotes. ValueError where nothing stands between two."""
    depth, quote, part = 0, "", ""
    for char in f"{text},":
        if char == "," and not depth and not quote:
            if not part.strip():
                raise ValueError(f"{text!r} has an empty value; VALUE,VALUE… is expected, null for none")
            yield part.strip()
            part = ""
            continue
        quote = "" if char == quote else char if char in "\"'" and not quote else quote
        depth += 0 if quote else (char in _OPEN) - (char in _CLOSED)
        part += char
    if part:
        raise ValueError(f"{text!r} does not close what it opens")


def _counted(part: str) -> tuple[str, ...]:
    return ranges.values(part) if ".." in part and part[0] not in "{[\"'" else (part,)


def _check_apart(keys: Sequence[str]) -> None:
    """Refuse a key that is given twice, or inside another one: which of the two counts would be a matter of order."""
    for key, times in Counter(keys).items():
        if times > 1:
            raise UsageError(f"axis {key} is given twice", fix="put all its values into one")
    for outer, inner in itertools.permutations(keys, 2):
        if inner.startswith(f"{outer}."):
            raise UsageError(f"axis {inner} lies inside axis {outer}", fix="vary one of them")


def _zipped(axes: Sequence[Axis], keys: Sequence[str]) -> tuple[Axis, ...]:
    """Return `axes` with those of `keys` made one, in the place of the first. UsageError."""
    name = ",".join(keys)
    known = {axis.keys[0]: axis for axis in axes if len(axis.keys) == 1}
    if missing := [key for key in keys if key not in known]:
        raise UsageError(f"zip {name}: {missing[0]} is no axis of its own", fix=f"axes: {', '.join(known) or 'none'}")
    if len(set(keys)) != len(keys) or len(keys) < 2:
        raise UsageError(f"zip {name}: two or more different axes are expected", fix="KEY,KEY")
    together = [known[key] for key in keys]
    if len({len(axis.values) for axis in together}) > 1:
        counts = ", ".join(f"{axis.keys[0]} has {len(axis.values)}" for axis in together)
        raise UsageError(f"zip {name}: axes that advance together have as many values: {counts}")
    values = tuple(tuple(text for (text,) in row) for row in zip(*(axis.values for axis in together), strict=True))
    made = Axis(keys=tuple(keys), values=values)
    first = min(axes.index(axis) for axis in together)
    return tuple(made if axis is axes[first] else axis for axis in axes if axis is axes[first] or axis not in together)
