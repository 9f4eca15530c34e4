"""The closed table of reason codes: why audio was damaged, one word each, and which witness decides it.

Law: an owner says whose damage it is, a reason says what happened there. A reason belongs to the owners named with it
and to no other; the same words stand in `expect:`, in the verdict, in the tables and in docs/verdicts.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.scenario.tree import did_you_mean

_LINKS = ("NETWORK/uplink", "NETWORK/downlink")
_CONNECT = ("NETWORK/connect",)
_CONFIG = ("CODE/config",)
_CLIENT = ("CODE/client",)
_BACKEND = ("CODE/backend",)
_SDK = ("CODE/sdk",)
_HOST = ("CODE/client-host",)
_SERVER = ("CODE/server",)
_LOAD = ("CODE/load",)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One way to lose, delay or distort audio; `witness` is the piece of evidence that tells it from the others."""

    code: str
    owners: tuple[str, ...]
    meaning: str
    witness: str


def _reason(code: str, owners: tuple[str, ...], meaning: str, witness: str) -> Reason:
    return Reason(code=code, owners=owners, meaning=meaning, witness=witness)


REASONS: tuple[Reason, ...] = (
    _reason(
        "none",
        ("NONE",),
        "Nothing cost 0.2 points or more.",
        "the ledger",
    ),
    _reason(
        "undecided",
        ("UNDECIDED",),
        "The evidence does not tell.",
        "what the reasons name",
    ),
    _reason(
        "dtx",
        ("NONE",),
        "Packets are missing by intent: silence was not sent (DTX).",
        "RTP numbers without a gap where timestamps have one",
    ),
    _reason(
        "udp-blocked",
        _CONNECT,
        "UDP does not pass, TCP does.",
        "STUN before a link and none behind it, signalling on both sides",
    ),
    _reason(
        "all-blocked",
        _CONNECT,
        "Neither UDP nor TCP passes.",
        "signalling before a link and none behind it",
    ),
    _reason(
        "wrong-address",
        _CONFIG,
        "The server advertises an address or port that is not its own.",
        "where STUN was sent",
    ),
    _reason(
        "media-over-tcp",
        _CONFIG,
        "Media runs over TCP, where loss becomes delay.",
        "the nominated candidate pair; no RTP over UDP",
    ),
    _reason(
        "random-loss",
        _LINKS,
        "Packets lost one by one, independently.",
        "the link's random counter, run lengths at the taps",
    ),
    _reason(
        "burst-loss",
        _LINKS,
        "Packets lost several in a row.",
        "the link's random counter, run lengths at the taps",
    ),
    _reason(
        "red-off",
        _LINKS,
        "Loss that one redundant copy would have repaired; RED was off.",
        "payload types on the wire, the drops replayed with RED",
    ),
    _reason(
        "queue-full",
        _LINKS,
        "Others filled the link's queue.",
        "the link's queue counter, own rate below the link's",
    ),
    _reason(
        "own-rate",
        _LINKS,
        "The call itself sends more than the link carries.",
        "own rate on the wire above the link's",
    ),
    _reason(
        "outage",
        _LINKS,
        "Nothing passed for a while.",
        "the link's sink counter: hardly anything passed",
    ),
    _reason(
        "blocked",
        _LINKS,
        "A firewall or NAT stopped this traffic while other traffic passed, or one way only.",
        "the link's sink counter, the other direction",
    ),
    _reason(
        "corrupt",
        _LINKS,
        "Packets came out altered.",
        "bytes compared over the link",
    ),
    _reason(
        "jitter",
        _LINKS,
        "The link delayed packets by more than the buffer holds, or put them out of order.",
        "arrival times at both taps",
    ),
    _reason(
        "latency",
        _LINKS,
        "The link is slow for every packet alike.",
        "time between both taps against the clean control",
    ),
    _reason(
        "frames-dropped",
        _CLIENT,
        "The program made frames and never pushed them.",
        "the probe's lines",
    ),
    _reason(
        "push-refused",
        _CLIENT,
        "The SDK refused frames that the program pushed.",
        "the error in the probe's lines",
    ),
    _reason(
        "script-slow",
        _CLIENT,
        "Audio was there in time and pushed late; the event loop was free.",
        "available, pushed and loop lag in the probe's lines",
    ),
    _reason(
        "loop-blocked",
        _CLIENT,
        "Audio was there in time and pushed late; the event loop was blocked.",
        "loop lag in the probe's lines",
    ),
    _reason(
        "buffer-too-small",
        _CLIENT,
        "Pushes kept their schedule, but less was ahead than one push lasts.",
        "push length, schedule and queue",
    ),
    _reason(
        "muted",
        _CLIENT,
        "The track was muted while audio was still on its way.",
        "mute events, silence on the wire",
    ),
    _reason(
        "subscribed-late",
        _CLIENT,
        "The listener subscribed after the audio had begun.",
        "subscription event, first packet out of the server",
    ),
    _reason(
        "reader-slow",
        _CLIENT,
        "The program read too slowly, and its bounded queue dropped audio.",
        "samples read against samples NetEQ delivered",
    ),
    _reason(
        "end-cut",
        _CLIENT,
        "The program stopped reading before the end had been played.",
        "the last samples read against the last packets received",
    ),
    _reason(
        "backend-late",
        _BACKEND,
        "The program itself got the audio too late.",
        "available after scheduled in the probe's lines",
    ),
    _reason(
        "backend-bursty",
        _BACKEND,
        "The program got the audio in bursts with pauses between them.",
        "available times come in groups",
    ),
    _reason(
        "sdk-silence",
        _SDK,
        "The SDK put silence where it had audio.",
        "pushed and returned in time, silence on the wire",
    ),
    _reason(
        "sdk-content",
        _SDK,
        "The SDK never sent audio it had taken.",
        "levels on the wire, numbers whole",
    ),
    _reason(
        "host-throttled",
        _HOST,
        "The client's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    _reason(
        "host-paused",
        _HOST,
        "The client's processes stood still.",
        "no CPU used, no statistics, no loop ticks",
    ),
    _reason(
        "host-busy",
        _HOST,
        "The client's machine dropped or delayed packets.",
        "numbers missing at the first tap, socket and softnet counters",
    ),
    _reason(
        "packet-filter",
        _SERVER,
        "A packet filter in the server's namespace dropped packets.",
        "IP packets received but not delivered",
    ),
    _reason(
        "socket-buffer",
        _SERVER,
        "The server's receive buffer overflowed.",
        "UDP receive buffer errors in its namespace",
    ),
    _reason(
        "not-forwarded",
        _SERVER,
        "The server read packets and did not forward them, or held them back.",
        "its own track statistics, both taps at its door",
    ),
    _reason(
        "server-throttled",
        _LOAD,
        "The server's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    _reason(
        "server-crowded",
        _LOAD,
        "More participants than the server's machine can serve.",
        "CPU withheld or used up, packets of others at its door",
    ),
)
"""Each code once; docs/verdicts.md prints this table."""


def reason(code: str) -> Reason:
    """Return the reason called `code`; ValueError with the nearest when there is none."""
    found = next((each for each in REASONS if each.code == code), None)
    if found is None:
        raise ValueError(f"unknown reason {did_you_mean(code, [each.code for each in REASONS])}")
    return found
