"""Whether anything can meet the conditions of a metric: each by itself, and any two together.

Law: only what no run at all could meet is refused. A metric is 0 or more, but for a trend; a part of a whole is 1 at
most (audio_loss is none: more silence can be put in than there was to say). What is relative to the network is weighed
against its like alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from lab.scenario.metrics import Metric
from lab.scenario.model import Expectation

_End = tuple[float, int]
"""A value, and 1 for what is just above it, -1 for just below."""
_Span = tuple[_End, _End]
_LEAST, _MOST = (-math.inf, 0), (math.inf, 0)


def check(about: Metric, written: Sequence[str], expected: Sequence[Expectation]) -> None:
    """Refuse conditions on `about`, as `written` and as `expected`, that nothing can meet. ValueError."""
    asked = tuple(zip(written, expected, strict=True))
    for text, each in asked:
        if not each.relative and not _meet(_met(about, each), _known(about)):
            raise ValueError(f"{text}: nothing meets that; {about.name} is {_words(about)}")
    for (before, one), (text, other) in itertools.combinations(asked, 2):
        if one.relative == other.relative and not _meet(_met(about, one), _met(about, other)):
            raise ValueError(f"{text}: nothing meets that and {before}; leave one out")


def _known(about: Metric) -> _Span:
    return (_LEAST if about.kind == "trend" else (0, 0)), ((1, 0) if about.part else _MOST)


def _words(about: Metric) -> str:
    return "a part, 0% to 100%" if about.part else "never below 0"


def _met(about: Metric, expected: Expectation) -> _Span:
    """Return the least and the most that meets the condition; of whole numbers, the one just above is the next."""
    step = {"<": -1, ">": 1}.get(expected.op, 0)
    whole = about.unit in ("frames", "count")
    end = (expected.limit + step, 0) if whole else (expected.limit, step)
    return (_LEAST if expected.op in ("<", "<=") else end), (_MOST if expected.op in (">", ">=") else end)


def _meet(one: _Span, other: _Span) -> bool:
    return max(one[0], other[0]) <= min(one[1], other[1])
