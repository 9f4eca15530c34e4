"""The names of a run folder: every path the rig writes and the analysis reads, relative to the run's folder."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import PurePosixPath

MANIFEST = "manifest.json"
AS_WRITTEN = "scenario.as-written.yaml"
RESOLVED = "scenario.yaml"
CAPTURES = (
    "captures"  # edge-<client>.pcap inner-<client>.pcap core.pcap open.pcap, and each one's tcpdump words in <same>.log
)
ROUTER = "router"
STEPS = "router/steps.jsonl"  # one StepState per line
INJECTED = "router/injected.jsonl"  # what the rig did wrong on purpose, and when; never judged
CLIENTS = "clients"  # clients/<name>/…
CLIENT_CONFIG = "config.json"  # what our client programs are told
CLIENT_AUDIO = "audio.wav"  # what a publisher plays, when it is not the marks
CLIENT_EVENTS = "events.jsonl"
CLIENT_FRAMES = "frames.jsonl"
CLIENT_STATS = "stats.jsonl"
CLIENT_HEARD = "heard-{publisher}.pcm"  # int16 little endian mono 48 kHz, as read from the SDK
CLIENT_READS = "heard-{publisher}.jsonl"  # how many samples had been read when
CLIENT_LOG = "log.txt"
CLIENT_EXIT = "exit.json"  # {"exit_code", "oom_killed"}, written by the rig when the client is gone
SERVER = "server"  # the folder of what it said, and its container in `host/`; a client's is `container(client)`
SERVER_CONFIG = "server/livekit.yaml"
SERVER_LOG = "server/log.txt"
SERVER_METRICS = "server/metrics.txt"
SERVER_TRACKS = "server/tracks.jsonl"  # LiveKit's own account of this run's tracks, taken from its log
SERVER_ROOMS = "server/rooms.json"  # its /debug/rooms while the last frames were heard, as it answered; never judged
HOST = "host"
PACER = "host/pacer.jsonl"  # one Tick per line
HOST_SECONDS = "host/seconds.jsonl"  # one HostSecond per line
CGROUPS = "host/cgroup-{container}.jsonl"  # one CgroupSecond per line
NETWORKS = "host/network-{container}.jsonl"  # one NetworkSecond per line, of the namespace that container sits in
EVENTS = "events.jsonl"  # what the rig did, one JSON line each
DERIVED = "derived"
VERDICT = "derived/verdict.json"


_PIECES = frozenset({CLIENT_AUDIO, CLIENT_EVENTS, CLIENT_FRAMES, CLIENT_STATS, CLIENT_EXIT})
_SOUND = (CLIENT_HEARD, CLIENT_READS)


def is_judged(name: str) -> bool:
    """Say whether a verdict is read from the file `name`; logs and configuration are kept for people."""
    folder, _, rest = name.partition("/")
    if folder == CLIENTS:
        piece = rest.partition("/")[2]
        return piece in _PIECES or any(fnmatch(piece, sound.format(publisher="*")) for sound in _SOUND)
    return name in (RESOLVED, STEPS, SERVER_TRACKS) or folder in (CAPTURES, HOST)


def leads_out(name: str) -> bool:
    """Say whether `name` is none for a piece of a run: it is no path, or one that leads out of the run's folder."""
    path = PurePosixPath(name)
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # half a surrogate pair, which no file is called
        return True
    return not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name


def edge(client: str) -> str:
    """Return the capture on the client's side of its bump."""
    return f"{CAPTURES}/edge-{client}.pcap"


def inner(client: str) -> str:
    """Return the capture on the router's side of the client's bump."""
    return f"{CAPTURES}/inner-{client}.pcap"


def tap(place: str, client: str | None) -> str:
    """Return the capture at `place`, of `client` where each has one of its own."""
    return f"{CAPTURES}/{place}{f'-{client}' if client else ''}.pcap"


CORE_TAP = f"{CAPTURES}/core.pcap"
OPEN_TAP = f"{CAPTURES}/open.pcap"


def container(client: str) -> str:
    """Return by what name a client's container goes in `host/`."""
    return f"client-{client}"


def client(name: str, file: str) -> str:
    """Return the path of a client's file."""
    return f"{CLIENTS}/{name}/{file}"
