"""The grammar of `expect:`: `"<= 5%"`, `"== 0"`, `"<= network + 0.5%"`, owners for `verdict`, codes for `reason`.

Law: a limit is read in its metric's own unit, and only comparisons that evidence can decide are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from lab.scenario import possible, units
from lab.scenario.metrics import Metric, metric
from lab.scenario.model import Expectation
from lab.scenario.reasons import reason
from lab.scenario.tree import FieldError, did_you_mean

OWNERS = (
    "NONE",
    *(f"NETWORK/{part}" for part in ("uplink", "downlink", "connect")),
    *(f"CODE/{part}" for part in ("client", "backend", "sdk", "server", "config", "load", "client-host")),
    "BOTH",
    "UNDECIDED",
)
DEFAULT = {"unexplained_frames": ["== 0"], "audio_loss": ["<= network + 0.5%"]}
PUNCTUAL = {"delay_p95": ["<= 400ms"]}
"""What else a flow must keep where `reason: latency` is expected: ITU-T G.114's limit for the delay one way."""
PREDICTED = ("audio_loss", "network_loss", "concealed")
"""The metrics for which the observed drops predict a value, so that `network` can stand on the right side."""

ANSWERS = ("verdict", "reason")
"""What is expected of the answer itself, and not of a metric."""
_ANY_CODE = ("BOTH", "UNDECIDED")
"""Verdicts that name no single owner, and so leave every reason possible."""

_CONDITION = re.compile(r"(<=|>=|==|<|>)\s*(.+)")
_SIGNED = re.compile(r"([=<>!≤≥]*)\s*(.*)", re.DOTALL)
_MEANT = {"=": "==", "≥": ">=", "=>": ">="}
"""What is meant by signs that are none here: tables print ≤, ≥ and =. By all others it is `<=`."""
_RELATIVE = re.compile(r"network(?:\s*\+\s*(.+))?")
_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")
_Comparison = Literal["<=", ">=", "<", ">", "=="]


def expectations(written: Mapping[str, Sequence[str]], *, recorded: bool = False) -> Iterator[Expectation]:
    """Yield the expectations of an `expect:` mapping; FieldError at the one that cannot be meant."""
    if not written:
        raise FieldError(("expect",), "is empty; leave it out to get the default expectations")
    for name, conditions in written.items():
        try:
            found = tuple(_named(name, conditions, written.get("verdict", ())))
            if not recorded and name not in ("verdict", "reason"):  # of what is recorded it is told that nothing met it
                possible.check(metric(name), conditions, found)
            yield from found
        except ValueError as error:
            raise FieldError(("expect", name), str(error)) from error


def spelled(expectation: Expectation) -> str:
    """Return the text of one condition, as `expect:` reads it."""
    limit = _spelled_limit(metric(expectation.metric), expectation.limit)
    if not expectation.relative:
        return f"{expectation.op} {limit}"
    return f"{expectation.op} network + {limit}" if expectation.limit else f"{expectation.op} network"


def _named(name: str, conditions: Sequence[str], owners: Sequence[str]) -> Iterator[Expectation]:
    if name == "verdict":
        yield _verdict(conditions)
    elif name == "reason":
        yield _reason(conditions, owners)
    else:
        yield from _conditions(name, conditions)


def _spelled_limit(about: Metric, limit: float) -> str:
    if about.unit == "share":
        return units.format_share(limit)
    return units.format_duration(limit) if about.unit == "ms" else str(int(limit))


def _verdict(owners: Sequence[str]) -> Expectation:
    for owner in owners:
        if owner not in OWNERS:
            raise ValueError(f"unknown owner {owner} {did_you_mean(owner, OWNERS)}")
    if not owners or len(set(owners)) != len(owners):
        raise ValueError("one owner, or a list of different ones, is expected")
    return Expectation(metric="verdict", op="==", owner=owners[0], owners=tuple(owners))


def _reason(codes: Sequence[str], owners: Sequence[str]) -> Expectation:
    if not codes or len(set(codes)) != len(codes):
        raise ValueError("one reason, or a list of different ones, is expected")
    for code in codes:
        whose = reason(code).owners
        if owners and not set(owners) & {*whose, *_ANY_CODE}:
            raise ValueError(f"{code} is a reason of {', '.join(whose)}, not of {', '.join(owners)}")
    return Expectation(metric="reason", op="==", reasons=tuple(codes))


def _conditions(name: str, conditions: Sequence[str]) -> Iterator[Expectation]:
    about = metric(name)
    if not conditions:
        raise ValueError('a condition is expected, such as "<= 5%"')
    yield from (_condition(about, condition) for condition in conditions)


def _condition(about: Metric, condition: str) -> Expectation:
    parts = _CONDITION.fullmatch(condition.strip())
    if parts is None:
        raise ValueError(f'{condition}: a comparison is expected (did you mean "{_meant(about, condition)}"?)')
    op = cast("_Comparison", parts[1])
    if about.kind != "count" and op == "==":
        raise ValueError(f"{condition}: a {about.kind} is estimated and never exact; use <= or >=")
    relative = _RELATIVE.fullmatch(parts[2])
    if relative and about.name not in PREDICTED:
        raise ValueError(f"{condition}: `network` is predicted only for {', '.join(PREDICTED)}; give a number")
    limit = _limit(about, relative[1] or "0%") if relative else _limit(about, parts[2])
    return Expectation(metric=about.name, op=op, limit=limit, relative=bool(relative))


def _meant(about: Metric, condition: str) -> str:
    """Return the comparison that `condition` seems to say; what is no count is never exact."""
    signs, limit = cast("re.Match[str]", _SIGNED.fullmatch(condition.strip())).groups()
    op = _MEANT.get(signs, "<=")
    return f"{op if about.kind == 'count' or op != '==' else '<='} {limit}"


def _limit(about: Metric, text: str) -> float:
    if about.unit == "share":
        return units.share(text)
    if about.unit == "ms":
        return units.duration(text)
    if not _COUNT.fullmatch(text):
        raise ValueError(f"{text}: a whole number{' of frames' * (about.unit == 'frames')} is expected, such as 0")
    return float(text)
