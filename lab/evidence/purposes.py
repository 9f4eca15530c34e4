"""What is lost with a piece of a recording: what it would have decided (docs/evidence.md).

Law: every file that a verdict is read from has its words here.
"""

from __future__ import annotations

from fnmatch import fnmatch

from lab.evidence import names

_ANY = "*"
_PURPOSES = (
    (f"{names.CAPTURES}/edge-*", "what left this client, and what reached it"),
    (f"{names.CAPTURES}/inner-*", "which link lost a packet"),
    (f"{names.CAPTURES}/core.*", "what reached and left the server"),
    (f"{names.CAPTURES}/open.*", "what clients without a link sent and got"),
    (names.STEPS, "why a link lost a packet"),
    (names.RESOLVED, "what was expected"),
    (names.client(_ANY, names.CLIENT_FRAMES), "push from send"),
    (names.client(_ANY, names.CLIENT_EVENTS), "mutes and late subscriptions from losses"),
    (names.client(_ANY, names.CLIENT_STATS), "which packets are whose, and what was concealed"),
    (names.client(_ANY, names.CLIENT_EXIT), "whether the client ended by itself"),
    (names.client(_ANY, names.CLIENT_AUDIO), "what the ear compares with"),
    (names.client(_ANY, names.CLIENT_HEARD.format(publisher=_ANY)), "playout from read"),
    (names.client(_ANY, names.CLIENT_READS.format(publisher=_ANY)), "playout from read"),
    (names.SERVER_TRACKS, "a loss behind the server's door from a wrong capture"),
    (names.CGROUPS.format(container=_ANY), "a starved or paused container from slow code"),
    (names.NETWORKS.format(container=_ANY), "a container's host from its program"),
    (names.PACER, "whether this machine could measure"),
    (names.HOST_SECONDS, "whether this machine could measure"),
    (f"{names.HOST}/*", "whether the machine's witnesses ended by themselves"),
)


def purpose(name: str) -> str:
    """Return what the file `name` tells (or tells apart), the empty string of what nothing is read from."""
    return next((words for pattern, words in _PURPOSES if names.is_judged(name) and fnmatch(name, pattern)), "")
