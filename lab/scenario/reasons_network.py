"""How a network loses, delays or alters audio, and what tells each way from the others."""

from __future__ import annotations

from lab.scenario.reason import Reason, told

_LINKS = ("NETWORK/uplink", "NETWORK/downlink")
_CONNECT = ("NETWORK/connect",)
_AT_CONNECT = ("connect",)
_AT_LINKS = ("uplink", "downlink")

OF_NETWORK: tuple[Reason, ...] = (
    told(
        "udp-blocked",
        _CONNECT,
        _AT_CONNECT,
        "UDP does not pass, TCP does.",
        "STUN before a link and none behind it, signalling on both sides",
    ),
    told(
        "all-blocked",
        _CONNECT,
        _AT_CONNECT,
        "Neither UDP nor TCP passes.",
        "signalling before a link and none behind it",
    ),
    told(
        "random-loss",
        _LINKS,
        _AT_LINKS,
        "Packets lost one by one, independently.",
        "the link's random counter, run lengths at the taps",
    ),
    told(
        "burst-loss",
        _LINKS,
        _AT_LINKS,
        "Packets lost several in a row.",
        "the link's random counter, run lengths at the taps",
    ),
    told(
        "red-off",
        _LINKS,
        _AT_LINKS,
        "Loss that one redundant copy would have repaired; RED was off.",
        "payload types on the wire; the same drops replayed with RED repair half",
    ),
    told(
        "queue-full",
        _LINKS,
        _AT_LINKS,
        "Others filled the link's queue.",
        "the link's queue counter; the call sent less than it carries, others beside it",
    ),
    told(
        "own-rate",
        _LINKS,
        _AT_LINKS,
        "The call itself sends more than the link carries.",
        "the link's queue counter; the call alone sent more than it carries",
    ),
    told(
        "outage",
        _LINKS,
        _AT_LINKS,
        "Nothing passed for a while.",
        "the link's sink counter; nothing came through meanwhile",
    ),
    told(
        "blocked",
        _LINKS,
        _AT_LINKS,
        "A firewall or NAT stopped this traffic while other traffic passed the same way.",
        "the link's sink counter; something else came through meanwhile",
    ),
    told(
        "corrupt",
        _LINKS,
        _AT_LINKS,
        "Packets came out altered.",
        "bytes compared over the link; what the kernel sent and nobody got",
    ),
    told(
        "jitter",
        _LINKS,
        _AT_LINKS,
        "The link delayed packets by more than the buffer holds, or put them out of order.",
        "arrival times at both taps",
    ),
    told(
        "latency",
        _LINKS,
        _AT_LINKS,
        "The link is slow for every packet alike.",
        "time between both taps against the clean control, for half of the packets",
    ),
)
"""All of them are NETWORK's, at a link or before any media."""
