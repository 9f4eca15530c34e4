"""The levels that a limit is looked for among: `KEY=MILD..HARSH`, with its step or without.

Law: a ladder runs from where a scenario is expected to hold to where it is expected to break, upwards or downwards, in
equal steps; a range without a step gets the roundest one of about a twentieth, in its own unit. What is written in
whole numbers without a unit may be a count, and gets whole steps.
"""

from __future__ import annotations

import re
from decimal import Decimal

from lab.errors import UsageError
from lab.scenario import ranges

_STEPS = 20
_ROUND = tuple(Decimal(part) for part in (2, 4, 5, 10, 20, 40, 50, 100))
_RANGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z%]*)\.\.([0-9]+(?:\.[0-9]+)?)([A-Za-z%]*)")


def ladder(text: str) -> str:
    """Return the axis, its levels from mild to harsh, that `KEY=MILD..HARSH` or `KEY=MILD..HARSH/STEP` asks for.

    A range may run downwards: of a rate, much is mild. UsageError.
    """
    key, equals, written = text.partition("=")
    if not equals or ".." not in written or "," in written:
        fix = "KEY=MILD..HARSH, such as links.publisher.up.loss=0%..40%"
        raise UsageError(f"--find-limit {text}: a range from where it holds to where it breaks is expected", fix=fix)
    ends, _, step = written.partition("/")
    try:
        return f"{key}={','.join(_levels(ends, step or _step(ends)))}"
    except ValueError as wrong:
        raise UsageError(f"--find-limit {key}: {wrong}") from wrong


def _levels(ends: str, step: str) -> tuple[str, ...]:
    """Count out a range, upwards or downwards. ValueError."""
    first, _, last = ends.partition("..")
    wrong: list[ValueError] = []
    for low, high, stride in ((first, last, 1), (last, first, -1)):
        try:
            return ranges.values(f"{low}..{high}/{step}")[::stride]
        except ValueError as error:
            wrong.append(error)
    raise next((each for each in wrong if "backwards" not in str(each)), wrong[0])  # either way is fine here


def _step(ends: str) -> str:
    """Return the roundest step that cuts `ends` into about twenty, in its own unit. ValueError."""
    found = _RANGE.fullmatch(ends)
    if found is None:
        raise ValueError(f"{ends}: no limit lies between these; two numbers are expected, as in 0%..40%")
    if found[2] != found[4]:
        raise ValueError(f"{ends}: give its step, as in 0ms..1s/50ms")
    span = abs(Decimal(found[3]) - Decimal(found[1]))
    if not span:
        raise ValueError(f"{ends}: from a value to itself is no range")
    most = span / _STEPS
    if not found[2] and "." not in found[1] + found[3]:
        return _whole_step(ends, span, max(most, Decimal(1)))
    return f"{_roundest(span, most) or most:f}{found[2]}"


def _whole_step(ends: str, span: Decimal, most: Decimal) -> str:
    """Return the roundest whole step of `most` at most. ValueError."""
    step = _roundest(span, most, of=Decimal(1))
    if step is None:
        raise ValueError(f"{ends}: give its step, as in 0..100/5")
    return f"{step:f}"


def _roundest(span: Decimal, most: Decimal, of: Decimal | None = None) -> Decimal | None:
    """Return the roundest step of `most` at most that `span` is made of, and that is made `of` so much, if any is."""
    size = Decimal(1).scaleb(most.adjusted() + 1)
    steps = (size / part for part in _ROUND if size / part <= most)
    return next((step for step in steps if not span % step and not (of and step % of)), None)
