"""Mouth to ear: how old each 10 ms is when the listener's program gets it, and what on its way took longer than usual.

Law: the mouth is when the audio was to be spoken, by the program's own schedule. The ear is when it was read; where the
lab has no ear, it is when the packet that brought it arrived plus NetEQ's own account of its buffer
(`jitterBufferDelay` ÷ `jitterBufferEmittedCount`, W3C webrtc-stats), which is an estimate and said to be one.
What a part of the way took beyond its median in the clean control is its excess; without a control a link and the
server are compared with nothing, and the two ends with the fastest twentieth of the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab.analysis.way.journey import At, Journey
from lab.analysis.way.prediction import Prediction, carriers
from lab.analysis.way.windows import Blocks
from lab.analysis.wire.streams import ABSENT, Flags, Ints
from lab.evidence.values import InboundSample
from lab.pcm import BLOCK_MS

Floats = NDArray[np.float64]

PARTS = ("push", "send", "repair", "uplink", "server", "downlink", "playout")
"""Pushed after its time; from then to the wire; waited for the packet with its copy; each hop; buffered and read."""
_ENDS = ("send", "playout")
_FASTEST = 0.05
_MS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Per 10 ms made: its delay in ms, and [blocks, PARTS] what each part of it is beyond the usual.

    NaN where it never arrived, or nobody saw. `heard`: by the ear, and not by NetEQ's account.
    """

    total_ms: Floats
    excess_ms: Floats
    heard: bool


@dataclass(frozen=True, kw_only=True)
class Listening:
    """What tells when audio was played: the subscriber's statistics and, from an ear, when each 10 ms was read.

    `heard_ns` is ABSENT where it was not heard, None without an ear.
    """

    inbound: Sequence[InboundSample]
    heard_ns: Ints | None = None


def delays(journey: Journey, made: Blocks, prediction: Prediction, played: Listening, control: Flags) -> Delays:
    """Return the delays of a flow, `control` marking the slots that were sent in the clean control."""
    slot = np.maximum(made.slot, 0)
    if not journey.size:
        nothing = np.full(made.slot.size, np.nan)
        return Delays(total_ms=nothing, excess_ms=np.full((nothing.size, len(PARTS)), np.nan), heard=False)
    carrier = carriers(journey, prediction)[slot]
    arrived = (made.slot >= 0) & (carrier >= 0)
    parts = _parts(journey, made, slot, np.maximum(carrier, 0), played)
    parts[~arrived] = np.nan
    usual = _usual(parts, arrived & control[slot])
    return Delays(
        total_ms=parts.sum(axis=1), excess_ms=np.maximum(parts - usual, 0.0), heard=played.heard_ns is not None
    )


def _parts(journey: Journey, made: Blocks, slot: Ints, carrier: Ints, played: Listening) -> Floats:
    """Return [blocks, PARTS] in ms; they add up to the whole way."""
    t_ns, when = journey.t_ns[carrier], journey.when()
    ready = np.maximum(made.due_ns, made.pushed_ns)
    second_half = np.diff(made.slot, prepend=-1) == 0
    hops = ((At.SENT, At.SERVER_IN), (At.SERVER_IN, At.SERVER_OUT), (At.SERVER_OUT, At.RECEIVED))
    columns = [
        (ready - made.due_ns) / _MS,
        (when[slot] - ready) / _MS,
        (when[carrier] - when[slot]) / _MS,
        *(_between(t_ns[:, here], t_ns[:, there]) for here, there in hops),
        _playout(t_ns[:, At.RECEIVED], played, second_half * BLOCK_MS),
    ]
    return np.stack(columns, axis=1)


def _between(from_ns: Ints, to_ns: Ints) -> Floats:
    """Return the ms between two sightings, NaN where one is missing."""
    return np.where((from_ns == ABSENT) | (to_ns == ABSENT), np.nan, (to_ns - from_ns) / _MS)


def _playout(received_ns: Ints, played: Listening, within_ms: Ints) -> Floats:
    """Return the ms from a packet's arrival until each 10 ms, `within_ms` into it, was read; else an estimate."""
    if played.heard_ns is None:
        return _buffered_ms(received_ns, played.inbound) + within_ms
    return _between(received_ns, played.heard_ns)


def _buffered_ms(received_ns: Ints, inbound: Sequence[InboundSample]) -> Floats:
    """Return how long NetEQ kept what it played just then, by its own account; NaN where it gives none."""
    ssrc = np.array([sample.ssrc for sample in inbound])
    spent = np.diff([sample.jitter_buffer_delay_s for sample in inbound])
    emitted = np.diff([sample.jitter_buffer_emitted_count for sample in inbound])
    told = (emitted > 0) & (np.diff(ssrc) == 0) if emitted.size else np.zeros(0, np.bool_)
    if not told.any():
        return np.full(received_ns.size, np.nan)
    at_ns = np.array([sample.t_ns for sample in inbound])[1:][told]
    since = (received_ns - at_ns[0]).astype(np.float64)
    return np.asarray(np.interp(since, at_ns - at_ns[0], 1000 * spent[told] / emitted[told]), dtype=np.float64)


def _usual(parts: Floats, control: Flags) -> Floats:
    """Return what each part usually takes, 0 for one that nobody measured."""
    if control.any():
        return _column_quantiles(parts[control], 0.5)
    return np.where(np.isin(PARTS, _ENDS), _column_quantiles(parts, _FASTEST), 0.0)


def _column_quantiles(parts: Floats, level: float) -> Floats:
    columns = [column[~np.isnan(column)] for column in parts.T]
    return np.array([float(np.quantile(column, level)) if column.size else 0.0 for column in columns])
