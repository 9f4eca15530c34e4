"""Each expectation against what was measured: met, failed or unknown.

Law: a count is a fact of this run and compared exactly. A rate, a quantile and a trend are estimates: wholly inside its
95 % interval it is met, wholly outside failed, else unknown, with how many more seconds of media would decide. A limit
relative to the network compares two figures of the very same frames, so it is a fact too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.analysis.measures.measures import NOBODY, Measures, Owners
from lab.analysis.numbers.statistics import compare
from lab.analysis.values import Checked
from lab.pcm import FRAME_MS
from lab.scenario.expectations import ANSWERS, spelled
from lab.scenario.model import Expectation

MET, FAILED, UNKNOWN = "met", "failed", "unknown"


def check(measures: Measures, expected: Sequence[Expectation]) -> tuple[Checked, ...]:
    """Check every expectation but `verdict` and `reason`, which are about the others' answer."""
    return tuple(_checked(measures, one) for one in expected if one.metric not in ANSWERS)


def holds(measures: Measures, expected: Expectation, without: Owners = NOBODY) -> bool:
    """Say whether the value itself keeps the limit, as if `without` had done nothing; unknown values do not."""
    value, limit = measures.value(expected.metric, without), _limit(measures, expected, without)
    return value is not None and limit is not None and compare(expected.op)(value, limit)


def never_heard(expected: Expectation, media_ms: float | None) -> Checked:
    """Check `expected` of a flow that never had media: it was absent all the time, and of the rest nothing is known."""
    value = media_ms if expected.metric == "absence" else None
    result = UNKNOWN if value is None else MET if compare(expected.op)(value, expected.limit) else FAILED
    return Checked(metric=expected.metric, limit=spelled(expected), value=value, interval=None, result=result)


def _limit(measures: Measures, expected: Expectation, without: Owners = NOBODY) -> float | None:
    if not expected.relative:
        return expected.limit
    network = measures.value("network_loss", without)
    return None if network is None else network + expected.limit


def _checked(measures: Measures, expected: Expectation) -> Checked:
    value, limit = measures.value(expected.metric), _limit(measures, expected)
    bounds = None if expected.relative else measures.interval(expected.metric)
    result, note = UNKNOWN, "its evidence is missing"
    if doubt := measures.undecided(expected.metric):
        note = doubt
    elif value is not None and limit is not None:
        result, note = _decided(expected, value, limit, bounds)
    if result == UNKNOWN and not doubt and value is not None and limit is not None and bounds:
        note = _how_long(measures, expected.metric, bounds, limit)
    return Checked(
        metric=expected.metric, limit=spelled(expected), value=value, interval=bounds, result=result, note=note
    )


def _decided(expected: Expectation, value: float, limit: float, bounds: tuple[float, float] | None) -> tuple[str, str]:
    keeps = compare(expected.op)
    note = f"network explains {100 * (limit - expected.limit):.1f} %" if expected.relative else ""
    answers = {keeps(end, limit) for end in (bounds or (value,))}
    return (UNKNOWN if len(answers) > 1 else MET if answers.pop() else FAILED), note


def _how_long(measures: Measures, metric: str, bounds: tuple[float, float], limit: float) -> str:
    """Say how much more media would decide, were everything to stay as it was."""
    times = measures.length_to_decide(metric, bounds, limit)
    if times is None:
        return "the value stands on the limit: no length of media would decide"
    seconds = measures.loss.made_frames * FRAME_MS / 1000
    more = max(1, math.ceil((times - 1) * seconds))
    return f"needs {more} s more of media ({math.ceil(seconds + more)} s in all)"
