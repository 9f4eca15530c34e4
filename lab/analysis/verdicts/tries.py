"""How long who waited for an answer waited because a link had not let through what was sent, until it was sent again.

Law: only what is sent again was waited for. TCP repeats what carries bytes and its opening SYN, by their number (RFC
9293); an acknowledgement alone is repeated by nobody, whenever the next one comes. A datagram has no number here: who
repeats one, or several at once, waits about twice as long each time (RFC 8489 for STUN, 6347 for DTLS), and what comes
later than that is another, with which it begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lab.evidence.values import Packets

TCP = 6
_FIRST_NS, _BACK_OFF = 1_500_000_000, 2.5
"""How long after a datagram its first repetition comes at most, and how many times as long as before a later one."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """What of one kind went into a client's link on one way while it joined, and what came out of it."""

    name: str
    port: Literal["sport", "dport"]
    entered: Packets
    came: Packets

    @property
    def lost(self) -> int:
        """How many did not come out in time."""
        return max(0, int(self.entered.size) - int(self.came.size))

    def waits(self) -> Iterator[tuple[int, int]]:
        """Yield from when to when (t_ns) what was sent again was waited for, nothing of its connection coming out."""
        for port in np.unique(self.entered[self.port]):
            tried, came = (np.sort(side[side[self.port] == port], order="t_ns") for side in (self.entered, self.came))
            for from_ns, to_ns in _again(tried):
                if not ((came["t_ns"] >= from_ns) & (came["t_ns"] < to_ns)).any():
                    yield from_ns, to_ns


def union_ns(spans: Sequence[tuple[int, int]]) -> int:
    """Return how much time `spans` cover, what several cover once."""
    covered, end = 0, 0
    for from_ns, to_ns in sorted(spans):
        covered += max(0, to_ns - max(from_ns, end))
        end = max(end, to_ns)
    return covered


def _again(tried: Packets) -> Iterator[tuple[int, int]]:
    """Yield when (t_ns) each of one connection's packets was sent that was sent again, and when that was."""
    if tried["proto"][0] == TCP:
        opening = (tried["tcp_seq"] == tried["tcp_seq"][0]) & (tried["tcp_bytes"] == 0)
        for number in np.unique(tried["tcp_seq"]):
            same = tried["tcp_seq"] == number
            yield from _pairs(tried[same & (opening | (tried["tcp_bytes"] > 0))])
        return
    waited_ns = 0
    for from_ns, to_ns in _pairs(tried):
        repeated = to_ns - from_ns <= max(_FIRST_NS, _BACK_OFF * waited_ns)
        waited_ns = max(waited_ns, to_ns - from_ns) if repeated else 0
        if repeated:
            yield from_ns, to_ns


def _pairs(packets: Packets) -> Iterator[tuple[int, int]]:
    yield from zip(packets["t_ns"][:-1].tolist(), packets["t_ns"][1:].tolist(), strict=True)
