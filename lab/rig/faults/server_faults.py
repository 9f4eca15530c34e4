"""Faults of the machine that the server runs on: a packet filter in its namespace, and receive buffers too small.

Law: the filter lives in a container that joins the server's network namespace, the buffers are set through one that
joins its process namespace; the server itself stays unprivileged, and gets back what it had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lab
from lab.errors import EnvironmentFault
from lab.faults import Filter, SocketBuffer
from lab.rig.engine.engine import ContainerSpec, Mount
from lab.rig.layout.containers import CODE
from lab.rig.layout.topology import MEDIA_PORT, SERVER
from lab.rig.standing.lab import Lab

TABLE = ("inet", "lab")
_SLEEP = ("sleep", "infinity")


def filter_script(fault: Filter) -> str:
    """Return the rule set in nft(8)'s words: of every `every` packets to the media port, the first `drop`."""
    table = " ".join(TABLE)
    return (
        f"add table {table}\n"
        f"add chain {table} input {{ type filter hook input priority 0 ; }}\n"
        f"add rule {table} input udp dport {MEDIA_PORT} numgen inc mod {fault.every} < {fault.drop} counter drop\n"
    )


def dropped(listing: str) -> int:
    """Return the rule's count of packets from `nft -j list table`; ValueError when there is none."""
    rules = [entry["rule"] for entry in json.loads(listing)["nftables"] if "rule" in entry]
    counters = [part["counter"]["packets"] for rule in rules for part in rule["expr"] if "counter" in part]
    if len(counters) != 1:
        raise ValueError(f"{len(counters)} counters where one is expected")
    return int(counters[0])


class ServerFilter:
    """A packet filter in front of the server, from `begin` to the end of the block."""

    def __init__(self, lab: Lab, fault: Filter) -> None:
        """Plan the filter."""
        self._engine = lab.machine.engine
        self._fault = fault
        self._spec = replace(
            lab.identity.spec("filter", lab.machine.images.router.reference, _SLEEP),
            join=lab.nodes[SERVER],
            capabilities=("NET_ADMIN",),
        )

    def __enter__(self) -> ServerFilter:
        """Start the container, filter nothing yet."""
        self._container = self._engine.start(self._spec)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the filter away; the namespace outlives the container that set it."""
        self._engine.execute(self._container, ("nft", "delete", "table", *TABLE))
        self._engine.remove(self._container)

    def begin(self) -> Mapping[str, int]:
        """Filter from now on; return what is dropped of what."""
        _said(self._engine, self._container, ("nft", "-f", "-"), filter_script(self._fault))
        return {"drop": self._fault.drop, "every": self._fault.every}

    def end(self) -> Mapping[str, int]:
        """Return how many packets it has dropped so far."""
        return {"dropped": dropped(_said(self._engine, self._container, ("nft", "-j", "list", "table", *TABLE)))}


class ServerBuffer:
    """Small receive buffers of the server's media sockets, from `begin` to the end of the block."""

    def __init__(self, lab_: Lab, fault: SocketBuffer) -> None:
        """Plan the change."""
        self._engine = lab_.machine.engine
        self._size = fault.size_bytes
        self._before: list[int] = []
        base: ContainerSpec = lab_.identity.spec("buffer", lab_.machine.images.client.reference, _SLEEP)
        self._spec = replace(
            base,
            processes=lab_.server,
            capabilities=("SYS_PTRACE", "DAC_READ_SEARCH"),  # the server is another user
            user="0:0",
            environment={"PYTHONPATH": CODE, "PYTHONDONTWRITEBYTECODE": "1"},
            mounts=(Mount(source=Path(lab.__file__).parent, target=f"{CODE}/lab"),),
        )

    def __enter__(self) -> ServerBuffer:
        """Start the container, change nothing yet."""
        self._container = self._engine.start(self._spec)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the sockets back what they had."""
        if self._before:
            self._resize(max(self._before))
        self._engine.remove(self._container)

    def begin(self) -> Mapping[str, Any]:
        """Make the buffers small; return what the kernel says of each before and after. EnvironmentFault."""
        found = self._resize(self._size)
        if not found:
            raise EnvironmentFault(f"the server has no UDP socket on port {MEDIA_PORT}", fix="see rtc in server.config")
        self._before = [each["before"] for each in found]
        return {"sockets": found}

    def end(self) -> Mapping[str, int]:
        """Return nothing more: what overflowed is counted by the namespace."""
        return {}

    def _resize(self, size: int) -> list[dict[str, int]]:
        argv = ("/venv/bin/python", "-m", "lab.clients.socket_buffer", str(MEDIA_PORT), str(size))
        answer: list[dict[str, int]] = json.loads(_said(self._engine, self._container, argv))
        return answer


def _said(engine: Any, container: str, argv: tuple[str, ...], stdin: str = "") -> str:
    """Return what `argv` printed. EnvironmentFault when it failed."""
    outcome = engine.execute(container, argv, stdin=stdin.encode())
    if outcome.exit_code:
        raise EnvironmentFault(f"{' '.join(argv)}: {outcome.stderr.strip()}", fix="does the kernel have it?")
    return str(outcome.stdout)
