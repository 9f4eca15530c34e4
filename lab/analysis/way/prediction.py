"""What the observed drops explain: an exact replay of which copy of each slot got how far.

Law (measured on a real server, docs/verdicts.md): the audio of packet n is in packet n, again as a RED copy (RFC 2198)
in n+1, and, while the encoder adds in-band FEC, once more in n+2, inside that packet's RED copy of n+1. Without RED,
FEC is in n+1. It is lost where its last copy died: the copy that got furthest. No probability is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from lab.analysis.way.journey import SLOT_TICKS, At, Journey
from lab.analysis.wire.streams import Flags, Ints
from lab.evidence.values import InboundSample

MOST_COPIES = 2
"""So many packets behind its own may bring audio once more."""
_NO_COPY = -2
_OLDEST_COPY_SLOTS = (2**14 - 1) // SLOT_TICKS


class Copy(IntEnum):
    """How a slot's audio came through."""

    NONE = -1
    OWN = 0
    RED = 1
    FEC = 2


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the drops explain, per slot.

    `reached` is the last place (`At`) that any copy got to, `through` the first `Copy` in order that was received, and
    `copies` [3, slots] where each one ended, -2 when there was no such copy.
    """

    reached: Ints
    through: Ints
    copies: Ints

    @property
    def decodable(self) -> Flags:
        """Mark the slots whose audio arrived."""
        return np.asarray(self.reached == At.RECEIVED, dtype=np.bool_)


def replay(journey: Journey, fec: Flags) -> Prediction:
    """Follow every copy of every slot. `fec` marks the slots whose packets brought in-band FEC."""
    own = journey.furthest()
    following = successors(journey)
    second = np.where(following >= 0, following[following], -1)
    red = _carried(own, following, journey.red | fec)
    deep = _carried(own, second, journey.red & fec)
    copies = np.stack([own, red, deep])
    arrived = copies == At.RECEIVED
    through = np.where(arrived.any(axis=0), arrived.argmax(axis=0), Copy.NONE)
    plain = (through == Copy.RED) & ~journey.red[following]
    return Prediction(reached=copies.max(axis=0), through=np.where(plain, Copy.FEC, through), copies=copies)


def carriers(journey: Journey, prediction: Prediction) -> Ints:
    """Return per slot the slot of the packet that brought its audio: its own, else the nearest; -1 when none did."""
    following = successors(journey)
    second = np.where(following >= 0, following[following], -1)
    ways = np.stack([np.arange(journey.size), following, second])
    came = prediction.copies == At.RECEIVED
    first = ways[came.argmax(axis=0), np.arange(journey.size)]
    return np.where(came.any(axis=0), first, -1)


def successors(journey: Journey) -> Ints:
    """Return per slot the slot of the next sequence number in the same epoch, -1 when there is none that could copy it.

    RED says how old a copy is in 14 bits of the clock (RFC 2198): a packet that ends a longer silence has none.
    """
    numbered = np.flatnonzero(journey.number >= 0)
    following = np.full(journey.size, -1, np.int64)
    same = (np.diff(journey.number[numbered]) == 1) & (np.diff(journey.epoch[numbered]) == 0)
    same &= np.diff(numbered) <= _OLDEST_COPY_SLOTS
    following[numbered[:-1][same]] = numbered[1:][same]
    return following


def fec_times(journey: Journey, inbound: Sequence[InboundSample]) -> Flags:
    """Mark the slots received while the subscriber's `fec_packets_received` grew.

    It stays where it is until the encoder has been told of loss; then it grows by about two per packet.
    """
    if len(inbound) < 2:
        return np.zeros(journey.size, np.bool_)
    at = np.array([sample.t_ns for sample in inbound])
    count = np.array([sample.fec_packets_received for sample in inbound])
    following = np.clip(np.searchsorted(at, journey.when(At.RECEIVED), side="right"), 1, at.size - 1)
    return np.asarray(count[following] > count[following - 1], dtype=np.bool_)


def _carried(own: Ints, carrier: Ints, carries: Flags) -> Ints:
    """Return where the copies ended that travel in `carrier`, for the carriers that hold one."""
    return np.where((carrier >= 0) & carries[carrier], own[carrier], _NO_COPY)
