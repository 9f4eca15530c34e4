"""What one direction of a bump holds, by the kernel's own words (`tc -j -s qdisc show`), and by nothing else.

Law: netem's times are in seconds, tbf's rate in bytes per second and its limit in bytes; a word that is none of the
kernel's is refused by its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.errors import EvidenceError
from lab.evidence import names
from lab.evidence.decode import decode, parse
from lab.evidence.steps import DirectionState, Qdisc

ROOT, NETEM, TBF, SINK = "1:", "2:", "20:", "3:"
SIGMAS = 4
"""Netem's delay tables end four standard deviations out."""
_UNLIMITED_BYTES = 125_000_000  # 1 Gbit/s


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What the kernel held: delay, rate, and the longest time that delay, jitter and a full queue explain together.

    `usual_ms` is the delay that it held during the clean control already: what is measured against the control has it.
    `jitter_ms` is netem's spread, `queue_ms` how long a full queue takes to leave at the rate, `corrupt` the share of
    packets that it alters.
    """

    delay_ms: float
    longest_ms: float
    rate_bytes: float  # per second; infinite when nothing in a lab can fill it
    duplicates: bool
    usual_ms: float = 0.0
    jitter_ms: float = 0.0
    queue_ms: float = 0.0
    corrupt: float = 0.0


def together(held: Sequence[Configured]) -> Configured:
    """Return the worst of several, each of which was in force for a while."""
    return Configured(
        delay_ms=max(one.delay_ms for one in held),
        longest_ms=max(one.longest_ms for one in held),
        rate_bytes=min(one.rate_bytes for one in held),
        duplicates=any(one.duplicates for one in held),
        jitter_ms=max(one.jitter_ms for one in held),
        queue_ms=max(one.queue_ms for one in held),
        corrupt=max(one.corrupt for one in held),
    )


def configured(state: DirectionState) -> Configured:
    """Return what the qdiscs of `state` hold. EvidenceError."""
    where = f"{names.STEPS}: {state.client} {state.direction}"
    netem, tbf = (parse(qdisc(state, handle).options_json or "{}", f"{where} {handle}") for handle in (NETEM, TBF))
    delay = netem.get("delay", {})
    if not isinstance(delay, dict):
        raise EvidenceError(f"{where}: delay {delay!r} is no object", fix="this is not what the kernel says")
    delay_ms, jitter_ms = (1000 * _number(delay.get(key, 0), f"{where}: {key}") for key in ("delay", "jitter"))
    rate, queue_ms = _rate(tbf, where)
    return Configured(
        delay_ms=delay_ms,
        longest_ms=delay_ms + SIGMAS * jitter_ms + queue_ms,
        rate_bytes=rate,
        duplicates="duplicate" in netem,
        jitter_ms=jitter_ms,
        queue_ms=queue_ms,
        corrupt=_corrupt(netem, where),
    )


def _corrupt(netem: Mapping[str, object], where: str) -> float:
    told = netem.get("corrupt", {})
    if not isinstance(told, dict):
        raise EvidenceError(f"{where}: corrupt {told!r} is no object", fix="this is not what the kernel says")
    return _number(told.get("corrupt", 0), f"{where}: corrupt")


def _rate(tbf: Mapping[str, object], where: str) -> tuple[float, float]:
    """Return the rate in bytes per second, and how many ms its queue holds; infinite and 0 without a limit."""
    rate = _number(tbf.get("rate", _UNLIMITED_BYTES), f"{where}: rate")
    if rate >= _UNLIMITED_BYTES:
        return math.inf, 0.0
    if rate == 0:
        raise EvidenceError(f"{where}: a rate of 0", fix="this is not what the kernel says")
    return rate, 1000 * _number(tbf.get("limit"), f"{where}: limit") / rate


def _number(raw: object, where: str) -> float:
    """Return `raw` as a number that is not negative."""
    value = decode(float, raw, where)
    if value < 0:
        raise EvidenceError(f"{where}: {value:g} is negative", fix="this is not what the kernel says")
    return value


def qdisc(state: DirectionState, handle: str) -> Qdisc:
    """Return the qdisc with that handle; one that counted nothing where there is none."""
    absent = Qdisc(
        kind="", handle=handle, parent="", options_json="{}",
        sent_packets=0, sent_bytes=0, dropped=0, overlimits=0, backlog_packets=0,
    )  # fmt: skip
    return next((one for one in state.qdiscs if one.handle == handle), absent)
