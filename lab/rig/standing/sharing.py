"""Many runs on one lab: which scenarios it is fit for, and how a run leaves it.

Law: a run on a shared lab measures what it would have measured on one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Literal

from lab.errors import UsageError
from lab.rig.engine.engine import NO_LIMIT
from lab.rig.layout.topology import BumpedLink, Node, topology
from lab.rig.standing.lab import Lab
from lab.scenario.model import Crowd, Limits, Scenario, Server


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What runs on one lab must have in common, field by field."""

    clients: tuple[Node, ...]
    links: tuple[BumpedLink, ...]
    impair_only: Literal["all", "rtp"]
    server: Server


def frame(scenario: Scenario) -> Frame:
    """Return what a lab must be built with to serve `scenario`; extras may be more."""
    layout = topology(scenario)
    return Frame(
        clients=layout.clients,
        links=layout.links,
        impair_only=scenario.impair_only,
        server=replace(scenario.server, after_join=Limits(), crowd=Crowd()),
    )


def extras(scenario: Scenario) -> frozenset[str]:
    """Return the names of the nodes for traffic and crowd: a lab serves whoever needs no others than it has."""
    layout = topology(scenario)
    return frozenset(node.name for node in (*layout.background, *filter(None, [layout.crowd])))


def admit(lab: Lab, scenario: Scenario) -> None:
    """Raise UsageError when `scenario` asks for another lab: other clients, links, traffic or server."""
    wanted, mine, built_for = frame(scenario), frame(lab.scenario), lab.scenario
    other = [each.name for each in fields(Frame) if getattr(wanted, each.name) != getattr(mine, each.name)]
    other += sorted(extras(scenario) - extras(built_for))
    if other:
        what = f"this lab was built for {built_for.name}, from which {scenario.name} differs in {', '.join(other)}"
        raise UsageError(what, fix="give it a lab of its own")


def restore_server(lab: Lab, changed: Limits) -> None:
    """Give the server back the limits it was started with, where a run `changed` them; one that died stays dead."""
    if changed == Limits():
        return
    state, limits = lab.machine.engine.state(lab.server), lab.scenario.server.limits
    if state is None or not state.running:
        return
    cpus = NO_LIMIT if limits.cpus is None else limits.cpus
    memory = NO_LIMIT if limits.memory_bytes is None else limits.memory_bytes
    lab.machine.engine.update(
        lab.server,
        cpus=None if changed.cpus is None else cpus,
        memory_bytes=None if changed.memory_bytes is None else memory,
    )
