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

_AT_CONNECT = ("connect",)
_AT_LINKS = ("uplink", "downlink")
_AT_PUSH = ("push",)
_AT_SEND = ("send",)
_AT_HOST = ("send", "playout")
_AT_SERVER = ("server",)


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One way to lose, delay or distort audio at one of `hops`; `witness` is what tells it from the others."""

    code: str
    owners: tuple[str, ...]
    hops: tuple[str, ...]
    meaning: str
    witness: str


def _reason(code: str, owners: tuple[str, ...], hops: tuple[str, ...], meaning: str, witness: str) -> Reason:
    return Reason(code=code, owners=owners, hops=hops, meaning=meaning, witness=witness)


REASONS: tuple[Reason, ...] = (
    _reason(
        "none",
        ("NONE",),
        (),
        "Nothing cost 0.2 points or more.",
        "the ledger",
    ),
    _reason(
        "undecided",
        ("UNDECIDED",),
        (),
        "The evidence does not tell.",
        "what the reasons name",
    ),
    _reason(
        "dtx",
        ("NONE",),
        ("send",),
        "Packets are missing by intent: silence was not sent (DTX).",
        "RTP numbers without a gap where timestamps have one",
    ),
    _reason(
        "udp-blocked",
        _CONNECT,
        _AT_CONNECT,
        "UDP does not pass, TCP does.",
        "STUN before a link and none behind it, signalling on both sides",
    ),
    _reason(
        "all-blocked",
        _CONNECT,
        _AT_CONNECT,
        "Neither UDP nor TCP passes.",
        "signalling before a link and none behind it",
    ),
    _reason(
        "wrong-address",
        _CONFIG,
        _AT_CONNECT,
        "The server advertises an address or port that is not its own.",
        "where STUN was sent",
    ),
    _reason(
        "media-over-tcp",
        _CONFIG,
        _AT_CONNECT,
        "Media runs over TCP, where loss becomes delay.",
        "the nominated candidate pair; no RTP over UDP",
    ),
    _reason(
        "random-loss",
        _LINKS,
        _AT_LINKS,
        "Packets lost one by one, independently.",
        "the link's random counter, run lengths at the taps",
    ),
    _reason(
        "burst-loss",
        _LINKS,
        _AT_LINKS,
        "Packets lost several in a row.",
        "the link's random counter, run lengths at the taps",
    ),
    _reason(
        "red-off",
        _LINKS,
        _AT_LINKS,
        "Loss that one redundant copy would have repaired; RED was off.",
        "payload types on the wire; the same drops replayed with RED repair half",
    ),
    _reason(
        "queue-full",
        _LINKS,
        _AT_LINKS,
        "Others filled the link's queue.",
        "the link's queue counter; the call sent less than it carries, others beside it",
    ),
    _reason(
        "own-rate",
        _LINKS,
        _AT_LINKS,
        "The call itself sends more than the link carries.",
        "the link's queue counter; the call alone sent more than it carries",
    ),
    _reason(
        "outage",
        _LINKS,
        _AT_LINKS,
        "Nothing passed for a while.",
        "the link's sink counter; nothing came through meanwhile",
    ),
    _reason(
        "blocked",
        _LINKS,
        _AT_LINKS,
        "A firewall or NAT stopped this traffic while other traffic passed the same way.",
        "the link's sink counter; something else came through meanwhile",
    ),
    _reason(
        "corrupt",
        _LINKS,
        _AT_LINKS,
        "Packets came out altered.",
        "bytes compared over the link; what the kernel sent and nobody got",
    ),
    _reason(
        "jitter",
        _LINKS,
        _AT_LINKS,
        "The link delayed packets by more than the buffer holds, or put them out of order.",
        "arrival times at both taps",
    ),
    _reason(
        "latency",
        _LINKS,
        _AT_LINKS,
        "The link is slow for every packet alike.",
        "time between both taps against the clean control, for half of the packets",
    ),
    _reason(
        "frames-dropped",
        _CLIENT,
        _AT_PUSH,
        "The program made frames and never pushed them.",
        "the probe's lines",
    ),
    _reason(
        "push-refused",
        _CLIENT,
        _AT_PUSH,
        "The SDK refused frames that the program pushed.",
        "the error in the probe's lines",
    ),
    _reason(
        "script-slow",
        _CLIENT,
        _AT_PUSH,
        "Audio was there in time and pushed late; the event loop was free.",
        "available, pushed and a loop lag under a fifth of that in the probe's lines",
    ),
    _reason(
        "loop-blocked",
        _CLIENT,
        _AT_PUSH,
        "Audio was there in time and pushed late; the event loop was blocked.",
        "a loop lag of at least half of that in the probe's lines",
    ),
    _reason(
        "buffer-too-small",
        _CLIENT,
        _AT_PUSH,
        "Pushes kept their schedule, but less was ahead than one push lasts.",
        "push length, schedule and queue",
    ),
    _reason(
        "muted",
        _CLIENT,
        ("send", "server"),
        "The track was muted while audio was still on its way.",
        "mute events, silence on the wire",
    ),
    _reason(
        "subscribed-late",
        _CLIENT,
        ("server",),
        "The listener subscribed after the audio had begun.",
        "subscription event, first packet out of the server",
    ),
    _reason(
        "reader-slow",
        _CLIENT,
        ("read",),
        "The program read too slowly, and its bounded queue dropped audio.",
        "samples read against samples NetEQ delivered",
    ),
    _reason(
        "end-cut",
        _CLIENT,
        ("read",),
        "The program stopped reading before the end had been played.",
        "the last samples read against the last packets received",
    ),
    _reason(
        "backend-late",
        _BACKEND,
        _AT_PUSH,
        "The program itself got the audio too late.",
        "available after scheduled in the probe's lines",
    ),
    _reason(
        "backend-bursty",
        _BACKEND,
        _AT_PUSH,
        "The program got the audio in bursts with pauses between them.",
        "available times come in groups",
    ),
    _reason(
        "sdk-silence",
        _SDK,
        _AT_SEND,
        "The SDK put silence where it had audio.",
        "pushed and returned in time, silence on the wire",
    ),
    _reason(
        "sdk-content",
        _SDK,
        _AT_SEND,
        "The SDK never sent audio it had taken.",
        "levels on the wire, numbers whole",
    ),
    _reason(
        "host-throttled",
        _HOST,
        _AT_HOST,
        "The client's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    _reason(
        "host-paused",
        _HOST,
        _AT_HOST,
        "The client's processes stood still.",
        "no packets, no loop ticks and no CPU, and no quota in the way",
    ),
    _reason(
        "host-busy",
        _HOST,
        _AT_HOST,
        "The client's machine dropped or delayed packets.",
        "numbers missing at the first tap, or late there, and neither quota nor pause",
    ),
    _reason(
        "packet-filter",
        _SERVER,
        _AT_SERVER,
        "A packet filter in the server's namespace dropped packets.",
        "IP packets received but not delivered",
    ),
    _reason(
        "socket-buffer",
        _SERVER,
        _AT_SERVER,
        "The server's receive buffer overflowed.",
        "UDP receive buffer errors in its namespace",
    ),
    _reason(
        "not-forwarded",
        _SERVER,
        _AT_SERVER,
        "The server read packets and did not forward them, or held them back.",
        "its own account of each track, both taps at its door, its kernel's counters",
    ),
    _reason(
        "server-throttled",
        _LOAD,
        _AT_SERVER,
        "The server's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    _reason(
        "server-crowded",
        _LOAD,
        _AT_SERVER,
        "More participants than the server's machine can serve.",
        "CPU withheld or used up, packets of others at its door",
    ),
)
"""Each code once; docs/verdicts.md prints this table."""


def table() -> str:
    """Return the table of docs/verdicts.md, a line per reason: what happened, where, whose it is, how it is told."""
    head = ("what happened", "hop", "owner", "reason", "told by")
    rows = [
        (each.meaning, ", ".join(each.hops) or "-", ", ".join(each.owners), f"`{each.code}`", each.witness)
        for each in REASONS
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


def reason(code: str) -> Reason:
    """Return the reason called `code`; ValueError with the nearest when there is none."""
    found = next((each for each in REASONS if each.code == code), None)
    if found is None:
        raise ValueError(f"unknown reason {did_you_mean(code, [each.code for each in REASONS])}")
    return found
