"""How programs, their hosts, the server and its configuration lose audio, and what tells each way."""

from __future__ import annotations

from lab.scenario.reason import Reason, told

_CONFIG = ("CODE/config",)
_CLIENT = ("CODE/client",)
_BACKEND = ("CODE/backend",)
_SDK = ("CODE/sdk",)
_HOST = ("CODE/client-host",)
_SERVER = ("CODE/server",)
_LOAD = ("CODE/load",)
_AT_CONNECT = ("connect",)
_AT_PUSH = ("push",)
_AT_SEND = ("send",)
_AT_HOST = ("send", "playout")
_AT_SERVER = ("server",)

OF_CODE: tuple[Reason, ...] = (
    told(
        "wrong-address",
        _CONFIG,
        _AT_CONNECT,
        "The server advertises an address or port that is not its own.",
        "where STUN was sent",
    ),
    told(
        "media-over-tcp",
        _CONFIG,
        _AT_CONNECT,
        "Media runs over TCP, where loss becomes delay.",
        "the nominated candidate pair; no RTP over UDP",
    ),
    told(
        "frames-dropped",
        _CLIENT,
        _AT_PUSH,
        "The program made frames and never pushed them.",
        "the probe's lines",
    ),
    told(
        "push-refused",
        _CLIENT,
        _AT_PUSH,
        "The SDK refused frames that the program pushed.",
        "the error in the probe's lines",
    ),
    told(
        "script-slow",
        _CLIENT,
        _AT_PUSH,
        "Audio was there in time and pushed late; the event loop was free.",
        "available, pushed and a loop lag under a fifth of that in the probe's lines",
    ),
    told(
        "loop-blocked",
        _CLIENT,
        _AT_PUSH,
        "Audio was there in time and pushed late; the event loop was blocked.",
        "a loop lag of at least half of that in the probe's lines",
    ),
    told(
        "buffer-too-small",
        _CLIENT,
        _AT_PUSH,
        "Pushes kept their schedule, but less was ahead than one push lasts.",
        "push length, schedule and queue",
    ),
    told(
        "muted",
        _CLIENT,
        ("send", "server"),
        "The track was muted while audio was still on its way.",
        "mute events, silence on the wire",
    ),
    told(
        "subscribed-late",
        _CLIENT,
        ("server",),
        "The listener subscribed after the audio had begun.",
        "subscription event, first packet out of the server",
    ),
    told(
        "reader-slow",
        _CLIENT,
        ("read",),
        "The program read too slowly, and its bounded queue dropped audio.",
        "samples read against samples NetEQ delivered",
    ),
    told(
        "end-cut",
        _CLIENT,
        ("read", "server"),
        "The program stopped reading, or left, before the end had been played.",
        "the last samples read against the last packets received; the listener's own leaving",
    ),
    told(
        "backend-late",
        _BACKEND,
        _AT_PUSH,
        "The program itself got the audio too late.",
        "available after scheduled in the probe's lines",
    ),
    told(
        "backend-bursty",
        _BACKEND,
        _AT_PUSH,
        "The program got the audio in bursts with pauses between them.",
        "available times come in groups",
    ),
    told(
        "sdk-silence",
        _SDK,
        _AT_SEND,
        "The SDK put silence where it had audio.",
        "pushed and returned in time, silence on the wire",
    ),
    told(
        "sdk-content",
        _SDK,
        _AT_SEND,
        "The SDK never sent audio it had taken.",
        "levels on the wire, numbers whole",
    ),
    told(
        "host-throttled",
        _HOST,
        (*_AT_CONNECT, *_AT_HOST),
        "The client's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    told(
        "host-paused",
        _HOST,
        _AT_HOST,
        "The client's processes stood still.",
        "no packets, no loop ticks and no CPU, and no quota in the way",
    ),
    told(
        "host-busy",
        _HOST,
        _AT_HOST,
        "The machine kept the client waiting for a CPU; 0.2 points of it make the run void.",
        "its tasks' time in the run queue, or a pacer as late as its packets, and neither quota nor pause",
    ),
    told(
        "host-dropped",
        _HOST,
        ("send",),
        "The client's machine dropped packets that the SDK had numbered.",
        "numbers missing at the first tap",
    ),
    told(
        "packet-filter",
        _SERVER,
        _AT_SERVER,
        "A packet filter in the server's namespace dropped packets.",
        "IP packets received but not delivered",
    ),
    told(
        "socket-buffer",
        _SERVER,
        _AT_SERVER,
        "The server's receive buffer overflowed.",
        "UDP receive buffer errors in its namespace",
    ),
    told(
        "not-forwarded",
        _SERVER,
        _AT_SERVER,
        "The server read packets and did not forward them, or held them back.",
        "its own account of each track, both taps at its door, its kernel's counters",
    ),
    told(
        "server-throttled",
        _LOAD,
        _AT_SERVER,
        "The server's CPU quota held it back.",
        "throttled time of its cgroup",
    ),
    told(
        "server-crowded",
        _LOAD,
        _AT_SERVER,
        "More participants than the server's machine can serve.",
        "CPU withheld or used up, packets of others at its door",
    ),
)
"""All of them are CODE's."""
