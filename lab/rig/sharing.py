"""Many runs on one lab: which scenarios it is fit for, and how a run leaves it.

Law: a run on a shared lab measures what it would have measured on one of its own.
"""

from __future__ import annotations

from dataclasses import replace

from lab.errors import UsageError
from lab.rig.engine import NO_LIMIT
from lab.rig.lab import Lab
from lab.rig.topology import topology
from lab.scenario.model import Limits, Scenario, Server


def admit(lab: Lab, scenario: Scenario) -> None:
    """Raise UsageError when `scenario` asks for another lab: other clients, links, traffic or server."""
    wanted, mine, built_for = topology(scenario, lab.block), lab.topology, lab.scenario
    same = {
        "clients": wanted.clients == mine.clients,
        "links": wanted.links == mine.links,
        "background": set(wanted.background) <= set(mine.background),
        "impair_only": scenario.impair_only == built_for.impair_only,
        "server": _before_join(scenario.server) == _before_join(built_for.server),
    }
    if other := [name for name, agrees in same.items() if not agrees]:
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


def _before_join(server: Server) -> Server:
    """Return what a server is started with."""
    return replace(server, after_join=Limits())
