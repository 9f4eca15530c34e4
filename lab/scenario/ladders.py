"""The levels that a limit is looked for among: `KEY=MILD..HARSH`, with its step or without.

Law: a ladder runs from where a scenario is expected to hold to where it is expected to break, upwards or downwards, in
equal steps; a range without a step gets the roundest one of about a twentieth, in its own unit.
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
    size = Decimal(1).scaleb(most.adjusted() + 1)
    step = next((size / part for part in _ROUND if size / part <= most and span % (size / part) == 0), most)
    return f"{step:f}{found[2]}"
