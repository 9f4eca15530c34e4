"""What is at work in a scenario of which no figure is known beforehand, in words.

Law: `lab plan` names it beside its own figures; nothing is counted as 0 because nobody can foretell it.
"""

from __future__ import annotations

from lab import faults
from lab.faults import SERVER
from lab.scenario.model import Client, Crowd, Limits, Scenario, Server

_HEARD = ("audio_loss", "concealed")
_OF_LINKS = (*_HEARD, "network_loss")
_OF_CODE = (*_HEARD, "code_loss", "server_loss")


def unpredicted(scenario: Scenario, publisher: str, subscriber: str) -> str:
    """Say why nothing is predicted of a flow, empty where it is."""
    ends = [link for name in (publisher, subscriber) if (link := scenario.link_of(name))]
    closed = scenario.impair == "from_start" and any(
        side.outage or "udp" in side.block for link in ends for side in (link.up, link.down)
    )
    return "UDP does not pass from the start: no media, or media over TCP, of which no rate is measured" * closed


def untold(metric: str, scenario: Scenario, publisher: str, subscriber: str, *, jittered: bool) -> tuple[str, ...]:
    """Return what else may add to `metric` of a flow.

    Of a pause NetEQ conceals some, and a server forwards nothing of a muted track: neither was found to follow a rule.
    """
    ends = (publisher, subscriber, SERVER)
    hosts: list[Client | Server] = [*(each for each in scenario.clients if each.name in ends), scenario.server]
    limited = any(limits != Limits() for host in hosts for limits in (host.limits, host.after_join))
    kinds = {type(fault) for fault in scenario.inject if _whose(fault) in ends}
    at_work = {
        "jitter": jittered and metric in _OF_LINKS,
        "a limit": limited and metric in _OF_CODE,
        "a crowd": scenario.server.crowd != Crowd() and metric in _OF_CODE,
        "server.config": scenario.server.config_json != "{}" and metric in _OF_CODE,
        "a socket_buffer": faults.SocketBuffer in kinds and metric in _OF_CODE,
        "a pause": faults.Pause in kinds and metric in ("concealed", "server_loss"),
        "a mute": faults.Mute in kinds and metric == "server_loss",
    }
    return tuple(word for word, is_at_work in at_work.items() if is_at_work)


def _whose(fault: faults.Fault) -> str:
    return getattr(fault, "client", getattr(fault, "container", SERVER))
