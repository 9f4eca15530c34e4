"""The faults that are made around the programs: limits after the join, pauses, a packet filter, small buffers.

Law: what was really done, and when, goes to `router/injected.jsonl`, which the judge never reads; when the block ends,
containers that outlive the run are as they were. The faults inside the programs write logs of their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.faults import SERVER, Filter, Pause, SocketBuffer, kind
from lab.rig.faults.pauses import Pauses
from lab.rig.faults.server_faults import ServerBuffer, ServerFilter
from lab.rig.programs.clients import Running
from lab.rig.standing.lab import Lab
from lab.scenario.model import Limits, Scenario

ServerFault = ServerFilter | ServerBuffer


class Injector:
    """The injected faults of one run, idle until `begin`."""

    def __init__(self, lab: Lab, scenario: Scenario, folder: RunFolder, joined: Sequence[Running]) -> None:
        """Plan what `scenario` injects into the clients that `joined`, and into `lab`'s server."""
        self._engine = lab.machine.engine
        self._folder = folder
        self._containers = {SERVER: lab.server, **{each.client.name: each.container for each in joined}}
        self._limits = {SERVER: scenario.server.after_join} | {c.name: c.after_join for c in scenario.clients}
        self._pauses = Pauses(self._engine, self._paused(scenario), scenario.media.duration_ms, self._note)
        self._server_faults: list[tuple[str, ServerFault]] = [
            (kind(fault), _server_fault(lab, fault))
            for fault in scenario.inject
            if isinstance(fault, Filter | SocketBuffer)
        ]
        self._began_ns: dict[str, int] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Injector:
        """Start what faults need to be there in time."""
        with ExitStack() as stack:
            for _, fault in self._server_faults:
                stack.enter_context(fault)
            stack.enter_context(self._pauses)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Write down what the faults came to, and undo them."""
        try:
            for name, fault in self._server_faults:
                if name in self._began_ns:
                    self._note(name, from_ns=self._began_ns[name], to_ns=time.time_ns(), **fault.end())
        finally:
            self._stack.__exit__(type_, error, None)

    def begin(self) -> None:
        """Let the faults begin: limits and the server's at once, pauses at their times from now."""
        for name, limits in self._limits.items():
            if limits != Limits():
                container = self._containers[name]
                self._engine.update(container, cpus=limits.cpus, memory_bytes=limits.memory_bytes)
                self._note("limit", container=name, cpus=limits.cpus, memory_bytes=limits.memory_bytes)
        for name, fault in self._server_faults:
            begun = fault.begin()
            self._began_ns[name] = time.time_ns()
            self._note(f"{name}-begins", **begun)
        self._pauses.begin()

    def _paused(self, scenario: Scenario) -> dict[str, list[Pause]]:
        """Return the pauses by the id of the container they stop."""
        found: dict[str, list[Pause]] = {}
        for fault in scenario.inject:
            if isinstance(fault, Pause):
                found.setdefault(self._containers[fault.container], []).append(fault)
        return found

    def _note(self, what: str, **detail: object) -> None:
        self._folder.append(names.INJECTED, json.dumps({"t_ns": time.time_ns(), "kind": what, **detail}))


def _server_fault(lab: Lab, fault: Filter | SocketBuffer) -> ServerFault:
    return ServerFilter(lab, fault) if isinstance(fault, Filter) else ServerBuffer(lab, fault)
